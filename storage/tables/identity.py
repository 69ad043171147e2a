"""Who: companies, logins at utilities, customers, and what is kept secret for them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from meterfarm.storage.tables.base import BIG, ForeignText, Keyed, Owned, Row, UtcDateTime, table_args


class CompanyRow(Keyed, table=True):
    __table_args__ = table_args(UniqueConstraint("name"))

    name: str


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
    """A login held for a company. ``wrapped_key`` is its data key under the master key ``key_id``, empty
    once it was removed.

    ``utility`` is its login's. ``username`` is spelled as it was last given. ``state``:
    ``records.CustomerState``, for ``reason``, since ``since``. ``faults`` counts the portal's faults since a
    run last got through. A part with no due time is not refreshed.
    """

    __table_args__ = table_args(
        UniqueConstraint("company_id", "login_id"),
        UniqueConstraint("company_id", "external_id"),
        Index(None, "utility", "bills_due_at"),
        Index(None, "utility", "intervals_due_at"),
    )

    login_id: int = Field(foreign_key="login.id", index=True)
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


class CredentialRow(Owned, table=True):
    __table_args__ = table_args(UniqueConstraint("customer_id", "kind"))

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE")
    kind: str
    ciphertext: bytes = Field(sa_type=LargeBinary)
    saved_at: datetime = Field(sa_type=UtcDateTime)


class PortalSessionRow(Owned, table=True):
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
    """What the customer allowed, how, and until when."""

    __table_args__ = table_args()

    customer_id: int = Field(foreign_key="customer.id", ondelete="CASCADE", index=True)
    scope: str
    terms_hash: str
    method: str
    granted_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
