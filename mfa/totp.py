"""Time-based one-time passwords (RFC 6238) from a secret the customer entrusted to us."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlsplit

import pyotp

from mfa.port import Code

_NOT_NEAR_THE_END = 3.0
"""Seconds a time step must still have when its code is typed; with less, the next step's code is used."""

_CODES = 2
"""Codes given in one sign-in: one, and another in case somebody else used the first one's time step."""
_DIGESTS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}


class TotpSecret:
    """An authenticator's secret that never gives the code of one time step twice.

    ``claim`` is told a time step and answers whether it is ours to use: False if its code was used before.
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
        return base64.b32decode(self.secret + "=" * (-len(self.secret) % 8), casefold=True)


def parse_totp_secret(text: str) -> pyotp.TOTP:
    """Read a secret as people have it: base32 in any grouping, or an ``otpauth://totp/`` address.

    Raises:
        ValueError: it is neither; the sentence does not repeat it.
    """
    try:
        totp = _from_address(text.strip()) if ":" in text else AnyLengthTotp(_squeezed(text))
        if totp.secret and totp.interval > _NOT_NEAR_THE_END and totp.at(0):
            return totp
    except (ValueError, LookupError):
        pass
    raise ValueError(
        "The TOTP secret is neither base32 (letters A to Z and digits 2 to 7) nor an otpauth://totp/ address."
    )


def _from_address(text: str) -> pyotp.TOTP:
    parts = urlsplit(text)
    if (parts.scheme, parts.netloc) != ("otpauth", "totp"):
        raise ValueError("not an otpauth://totp/ address")
    fields = dict(parse_qsl(parts.query))
    return AnyLengthTotp(
        _squeezed(fields["secret"]),
        digits=int(fields.get("digits", 6)),
        digest=_DIGESTS[fields.get("algorithm", "SHA1").upper()],
        interval=int(fields.get("period", 30)),
    )


def _squeezed(secret: str) -> str:
    return "".join(secret.split()).replace("-", "").rstrip("=").upper()
