"""Who: companies, logins, customers, what is kept secret for them, and what receives their codes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from meterfarm.storage.tables.base import BIG, ForeignText, Keyed, Owned, Row, UtcDateTime, table_args


class CompanyRow(Keyed, table=True):
    """A tenant of the farm. Each has two rows of one name, test and ``live``, with nothing in common.

    A customer takes a copy of ``unlock_months`` (how far back bills unlock by themselves; None: all, 0: none)
    and ``unlock_continuous`` (whether later bills do) when it is made. ``gas_as_text``: programs want gas
    numbers as strings. ``notification_email`` gets news of customers, "" for nobody. ``mail_domains``,
    separated by spaces, are those that bills may be mailed from. ``meter_preference``: which unlocked meters
    are charged (``storage.customers.MeterPreference``).
    """

    __table_args__ = table_args(UniqueConstraint("name", "live"))

    name: str
    live: bool
    unlock_months: int | None = None
    unlock_continuous: bool = Field(default=True, sa_column_kwargs={"default": True})
    gas_as_text: bool = Field(default=False, sa_column_kwargs={"default": False})
    notification_email: str = Field(default="", sa_column_kwargs={"default": ""})
    mail_domains: str = Field(default="", sa_column_kwargs={"default": ""})
    meter_preference: str = Field(default="both", sa_column_kwargs={"default": "both"})


class MeterPriceRow(Row, table=True):
    """What an unlocked meter of a bill costs both sides of a company; "" is any without a row of its own."""

    company: str = Field(primary_key=True)
    cents: int = Field(sa_type=BIG)
    currency: str


class BrandRow(Row, table=True):
    """How a company's side looks to its customers; as ``storage.customers.CompanyBrand``.

    ``origins`` are separated by spaces.
    """

    company_id: int = Field(foreign_key="company.id", ondelete="CASCADE", primary_key=True)
    shown_name: str = ""
    colour: str = ""
    logo: bytes = Field(default=b"", sa_type=LargeBinary)
    logo_type: str = ""
    origins: str = ""
    policy_url: str = ""
    open_form: bool = True


class UtilityWishRow(Owned, table=True):
    """A utility that a customer asked for, which cannot be connected."""

    __table_args__ = table_args()

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", index=True)
    name: str = Field(sa_type=ForeignText)
    at: datetime = Field(sa_type=UtcDateTime)


class ApiKeyRow(Owned, table=True):
    """A key of the API. ``digest`` is its SHA-256, the key itself is kept nowhere. ``hint`` is its begin."""

    __table_args__ = table_args(UniqueConstraint("digest"))

    name: str
    hint: str
    digest: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class KeptAnswerRow(Owned, table=True):
    """What a request with an idempotency key was answered; ``digest`` is the key's SHA-256.

    ``request`` is a digest of what was asked. ``head`` has status and headers, "" while it is being answered.
    The body is sealed with a data key of its own, wrapped by the key ``key_id``.
    """

    __table_args__ = table_args(
        UniqueConstraint("company_id", "digest"), Index(None, "company_id", "entered_at")
    )

    digest: bytes = Field(sa_type=LargeBinary)
    request: bytes = Field(sa_type=LargeBinary)
    entered_at: datetime = Field(sa_type=UtcDateTime)
    head: str
    key_id: str
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)


class DashboardUserRow(Keyed, table=True):
    """A person of a company, of both its sides; ``company_id`` is its test side.

    ``email`` is as it is compared. ``password_hash`` (argon2id) is "" until the person has chosen one. The
    secret of the second factor is sealed with a data key of its own, wrapped by the key ``key_id``; both are
    empty where there is none. ``totp_step`` is the last time step that was used. ``recovery`` are SHA-256
    digests of codes for who has lost the second factor, separated by blanks.
    """

    __table_args__ = table_args(UniqueConstraint("email"))

    company_id: int = Field(foreign_key="company.id", index=True)
    email: str
    role: str
    is_operator: bool = False
    password_hash: str = ""
    key_id: str = ""
    wrapped_key: bytes = Field(default=b"", sa_type=LargeBinary)
    ciphertext: bytes = Field(default=b"", sa_type=LargeBinary)
    totp_step: int = Field(default=0, sa_type=BIG)
    recovery: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)


class UserSessionRow(Keyed, table=True):
    """A browser in which a user is signed in, or, while ``factor_lacks``, is asked for the second factor.

    ``digest`` is the SHA-256 of what is in its cookie. ``tries`` counts wrong codes.
    """

    __table_args__ = table_args(UniqueConstraint("digest"))

    user_id: int = Field(foreign_key="dashboard_user.id", ondelete="CASCADE", index=True)
    digest: bytes = Field(sa_type=LargeBinary)
    factor_lacks: bool
    tries: int = 0
    agent: str = Field(sa_type=ForeignText)
    began_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class UserLinkRow(Row, table=True):
    """A link that was mailed: it lets its reader set a password, once. ``digest`` is of what it ends in."""

    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    user_id: int = Field(foreign_key="dashboard_user.id", ondelete="CASCADE", index=True)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class LoginRow(Keyed, table=True):
    """A user name at a utility, shared across companies: locks and lockout hang on it. Normalised.

    ``factor`` is what the portal last challenged it with (``records.Factor``), "" if it never did.
    """

    __table_args__ = table_args(UniqueConstraint("utility", "username"))

    utility: str
    username: str = Field(index=True)
    factor: str = ""


class SentPasswordRow(Keyed, table=True):
    """A keyed hash of a user name's spelling and a password that were sent together and were not accepted.

    The hash's own key is kept wrapped under the master key ``key_id``, so that it outlasts rotations.
    ``outcome`` is how the portal refused them, "" while no answer is known to ``sends`` sendings, the latest
    of them ``at``; no run sends them again by itself before ``again_at``.
    """

    __table_args__ = table_args()

    login_id: int = Field(foreign_key="login.id", ondelete="CASCADE", index=True)
    key_id: str
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    digest: bytes = Field(sa_type=LargeBinary)
    outcome: str
    message: str = Field(sa_type=ForeignText)
    at: datetime = Field(sa_type=UtcDateTime)
    sends: int = 0
    again_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TotpUseRow(Row, table=True):
    """A TOTP time step (unix time // 30) that was spent on a login."""

    login_id: int = Field(foreign_key="login.id", ondelete="CASCADE", primary_key=True)
    step: int = Field(primary_key=True, sa_type=BIG, sa_column_kwargs={"autoincrement": False})


class CustomerRow(Owned, table=True):
    """A customer of a company, with a login at a utility once they have given one. ``wrapped_key`` is their
    data key under the master key ``key_id``, empty once they were removed.

    ``utility`` is the login's, or the one that they are to give a login of, "" if they may choose.
    ``username`` is spelled as it was last given. ``state``: ``records.CustomerState``, for ``reason``, since
    ``since``. ``faults`` counts the portal's faults since a run last got through. A part with no due time is
    not refreshed.

    ``unlock_months`` and ``unlock_continuous`` are the company's of when it was made. ``authenticated_at`` is
    when the portal first let it in. ``revision`` counts the changes of what is stored of it. ``shares_id`` is
    the customer with the same login who holds the connection and what is collected by it, if another does.
    """

    __table_args__ = table_args(
        UniqueConstraint("company_id", "external_id"),
        Index(None, "company_id", "id"),
        Index(None, "company_id", "state", "id"),
        Index(None, "utility", "bills_due_at"),
        Index(None, "utility", "intervals_due_at"),
    )

    login_id: int | None = Field(default=None, foreign_key="login.id", index=True, nullable=True)
    utility: str
    username: str
    external_id: str | None = None
    state: str
    reason: str = Field(default="", sa_type=ForeignText)
    since: datetime = Field(sa_type=UtcDateTime)
    faults: int = 0
    bills_due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    intervals_due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    key_id: str = Field(index=True)
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=UtcDateTime)
    unlock_months: int | None = None
    unlock_continuous: bool = Field(default=True, sa_column_kwargs={"default": True})
    authenticated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revision: int = Field(default=0, sa_type=BIG, sa_column_kwargs={"default": 0})
    shares_id: int | None = Field(default=None, foreign_key="customer.id", index=True, nullable=True)


class ProfileRow(Row, table=True):
    """What a company says of a customer, and when the customer accepted the terms. ``state``: two letters."""

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", primary_key=True)
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone_number: str | None = None
    address_line_1: str | None = None
    address_line_2: str | None = None
    city: str | None = None
    zipcode: str | None = None
    state: str | None = None
    accepted_terms_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CredentialRow(Owned, table=True):
    """A secret. ``question`` is that of a security answer, as it is compared; "" for any, and of others."""

    __table_args__ = table_args(UniqueConstraint("customer_id", "kind", "question"))

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE")
    kind: str
    question: str = ""
    ciphertext: bytes = Field(sa_type=LargeBinary)
    saved_at: datetime = Field(sa_type=UtcDateTime)


class SavedSessionRow(Owned, table=True):
    """A signed-in session. ``version`` counts the saves; ``trusted_since`` is when MFA was last passed,
    ``announced_at`` when an event announced that this trust will lapse."""

    __table_args__ = table_args(UniqueConstraint("customer_id"))

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE")
    version: int
    ciphertext: bytes = Field(sa_type=LargeBinary)
    saved_at: datetime = Field(sa_type=UtcDateTime)
    trusted_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    announced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ConsentRow(Owned, table=True):
    """What the customer allowed, how, and until when; ``announced_at``: that it expires was announced."""

    __table_args__ = table_args()

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", index=True)
    scope: str
    terms_hash: str
    method: str
    granted_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    announced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MailboxRow(Owned, table=True):
    """An IMAP mailbox. Its password is sealed with a data key of its own, wrapped by the key ``key_id``.

    ``security``: ``records.MailSecurity``. ``everybody``: it receives codes for all customers. ``fault`` is
    why it cannot be used, since ``since``; ``checked_at`` is when somebody last tried.
    """

    __table_args__ = table_args(UniqueConstraint("company_id", "host", "port", "username", "folder"))

    host: str
    port: int
    security: str
    username: str
    folder: str
    everybody: bool
    key_id: str
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    fault: str = Field(default="", sa_type=ForeignText)
    since: datetime = Field(sa_type=UtcDateTime)
    checked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class MailboxCustomerRow(Row, table=True):
    """A customer who receives codes in the mailbox."""

    mailbox_id: int = Field(foreign_key="mailbox.id", ondelete="CASCADE", primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", primary_key=True, index=True)


class PhoneNumberRow(Owned, table=True):
    """A telephone number of ours (+15185550123) that receives text messages."""

    __table_args__ = table_args(UniqueConstraint("company_id", "number"))

    number: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class PhoneNumberCustomerRow(Row, table=True):
    """A customer who receives codes at the number."""

    phone_number_id: int = Field(foreign_key="phone_number.id", ondelete="CASCADE", primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", primary_key=True, index=True)


class PendingCodeRow(Row, table=True):
    """A run that is having its portal send a code: only what came in after ``since`` is for it.

    ``factor`` is "" until it is known which. ``fence`` is the run's of then. ``came``: one was handed on.
    """

    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", primary_key=True)
    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", index=True)
    fence: int
    factor: str
    since: datetime = Field(sa_type=UtcDateTime)
    came: bool = False


class InboundMessageRow(Keyed, table=True):
    """A message that came in: every text message, and each mail that had its code used.

    ``company_id`` is known once it was handed to a customer. ``kind``: ``records.Factor``; ``key`` is
    unique: Twilio's id, or a mail's fingerprint. ``place`` is the number or mailbox. ``code`` is
    sealed with the customer's data key until a challenge takes it; ``digest`` is its keyed hash, by which a
    copy of it is known.
    """

    __table_args__ = table_args(UniqueConstraint("kind", "place", "key"))

    company_id: int | None = Field(default=None, foreign_key="company.id", nullable=True)
    kind: str
    key: str
    place: str
    customer_id: int | None = Field(
        default=None, foreign_key="customer.id", ondelete="CASCADE", index=True, nullable=True
    )
    challenge_id: int | None = Field(
        default=None, foreign_key="challenge.id", ondelete="SET NULL", nullable=True
    )
    at: datetime = Field(sa_type=UtcDateTime)
    status: str
    code: bytes | None = Field(default=None, sa_type=LargeBinary)
    digest: bytes | None = Field(default=None, sa_type=LargeBinary)


class SmsReceiverRow(Row, table=True):
    """A process that takes in text messages; ``worker`` as runs name theirs."""

    worker: str = Field(primary_key=True)
    address: str
    beat_at: datetime = Field(sa_type=UtcDateTime)
