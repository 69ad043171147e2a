"""What the store knows of customers: frozen records, handed out by its repositories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import SecretStr

from meterfarm.records import CustomerState, EventKind, Outcome, RunKind, SecretKind


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of a company; ``username`` as it was last given.

    Before they gave a login, ``login_id`` is 0, ``username`` is "", and ``utility`` the one they are to give
    a login of, "" if they may choose.
    """

    id: int
    company_id: int
    login_id: int
    utility: str
    username: str

    @classmethod
    def of(cls, row: Any) -> Customer:
        """The customer of a row of ``customer``, or of one that has those columns and its login's utility."""
        return cls(row.id, row.company_id, row.login_id or 0, row.utility, row.username)


@dataclass(frozen=True, slots=True)
class Company:
    """A tenant's test or live side: everything is read and done within the scope of one of them."""

    id: int
    name: str
    live: bool


class MeterPreference(StrEnum):
    """Which unlocked meters a company is charged for, by Bayou's names."""

    ELECTRIC = "electric"
    GAS = "gas"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class CompanySettings:
    """What one side of a company has chosen.

    ``unlock_months`` is how many months back bills unlock by themselves, None all of them;
    ``unlock_continuous`` whether later bills do; both for customers made from then on. ``gas_as_text``:
    numbers of gas are strings. ``notification_email`` gets a mail when a customer's data is ready or one must
    reauthenticate, "" for nobody. ``mail_domains``: bills may be mailed from addresses at these.
    ``meter_preference`` is for what is unlocked from then on.
    """

    unlock_months: int | None = None
    unlock_continuous: bool = True
    gas_as_text: bool = False
    notification_email: str = ""
    mail_domains: Sequence[str] = ()
    meter_preference: MeterPreference = MeterPreference.BOTH


@dataclass(frozen=True, slots=True)
class MeterPrice:
    """What an unlocked meter of a bill costs, in hundredths of the currency (ISO 4217)."""

    cents: int = 0
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class MeterTerms:
    """What unlocking costs a side of a company now, and which meters count."""

    price: MeterPrice
    preference: MeterPreference

    @property
    def counts_electric(self) -> bool:
        """Whether meters of electricity are charged."""
        return self.preference is not MeterPreference.GAS

    @property
    def counts_gas(self) -> bool:
        """Whether meters of gas are charged."""
        return self.preference is not MeterPreference.ELECTRIC


@dataclass(frozen=True, slots=True)
class CompanyBrand:
    """How one side of a company looks to its customers. ``shown_name`` "" is its name.

    ``colour`` as #0b6b4f, "" is the usual one. ``logo_type`` is the logo's media type, "" without a logo.
    ``origins`` are those of pages that may have the onboarding form in a frame. ``policy_url``: where the
    privacy policy is, "" if it has none. ``open_form``: whoever knows the company's link may begin.
    """

    shown_name: str = ""
    colour: str = ""
    logo: bytes = field(default=b"", repr=False)
    logo_type: str = ""
    origins: Sequence[str] = ()
    policy_url: str = ""
    open_form: bool = True


@dataclass(frozen=True, slots=True)
class UtilityWish:
    """A utility that a customer asked for, by the name that they wrote."""

    customer_id: int
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the API, without the key itself; ``hint`` is how it begins."""

    id: int
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a company says of a customer, by Bayou's names. ``state`` is the two-letter code."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone_number: str | None = None
    address_line_1: str | None = None
    address_line_2: str | None = None
    city: str | None = None
    zipcode: str | None = None
    state: str | None = None
    accepted_terms_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConsentInfo:
    """What a customer allowed, by ``method``. ``terms_hash`` is of the terms they were shown, "" of none.

    ``expires_at`` None: until it is revoked.
    """

    scope: str
    method: str
    terms_hash: str
    granted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer's own row and profile. ``authenticated_at``: when the portal first let them in.

    ``holder_id`` is the customer who holds what is collected by their login: mostly themselves. ``state`` is
    the holder's, ``revision`` counts the changes of what is stored of it.
    """

    id: int
    holder_id: int
    external_id: str | None
    utility: str
    state: CustomerState
    authenticated_at: datetime | None
    revision: int
    profile: Profile


@dataclass(frozen=True, slots=True)
class EndedRun:
    """How a run ended."""

    id: int
    kind: RunKind
    outcome: Outcome
    message: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerInfo:
    """How a customer stands. ``secrets`` are the kinds that are stored, ``questions`` the security questions
    of which the answer is, None in a list of many.

    ``accounts``, ``bills`` and ``readings`` count what is stored, None in a list of many.
    """

    id: int
    external_id: str | None
    utility: str
    username: str
    state: CustomerState
    reason: str
    since: datetime
    secrets: frozenset[SecretKind]
    session_saved_at: datetime | None
    trusted_since: datetime | None
    last_run: EndedRun | None
    bills_due_at: datetime | None
    intervals_due_at: datetime | None
    questions: Sequence[str] | None = None
    accounts: int | None = None
    bills: int | None = None
    readings: int | None = None


@dataclass(frozen=True, slots=True)
class ListedCustomer:
    """A customer as a list shows them; ``secrets`` of ``info`` are left out."""

    info: CustomerInfo
    profile: Profile


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """Which customers are listed. ``text`` is in their e-mail address, names, user name or external id, or is
    their number; "" for all. None of ``state``: all but the removed ones; of ``outcome``: any."""

    text: str = ""
    state: CustomerState | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the outbox; ``facts`` are JSON: the kind's own, the customer's external id and utility."""

    id: int
    customer_id: int
    run_id: int | None
    kind: EventKind
    key: str
    facts: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class RemovedCustomer:
    """A customer who was deleted with all that was stored of them; ``id`` counts removals."""

    id: int
    customer_id: int
    external_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Rejection:
    """How and when the portal refused a password."""

    outcome: Outcome
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class UnconfirmedPassword:
    """A password that was sent ``sends`` times, the latest ``at``, without an answer that is known.

    No run sends it again by itself before ``again_at``.
    """

    sends: int
    at: datetime
    again_at: datetime


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A portal session as it was saved; ``version`` counts the saves."""

    state: bytes = field(repr=False)
    version: int
    saved_at: datetime
    trusted_since: datetime | None


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run needs to know at its start. ``session_fault`` is why a saved session does not open.

    ``answers`` are those to security questions, "" stands for any. ``factor`` is what the portal last
    challenged the login with, "" if it never did.
    """

    may_collect: bool
    secrets: Mapping[SecretKind, SecretStr]
    factor: str
    session: SavedSession | None
    session_fault: str = ""
    answers: Mapping[str, SecretStr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VaultRead:
    """One opening of secrets. ``process`` is user, host and process id, ``command`` what was started."""

    id: int
    at: datetime
    process: str
    command: str
    run_id: int | None
    customer_id: int | None
    mailbox_id: int | None
    kinds: Sequence[str]


LONGEST_SESSION = timedelta(days=30)
IDLE = timedelta(days=7)
"""After this time without a page a browser is signed out."""
TIME_FOR_A_CODE = timedelta(minutes=10)
MOST_TRIES = 5
_SEEN_AGAIN = timedelta(minutes=5)


class Role(StrEnum):
    """What a user may do: an owner everything, a member all but settings and people, a reader nothing."""

    OWNER = "owner"
    MEMBER = "member"
    READER = "read-only"


@dataclass(frozen=True, slots=True)
class User:
    """A person of the company with this id (its test side). ``is_operator``: of the farm, too.

    ``is_invited``: no password was chosen yet. ``has_factor``: the second factor is asked for.
    """

    id: int
    company_id: int
    email: str
    role: Role
    is_operator: bool
    is_invited: bool
    has_factor: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UserSession:
    """A browser's. ``factor_lacks``: the password was right, the second factor was not given yet."""

    id: int
    user: User
    factor_lacks: bool
    agent: str
    began_at: datetime
    seen_at: datetime


def is_stale(opened: UserSession) -> bool:
    """Whether it is time to note that the browser is still used."""
    return opened.seen_at < datetime.now(UTC) - _SEEN_AGAIN
