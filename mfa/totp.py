"""Time-based one-time passwords (RFC 6238) from a secret the customer entrusted to us."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import pyotp

from meterfarm.mfa.code_pattern import INVISIBLE
from meterfarm.mfa.port import Code

_NOT_NEAR_THE_END = 3.0
"""Seconds a time step must still have when its code is typed; with less, the next step's code is used."""

_CODES = 2
"""Codes given in one sign-in: one, and another in case somebody else used the first one's time step."""
_ADDRESS = re.compile(r"otpauth\s*:\s*//+([a-z]*)(?=[/?])", re.IGNORECASE)
_ESCAPED = re.compile("&(?:amp;|#38;|#x26;)+", re.IGNORECASE)
"""What a page writes for ``&``, at times twice."""
_DIGITS, _PERIOD = (4, 10, 6), (4, 3600, 30)
"""At least, at most, and what counts if the address does not say."""
_NEITHER = (
    "The TOTP secret is neither base32 (letters A to Z and digits 2 to 7) nor an otpauth://totp/ address."
)
_DIGESTS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}


class TotpSecret:
    """An authenticator's secret that never gives the code of one time step twice.

    ``claim`` takes a time step and returns whether it may be used: False if its code was used before.
    """

    def __init__(self, totp: pyotp.TOTP, claim: Callable[[int], Awaitable[bool]]) -> None:
        self._totp = totp
        self._claim = claim
        self._given = 0

    @property
    def is_believed(self) -> bool:
        """Whether to go on with it: false once the portal has asked again after a code or two of it."""
        return self._given < _CODES

    async def code(self) -> Code:
        """A code that was not used before and has time left; waits for the next time step if need be."""
        self._given += 1
        period = self._totp.interval
        while True:
            now = time.time()
            step, into = divmod(now, period)
            if period - into >= _NOT_NEAR_THE_END and await self._claim(int(step)):
                return Code(self._totp.at(int(now)))
            await asyncio.sleep(period - into)


class AnyLengthTotp(pyotp.TOTP):
    """TOTP with a secret as short as the portal made it: many issue 80 bits, which pyotp refuses."""

    def byte_secret(self) -> bytes:
        """The secret's bytes; base32 of any length, padded."""
        return base64.b32decode(self.secret + "=" * (-len(self.secret) % 8), casefold=True)


def parse_totp_secret(text: str) -> pyotp.TOTP:
    """Read a secret as people have it: base32 in any grouping, or an ``otpauth://totp/`` address.

    Raises:
        ValueError: what is wrong with it, in a sentence that does not repeat it.
    """
    written = text.translate(INVISIBLE).strip()
    address = _ADDRESS.match(written)
    if address is None:
        if ":" in written:
            raise ValueError(_NEITHER)
        return _totp(written, _NEITHER)
    return _from_address(written, address[1].lower())


def _from_address(written: str, kind: str) -> pyotp.TOTP:
    """By the key URI format of authenticators; a label may hold any character, a question mark too."""
    if kind == "hotp":
        raise _wrong("is for codes that are counted (otpauth://hotp/); one for codes by the clock is needed")
    if kind != "totp":
        raise ValueError(_NEITHER)
    query = _ESCAPED.sub("&", written.rpartition("?")[2]).partition("#")[0]
    fields: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if fields.setdefault(name.strip().lower(), value.strip()) != value.strip():
            raise _wrong(f"has {name.strip().lower()[:20]} twice in its address, and differently")
    if "?" not in written or not fields.get("secret"):
        raise _wrong("is an otpauth://totp/ address without a secret; copy the whole address")
    return _totp(
        fields["secret"],
        "The TOTP secret is an otpauth://totp/ address, but its secret is not base32 (letters A to Z and "
        "digits 2 to 7).",
        digits=_number(fields, "digits", _DIGITS),
        digest=_digest(fields.get("algorithm", "")),
        period=_number(fields, "period", _PERIOD),
    )


def _totp(
    secret: str,
    otherwise: str,
    *,
    digits: int = 6,
    digest: Callable[..., Any] = hashlib.sha1,
    period: int = 30,
) -> pyotp.TOTP:
    squeezed = "".join(secret.split()).replace("-", "").rstrip("=").upper()
    if not re.fullmatch("[A-Z2-7]+", squeezed):
        raise ValueError(otherwise)
    if len(squeezed) % 8 in {1, 3, 6}:
        raise _wrong("lacks a character or has too many: base32 never has its length; copy all of it")
    return AnyLengthTotp(squeezed, digits=digits, digest=digest, interval=period)


def _number(fields: Mapping[str, str], name: str, limits: tuple[int, int, int]) -> int:
    least, most, usual = limits
    written = fields.get(name) or str(usual)
    if not re.fullmatch("[0-9]{1,6}", written) or not least <= int(written) <= most:
        raise _wrong(f"has a value of “{name}” that is no number from {least} to {most}")
    return int(written)


def _digest(written: str) -> Callable[..., Any]:
    name = re.sub("[^A-Z0-9]", "", written.upper()).removeprefix("HMAC") or "SHA1"
    if name not in _DIGESTS:
        raise _wrong("has an algorithm in its address that is none of SHA1, SHA256 and SHA512")
    return _DIGESTS[name]


def _wrong(what: str) -> ValueError:
    return ValueError(f"The TOTP secret {what}.")
