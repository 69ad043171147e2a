"""Verification codes: always 1234, or random when asked for; and the authenticator app's codes."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from pyotp import TOTP

from meterfarm.fake_utility.kit.customers import Customer

FIXED = "1234"
STEP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class AppCode:
    """What an authenticator app shows: `step` counts the half-minutes since 1970."""

    code: str
    step: int
    seconds_left: int


class Codes:
    """`app_time`: seconds since 1970 as an authenticator app knows them, whatever the portal's clock says."""

    def __init__(self, *, random: bool, app_time: Callable[[], float] = time.time) -> None:
        self._random = random
        self._secret = secrets.token_bytes(32)
        self.app_time = app_time

    def new(self) -> str:
        """A code of six digits."""
        return f"{secrets.randbelow(1_000_000):06d}" if self._random else FIXED

    def app_code(self, customer: Customer, steps_ago: int = 0) -> AppCode:
        """An authenticator's code, now or some steps ago."""
        now = int(self.app_time())
        step = now // STEP_SECONDS - steps_ago
        left = STEP_SECONDS - now % STEP_SECONDS
        return AppCode(self._at_step(customer, step), step, left)

    def _at_step(self, customer: Customer, step: int) -> str:
        if customer.totp_secret:
            return TOTP(customer.totp_secret).generate_otp(step)
        if not self._random:
            return FIXED
        digest = hmac.digest(self._secret, f"{customer.username}/{step}".encode(), "sha256")
        return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"
