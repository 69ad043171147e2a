"""Time-based one-time passwords (RFC 6238) from a secret the customer entrusted to us."""

from __future__ import annotations

import asyncio
import binascii
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pyotp

from mfa.port import Code

_NOT_NEAR_THE_END = 3.0
"""Seconds a time step must still have when its code is typed; with less, the next step's code is used."""


class TotpSecret:
    """An authenticator's secret that never gives the code of one time step twice.

    ``claim`` is told a time step and answers whether it is ours to use: False if its code was used before.
    """

    def __init__(self, totp: pyotp.TOTP, claim: Callable[[int], Awaitable[bool]]) -> None:
        self._totp = totp
        self._claim = claim

    async def code(self) -> Code:
        """A code that was not used before and has time left; waits for the next time step if need be."""
        period = self._totp.interval
        while True:
            now = time.time()
            step, into = divmod(now, period)
            if period - into >= _NOT_NEAR_THE_END and await self._claim(int(step)):
                return Code(self._totp.at(int(now)))
            await asyncio.sleep(period - into)


def parse_totp_secret(text: str) -> pyotp.TOTP:
    """Read a secret as people have it: base32 in any grouping, or an ``otpauth://totp/`` address.

    Raises:
        ValueError: it is neither; the sentence does not repeat it.
    """
    try:
        if urlsplit(text.strip()).scheme == "otpauth":
            totp = pyotp.parse_uri(text.strip())
        else:
            totp = pyotp.TOTP("".join(text.split()).replace("-", "").upper())
        if isinstance(totp, pyotp.TOTP) and totp.interval > _NOT_NEAR_THE_END and totp.secret and totp.at(0):
            return totp
    except (ValueError, binascii.Error):
        pass
    raise ValueError(
        "The TOTP secret is neither base32 (letters A to Z and digits 2 to 7) nor an otpauth://totp/ address."
    )
