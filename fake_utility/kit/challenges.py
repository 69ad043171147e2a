"""Multi-factor challenges: their states, tries, cooldown and expiry. No HTTP in here."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from math import ceil

from meterfarm.fake_utility.kit.codes import Codes
from meterfarm.fake_utility.kit.customers import Customer, Factor

TRIES = 3
REUSES = 5
COOLDOWN = timedelta(seconds=30)
CODE_LIFE = timedelta(minutes=10)
CHALLENGE_LIFE = timedelta(minutes=15)
SHORT_LIFE = timedelta(minutes=5)


class Verdict(Enum):
    """What an answer was."""

    RIGHT = auto()
    WRONG = auto()
    EXPIRED = auto()
    REUSED = auto()
    CLOSED = auto()


@dataclass(slots=True)
class Challenge:
    """One challenge of one sign-in. `chosen` is None while the customer has yet to choose among `factors`.

    `code` is the newest one sent: it makes all earlier ones void. `sent_at`: when, by factor.
    """

    customer: Customer
    factors: tuple[Factor, ...]
    opened_at: datetime
    chosen: Factor | None = None
    code: str | None = None
    wrong: int = 0
    reused: int = 0
    sent_at: dict[Factor, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.factors) == 1:
            self.chosen = self.factors[0]

    @property
    def needs_sending(self) -> bool:
        """Whether a code is still to be sent."""
        return self.chosen in ("sms", "email") and self.code is None

    @property
    def tries_left(self) -> int:
        """How many wrong answers it still takes."""
        return TRIES - self.wrong

    def over(self, now: datetime) -> bool:
        """Whether its time has run out."""
        life = SHORT_LIFE if self.customer.has("short-challenge") else CHALLENGE_LIFE
        return now - self.opened_at > life

    def wait(self, factor: Factor, now: datetime) -> int:
        """How many seconds to wait before a code may be sent (again) this way; 0: none."""
        last = self.sent_at.get(factor)
        return max(0, ceil((last + COOLDOWN - now).total_seconds())) if last else 0

    def send(self, factor: Factor, code: str, now: datetime) -> None:
        """Note a code that is being sent."""
        self.chosen, self.code = factor, code
        self.sent_at[factor] = now

    def expired(self, now: datetime) -> bool:
        """Whether its code is too old."""
        if self.chosen not in ("sms", "email"):
            return False
        if self.customer.oddities.codes_expire_at_once:
            return True
        return self.chosen in self.sent_at and now - self.sent_at[self.chosen] > CODE_LIFE

    def count_wrong(self) -> Verdict:
        """Count a wrong answer."""
        self.wrong += 1
        return Verdict.CLOSED if self.wrong >= TRIES else Verdict.WRONG

    def count_reused(self) -> Verdict:
        """Count an answer that was used before."""
        self.reused += 1
        return Verdict.CLOSED if self.reused > REUSES else Verdict.REUSED


class Judge:
    """Decides about answers. It remembers which authenticator codes were used, across sign-ins."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        self._last_step: dict[str, int] = {}

    def verdict(self, challenge: Challenge, answer: str, now: datetime) -> Verdict:
        """Judge an answer."""
        if challenge.chosen == "totp":
            return self._app_code(challenge, answer)
        if challenge.chosen == "question":
            question = challenge.customer.question
            right = question is not None and answer.strip().casefold() == question.answer.casefold()
            return Verdict.RIGHT if right else challenge.count_wrong()
        if challenge.expired(now):
            return Verdict.EXPIRED
        right = challenge.code is not None and _same(answer, challenge.code)
        return Verdict.RIGHT if right else challenge.count_wrong()

    def _app_code(self, challenge: Challenge, answer: str) -> Verdict:
        """The current code and the one before it count; a real authenticator's only once."""
        customer = challenge.customer
        for steps_ago in (0, 1):
            expected = self._codes.app_code(customer, steps_ago)
            if not _same(answer, expected.code):
                continue
            was_used = customer.has("used-code") and customer.username not in self._last_step
            if was_used:
                self._last_step[customer.username] = expected.step
            if customer.totp_secret and expected.step <= self._last_step.get(customer.username, -1):
                return challenge.count_reused()
            self._last_step[customer.username] = expected.step
            return Verdict.RIGHT
        return challenge.count_wrong()


def _same(answer: str, code: str) -> bool:
    return hmac.compare_digest(answer.strip().encode(), code.encode())
