"""A portal's test customers: what each is for, and how the portal treats them differently from the rest."""

from dataclasses import dataclass, field
from typing import Literal

from meterfarm.fake_utility.kit.accounts import Account, digits

Factor = Literal["sms", "email", "totp", "question"]
Gate = Literal[
    "locked",
    "password",
    "terms",
    "maintenance",
    "server_error",
    "too_many_requests",
    "firewall",
    "captcha",
    "splash",
    "timeout",
    "enrolment",
    "questionnaire",
]


@dataclass(frozen=True, slots=True)
class Question:
    """A security question and its answer."""

    text: str
    answer: str


@dataclass(frozen=True, slots=True)
class Oddities:
    """Where a customer's visit leaves the ordinary way.

    gate: what stands behind the password instead of the account.
    one_visit: once it was served a document its session ends, and its password is refused from then on.
    session_ends_after_bills: so many bills into the first session, that session ends.
    placeholder_bill: the place in the list (0 is the newest) of a bill with "unavailable" for a PDF.
    """

    gate: Gate | None = None
    one_visit: bool = False
    session_ends_after_bills: int | None = None
    placeholder_bill: int | None = None
    redesigned_bills: bool = False
    codes_expire_at_once: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """`challenges`: one after the other after the password, each with the factors it offers.

    `totp_secret`: base32, RFC 6238; without one, an authenticator's codes are the portal's own invention.
    `number`: 0, or the N of one of the many customers of a kind. `gaps`: so much is listed and cannot be had.
    `quirks`: the names of those that the portal has for them (`quirks.py`).
    """

    username: str
    purpose: str
    name: str
    accounts: tuple[Account, ...]
    outcome: str = "complete"
    then: str | None = None
    challenges: tuple[tuple[Factor, ...], ...] = ()
    totp_secret: str | None = None
    oddities: Oddities = field(default_factory=Oddities)
    number: int = 0
    question: Question | None = None
    gaps: int = 0
    quirks: frozenset[str] = frozenset()

    def has(self, quirk: str) -> bool:
        """Whether the portal does this otherwise for them."""
        return quirk in self.quirks

    @property
    def phone(self) -> str:
        """The phone number, made up of the user name."""
        if self.number:
            return f"+1555{digits(self.username + '/phone', 7)}"
        return f"+15185550{digits(self.username + '/phone', 3)}"

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All factors that a sign-in may ask for."""
        return tuple(factor for challenge in self.challenges for factor in challenge)

    def destination(self, factor: Factor) -> str:
        """Where a code goes, masked as the portal shows it; empty for factors that need no sending."""
        if factor == "sms":
            return f"***-***-{self.phone[-4:]}"
        if factor == "email":
            local, _, host = self.username.partition("@")
            return f"{local[0]}***{local[-1]}@{host}"
        return ""


def normalise(username: str) -> str:
    """How user names are compared."""
    return username.strip().lower()
