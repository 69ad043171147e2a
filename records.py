"""The vocabulary of the whole project: frozen records that every other room speaks. Imports nothing of ours.

Units, everywhere: money in integer cents; quantities as an integer mantissa with a decimal exponent and a
unit; instants aware and in UTC, or as epoch seconds in bulk readings; calendar days as dates in the utility's
own time zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class WhoActs(StrEnum):
    """Who has to act once a run has ended."""

    CUSTOMER = "customer"
    PORTAL = "portal"
    US = "us"
    NOBODY = "nobody"


class Outcome(StrEnum):
    """What a run ended in. ``who_acts`` and ``exit_code`` follow from it."""

    COMPLETE = "complete"
    NO_ACCOUNTS = "no_accounts"
    NO_DATA_YET = "no_data_yet"
    PENDING = "pending"
    PARTIAL = "partial"
    BAD_CREDENTIALS = "bad_credentials"
    ACCOUNT_LOCKED = "account_locked"
    PASSWORD_CHANGE_REQUIRED = "password_change_required"  # noqa: S105 - an outcome, not a password
    MFA_REQUIRED = "mfa_required"
    MFA_FAILED = "mfa_failed"
    MFA_EXPIRED = "mfa_expired"
    ACTION_REQUIRED = "action_required"
    CAPTCHA = "captcha"
    PORTAL_DOWN = "portal_down"
    MAINTENANCE = "maintenance"
    RATE_LIMITED = "rate_limited"
    BLOCKED = "blocked"
    LAYOUT_CHANGED = "layout_changed"
    UNKNOWN_PAGE = "unknown_page"
    NOT_CONFIGURED = "not_configured"
    INTERNAL = "internal"

    @property
    def who_acts(self) -> WhoActs:
        """Who has to act once a run has ended so."""
        if self in _NOBODY:
            return WhoActs.NOBODY
        if self in _PORTAL:
            return WhoActs.PORTAL
        if self in _US:
            return WhoActs.US
        return WhoActs.CUSTOMER

    @property
    def exit_code(self) -> int:
        """0 nobody acts, 10 the customer, 11 the portal, 12 us, 13 partial."""
        if self is Outcome.PARTIAL:
            return 13
        return {WhoActs.NOBODY: 0, WhoActs.CUSTOMER: 10, WhoActs.PORTAL: 11, WhoActs.US: 12}[self.who_acts]

    @property
    def holds_the_password(self) -> bool:
        """Whether the same password must not be sent again: a retry could lock the customer out."""
        return self in _HOLDS_THE_PASSWORD


_NOBODY = frozenset({Outcome.COMPLETE, Outcome.NO_ACCOUNTS, Outcome.NO_DATA_YET, Outcome.PENDING})
_PORTAL = frozenset({Outcome.PORTAL_DOWN, Outcome.MAINTENANCE, Outcome.RATE_LIMITED, Outcome.BLOCKED})
_US = frozenset(
    {
        *(Outcome.PARTIAL, Outcome.LAYOUT_CHANGED, Outcome.UNKNOWN_PAGE),
        *(Outcome.NOT_CONFIGURED, Outcome.INTERNAL),
    }
)
_HOLDS_THE_PASSWORD = frozenset(
    {Outcome.BAD_CREDENTIALS, Outcome.ACCOUNT_LOCKED, Outcome.PASSWORD_CHANGE_REQUIRED}
)


class Commodity(StrEnum):
    """What a meter measures."""

    ELECTRIC = "electricity"
    GAS = "gas"
    WATER = "water"
    OTHER = "other"


class Direction(StrEnum):
    """Which way energy flowed, seen from the customer: delivered to them, received from them, or the net."""

    DELIVERED = "delivered"
    RECEIVED = "received"
    NET = "net"
    UNKNOWN = "unknown"


class Measure(StrEnum):
    """What a series' numbers are. Only ``energy`` and ``volume`` are amounts per interval that add up to use.

    ``register`` is a meter's standing at an instant, whatever it counts.
    """

    ENERGY = "energy"
    VOLUME = "volume"
    DEMAND = "demand"
    REGISTER = "register"
    TEMPERATURE = "temperature"
    COST = "cost"
    OTHER = "other"


class Unit(StrEnum):
    """As published: gas and water are never converted; kWh are Wh with an exponent. Costs by ISO 4217."""

    WH = "Wh"
    THERM = "therm"
    CCF = "ccf"
    M3 = "m3"
    FT3 = "ft3"
    US_GALLON = "gal"
    IMPERIAL_GALLON = "imp gal"
    LITRE = "L"
    BTU = "BTU"
    JOULE = "J"
    VARH = "VArh"
    VAH = "VAh"
    W = "W"
    VAR = "VAr"
    VA = "VA"
    V = "V"
    A = "A"
    HZ = "Hz"
    CELSIUS = "degC"
    FAHRENHEIT = "degF"
    KELVIN = "K"
    USD = "USD"
    CAD = "CAD"
    EUR = "EUR"
    GBP = "GBP"
    AUD = "AUD"
    NZD = "NZD"
    CHF = "CHF"
    DKK = "DKK"
    NOK = "NOK"
    SEK = "SEK"
    JPY = "JPY"
    CNY = "CNY"
    INR = "INR"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Quantity:
    """``mantissa * 10**exponent`` of ``unit``, exactly."""

    mantissa: int
    exponent: int
    unit: Unit

    @property
    def value(self) -> Decimal:
        """The quantity as a decimal number of its unit."""
        return Decimal(self.mantissa).scaleb(self.exponent)


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; ``state`` is the two-letter code, ``country`` ISO 3166-1 alpha-2."""

    line_1: str
    city: str
    state: str
    postal_code: str
    line_2: str = ""
    country: str = "US"


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter of an account; ``additional_attributes`` are the utility's own ids (``service_number``...)."""

    id: str
    commodity: Commodity
    tariff: str = ""
    additional_attributes: Mapping[str, str] = field(default_factory=dict)


class AccountStatus(StrEnum):
    """Of a closed account no new data comes; what the portal still shows of it is collected."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Account:
    """A utility account as the portal shows it. ``number`` is the digits as the customer knows them.

    ``key`` is the portal's own key for it, "" if that is the number; ``additional_attributes`` are its other
    ids and facts.
    """

    number: str
    name: str = ""
    address: Address | None = None
    meters: Sequence[Meter] = ()
    key: str = ""
    status: AccountStatus = AccountStatus.OPEN
    additional_attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListedBill:
    """A bill the portal lists. ``key`` is the portal's own id for it, ``url`` where its PDF is."""

    key: str
    url: str
    billed_on: date
    total_amount: int | None = None


@dataclass(frozen=True, slots=True)
class BillMeter:
    """One meter's part of a bill. ``billing_period_to`` is the last day included."""

    id: str
    commodity: Commodity
    billing_period_from: date
    billing_period_to: date
    consumption: Quantity
    tariff: str = ""
    previous_read: Decimal | None = None
    current_read: Decimal | None = None
    additional_attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill as read from its PDF. Amounts in cents, credits negative, None where the bill states none.

    ``checks`` are those of its layout: figures printed on it that were held against each other.
    """

    account_number: str
    billed_on: date
    due_on: date | None
    billing_period_from: date
    billing_period_to: date
    total_amount: int
    outstanding_balance: int | None
    electricity_amount: int | None = None
    delivery_charge: int | None = None
    supply_charge: int | None = None
    community_solar_bill_credit: int | None = None
    gas_amount: int | None = None
    meters: Sequence[BillMeter] = ()
    address: Address | None = None
    previous_balance: int | None = None
    payments: int | None = None
    line_items: Sequence[LineItem] = ()
    checks: Sequence[BillCheck] = ()


@dataclass(frozen=True, slots=True)
class LineItem:
    """A charge or credit of a bill: ``cost`` in cents, credits negative.

    ``volume`` of ``unit`` times ``rate`` (in the currency's main unit) is the cost, where the bill says so.
    ``proved_by``: "sum" if it is a part of a total, "product" if volume times rate is the cost, or both.
    ``section`` is the heading that it stands under.
    """

    name: str
    cost: int
    volume: Decimal | None = None
    unit: str = ""
    rate: Decimal | None = None
    period_from: date | None = None
    period_to: date | None = None
    tier: str = ""
    proved_by: Sequence[str] = ()
    section: str = ""


@dataclass(frozen=True, slots=True)
class BillCheck:
    """Something that was held against something else on a bill; ``what`` is a sentence with the figures."""

    name: str
    passed: bool
    what: str


class CheckVerdict(StrEnum):
    """How a check ended, the worst first.

    ``no_verdict``: what it needs is not there, or not yet. A ``note`` is worth knowing, and no fault.
    """

    FAILED = "failed"
    NOTE = "note"
    NO_VERDICT = "no_verdict"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class HistoryCheck:
    """What of a bill was held against other bills or intervals; ``what`` is a sentence with the figures.

    ``name`` is ``periods``, ``reads``, ``intervals``, ``tariff``, ``meters`` or ``last_year``.
    ``counted`` is what a meter's row was held against: the sum of its intervals.
    """

    name: str
    verdict: CheckVerdict
    what: str
    counted: Quantity | None = None


@dataclass(frozen=True, slots=True)
class BillReading:
    """What was read from a bill, and how certain it is.

    ``reader`` is the layout, or "generic" for one that no layout knows. ``fields`` has what is certain, by
    the names that docs/bills.md has; ``left_out`` the reason for what is not. ``bill`` is None unless all is
    there that a bill in store has. ``ocr``: the text was recognised in pictures. ``shape`` is of a bill that
    no layout reads: what it has in common with others of its utility (``formats/bills/shape.py``).
    """

    reader: str
    status: BillStatus
    fields: Mapping[str, object]
    bill: Bill | None = None
    line_items: Sequence[LineItem] = ()
    checks: Sequence[BillCheck] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    ocr: bool = False
    shape: Sequence[str] = ()


class Reading(NamedTuple):
    """One interval: epoch seconds of its start (UTC), its length, and the mantissa of its series' unit."""

    start: int
    seconds: int
    mantissa: int
    estimated: bool = False

    @property
    def starts_at(self) -> datetime:
        """The start as an instant in UTC."""
        return datetime.fromtimestamp(self.start, UTC)

    @property
    def ends_at(self) -> datetime:
        """The end as an instant in UTC."""
        return datetime.fromtimestamp(self.start + self.seconds, UTC)


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one meter in one direction, in time order, each ``mantissa * 10**exponent`` of ``unit``."""

    meter_id: str
    commodity: Commodity
    direction: Direction
    unit: Unit
    exponent: int
    readings: Sequence[Reading]
    measure: Measure = Measure.ENERGY


class Severity(StrEnum):
    """Of an issue: a note lost nothing, a warning may have, of an error something was not read."""

    NOTE = "note"
    WARNING = "doubt"
    ERROR = "refused"


@dataclass(frozen=True, slots=True)
class Issue:
    """What of a file was not taken over as it stands: ``what`` is a sentence, ``where`` a place in it."""

    where: str
    what: str
    severity: Severity = Severity.WARNING

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


@dataclass(frozen=True, slots=True)
class IntervalData:
    """What an export held, and what of it could not be taken over as it stands.

    ``covers``: the first and last day that it is of, where the portal says so; None: those that were asked
    for.
    """

    series: Sequence[Series]
    issues: Sequence[Issue] = ()
    covers: tuple[date, date] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file as the portal handed it over: its bytes, what they are, and the portal's name for it."""

    content: bytes
    media_type: str
    name: str


class Factor(StrEnum):
    """A way a portal can challenge a customer, by the names the command line uses."""

    SMS = "sms"
    EMAIL = "email"
    TOTP = "totp"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class FactorOption:
    """One line of a portal's factor choice: ``label`` as shown, destination masked by the portal."""

    factor: Factor
    label: str
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a portal asks before it lets a customer in, in the portal's own words.

    With ``options`` it is a choice of factor (``factor`` is None); otherwise ``factor`` says what kind of
    answer is wanted. ``error`` is the portal's text about the answer before this one.
    """

    prompt: str
    factor: Factor | None = None
    destination: str = ""
    options: Sequence[FactorOption] = ()
    error: str = ""
    attempts_left: int | None = None
    can_resend: bool = False
    expires_at: datetime | None = None

    def asked_again(self, error: str) -> Challenge:
        """The same challenge after an answer that would not do, with the reason."""
        return replace(self, error=error)


@dataclass(frozen=True, slots=True)
class LedgerItem:
    """One thing the portal listed and whether it is in store.

    ``unread``: it is stored, and no layout reads it yet. ``pending``: it is not stored, the portal is still
    making it, and a later run fetches it. ``reason`` is why it is missing, pending or unread, and else what
    of it is in doubt.
    """

    account_number: str
    item: str
    stored: bool
    downloaded: bool = False
    reason: str = ""
    unread: bool = False
    pending: bool = False


class Part(StrEnum):
    """What a run collects; each succeeds, fails and falls due by itself."""

    BILLS = "bills"
    INTERVALS = "intervals"


class RunKind(StrEnum):
    """``connect`` signs in and may ask a person; ``collect`` fetches, asking nobody; ``scrape`` does both."""

    SCRAPE = "scrape"
    CONNECT = "connect"
    COLLECT = "collect"


class RunState(StrEnum):
    """``waiting`` is for a person's answer. ``ended`` alone has an outcome."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    ENDED = "ended"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"


class ChallengeState(StrEnum):
    """``open`` waits for an answer, ``answered`` for the run to take it, which makes it ``used``.

    ``lost``: its worker is gone, and the portal's page with it.
    """

    OPEN = "open"
    ANSWERED = "answered"
    USED = "used"
    EXPIRED = "expired"
    LOST = "lost"


class CustomerState(StrEnum):
    """``new`` has no credentials yet; of a ``removed`` one only the data is left."""

    NEW = "new"
    ACTIVE = "active"
    MUST_REAUTHENTICATE = "must_reauthenticate"
    REMOVED = "removed"


class BillSource(StrEnum):
    """How a bill came to us, by Bayou's names."""

    UTILITY = "utility"
    API = "API"
    EMAIL = "email"


class BillStatus(StrEnum):
    """How much of a bill may be read, by Bayou's names.

    ``unparsed``: no layout reads it yet. ``not_supported``: none will, it is encrypted or a picture.
    ``locked``: its content is withheld until it is unlocked.
    """

    UNPARSED = "unparsed"
    NOT_SUPPORTED = "not_supported"
    LOCKED = "locked"
    UNLOCKED = "unlocked"


class SecretKind(StrEnum):
    """What a customer entrusts to us to sign in with."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    TOTP_SECRET = "totp_secret"  # noqa: S105
    SECURITY_ANSWER = "security_answer"


class EventKind(StrEnum):
    """The kinds of events in the outbox, by Bayou's names where it has one."""

    CUSTOMER_HAS_FILLED_CREDENTIALS = "customer_has_filled_credentials"
    NEW_BILL = "new_bill"
    NEW_UNPARSED_BILL = "new_unparsed_bill"
    UPDATED_BILL = "updated_bill"
    BILLS_READY = "bills_ready"
    INTERVALS_READY = "intervals_ready"
    NEW_INTERVALS = "new_intervals"
    CUSTOMER_MUST_REAUTHENTICATE = "customer_must_reauthenticate"
    TRUST_EXPIRING = "trust_expiring"
    RUN_FAILED = "run_failed"
    MAILBOX_FAILED = "mailbox_failed"
    CONSENT_EXPIRING_SOON = "consent_expiring_soon"
    CONSENT_REVOKED = "consent_revoked"


class MailSecurity(StrEnum):
    """How a mail server is spoken to; ``none`` only on this machine."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that goes out. ``to`` is one address; ``html`` says the same as ``text``, "" for text alone.

    ``answers`` is the Message-ID of the mail that it answers by itself, "" if it answers none.
    """

    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    answers: str = ""
