"""The first schema. Constraints are named by the metadata's convention."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "first"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make all tables."""
    _identity()
    _users()
    _places()
    _bills()
    _intervals()
    _runs()
    _talk()
    _webhooks()
    _outgoing_mail()
    _channels()
    _workforce()
    _vault_reads()


def downgrade() -> None:
    """Drop all tables."""
    present = sa.MetaData()
    present.reflect(op.get_bind(), resolve_fks=False)
    present.remove(present.tables["alembic_version"])
    present.drop_all(op.get_bind())
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION vault_read_is_kept()")


def _column(name: str, kind: Any, *items: SchemaItem, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, *items, nullable=null)


def _of(table: str, as_name: str = "", *, null: bool = False) -> sa.Column[Any]:
    """A reference to the row that this one belongs to and goes with."""
    there = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return _column(as_name or f"{table}_id", sa.Integer, there, null=null)


def _keyed(name: str, *items: SchemaItem) -> None:
    """A table with an integer id that SQLite does not use again."""
    op.create_table(name, sa.Column("id", sa.Integer, primary_key=True), *items, sqlite_autoincrement=True)


def _owned(name: str, *items: SchemaItem) -> None:
    """A keyed table with rows of one company each."""
    _keyed(name, _column("company_id", sa.Integer, sa.ForeignKey("company.id")), *items)


def _indexed(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)


def _users() -> None:
    _keyed(
        "dashboard_user",
        _column("company_id", sa.Integer, sa.ForeignKey("company.id")),
        *(_column(name, sa.String) for name in ("email", "role")),
        _column("is_operator", sa.Boolean),
        _column("password_hash", sa.String),
        _column("key_id", sa.String),
        _column("wrapped_key", sa.LargeBinary),
        _column("ciphertext", sa.LargeBinary),
        _column("totp_step", sa.BigInteger),
        _column("recovery", sa.String),
        _column("created_at", INSTANT),
        sa.UniqueConstraint("email"),
    )
    _indexed("dashboard_user", "company_id")
    _keyed(
        "user_session",
        _of("dashboard_user", "user_id"),
        _column("digest", sa.LargeBinary),
        _column("factor_lacks", sa.Boolean),
        _column("tries", sa.Integer),
        _column("agent", sa.String),
        _column("began_at", INSTANT),
        _column("seen_at", INSTANT),
        sa.UniqueConstraint("digest"),
    )
    _indexed("user_session", "user_id")
    op.create_table(
        "user_link",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        _of("dashboard_user", "user_id"),
        _column("expires_at", INSTANT),
    )
    _indexed("user_link", "user_id")


def _identity() -> None:
    _keyed(
        "company",
        _column("name", sa.String),
        _column("unlock_months", sa.Integer, null=True),
        _column("unlock_continuous", sa.Boolean),
        _column("gas_as_text", sa.Boolean),
        _column("meter_preference", sa.String),
        _column("live", sa.Boolean),
        _column("notification_email", sa.String),
        _column("mail_domains", sa.String),
        sa.UniqueConstraint("name", "live"),
    )
    op.create_table(
        "meter_price",
        sa.Column("company", sa.String, primary_key=True),
        _column("cents", sa.BigInteger),
        _column("currency", sa.String),
    )
    op.create_table(
        "brand",
        sa.Column(
            "company_id", sa.Integer, sa.ForeignKey("company.id", ondelete="CASCADE"), primary_key=True
        ),
        *(
            _column(name, sa.String)
            for name in ("shown_name", "colour", "logo_type", "origins", "policy_url")
        ),
        _column("logo", sa.LargeBinary),
        _column("open_form", sa.Boolean),
    )
    _owned(
        "api_key",
        _column("name", sa.String),
        _column("hint", sa.String),
        _column("digest", sa.LargeBinary),
        _column("created_at", INSTANT),
        _column("revoked_at", INSTANT, null=True),
        sa.UniqueConstraint("digest"),
    )
    _owned(
        "kept_answer",
        _column("digest", sa.LargeBinary),
        _column("request", sa.LargeBinary),
        _column("entered_at", INSTANT),
        _column("head", sa.String),
        _column("key_id", sa.String),
        _column("wrapped_key", sa.LargeBinary),
        _column("ciphertext", sa.LargeBinary),
        sa.UniqueConstraint("company_id", "digest"),
    )
    _indexed("kept_answer", "company_id", "entered_at")
    _keyed(
        "login",
        _column("utility", sa.String),
        _column("username", sa.String),
        _column("factor", sa.String),
        sa.UniqueConstraint("utility", "username"),
    )
    _indexed("login", "username")
    _keyed(
        "sent_password",
        _of("login"),
        _column("key_id", sa.String),
        _column("wrapped_key", sa.LargeBinary),
        _column("digest", sa.LargeBinary),
        _column("outcome", sa.String),
        _column("message", sa.String),
        _column("at", INSTANT),
        _column("sends", sa.Integer),
        _column("again_at", INSTANT, null=True),
    )
    _indexed("sent_password", "login_id")
    op.create_table(
        "totp_use",
        sa.Column("login_id", sa.Integer, sa.ForeignKey("login.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    _owned(
        "customer",
        _column("login_id", sa.Integer, sa.ForeignKey("login.id"), null=True),
        _column("utility", sa.String),
        _column("username", sa.String),
        _column("external_id", sa.String, null=True),
        _column("state", sa.String),
        _column("reason", sa.String),
        _column("since", INSTANT),
        _column("faults", sa.Integer),
        _column("bills_due_at", INSTANT, null=True),
        _column("intervals_due_at", INSTANT, null=True),
        _column("key_id", sa.String),
        _column("wrapped_key", sa.LargeBinary),
        _column("created_at", INSTANT),
        _column("unlock_months", sa.Integer, null=True),
        _column("unlock_continuous", sa.Boolean),
        _column("authenticated_at", INSTANT, null=True),
        _column("revision", sa.BigInteger),
        _column("shares_id", sa.Integer, sa.ForeignKey("customer.id"), null=True),
        sa.UniqueConstraint("company_id", "external_id"),
    )
    _indexed("customer", "login_id")
    _indexed("customer", "shares_id")
    _indexed("customer", "key_id")
    _indexed("customer", "company_id", "id")
    _indexed("customer", "company_id", "state", "id")
    _indexed("customer", "utility", "bills_due_at")
    _indexed("customer", "utility", "intervals_due_at")
    op.create_table(
        "profile",
        sa.Column(
            "customer_id", sa.Integer, sa.ForeignKey("customer.id", ondelete="CASCADE"), primary_key=True
        ),
        *(
            _column(name, sa.String, null=True)
            for name in (
                *("email", "first_name", "last_name", "phone_number"),
                *("address_line_1", "address_line_2", "city", "zipcode", "state"),
            )
        ),
        _column("accepted_terms_at", INSTANT, null=True),
    )
    _owned("utility_wish", _of("customer"), _column("name", sa.String), _column("at", INSTANT))
    _indexed("utility_wish", "customer_id")
    _owned(
        "credential",
        _of("customer"),
        _column("kind", sa.String),
        _column("question", sa.String),
        _column("ciphertext", sa.LargeBinary),
        _column("saved_at", INSTANT),
        sa.UniqueConstraint("customer_id", "kind", "question"),
    )
    _owned(
        "saved_session",
        _of("customer"),
        _column("version", sa.Integer),
        _column("ciphertext", sa.LargeBinary),
        _column("saved_at", INSTANT),
        _column("trusted_since", INSTANT, null=True),
        _column("announced_at", INSTANT, null=True),
        sa.UniqueConstraint("customer_id"),
    )
    _owned(
        "consent",
        _of("customer"),
        _column("scope", sa.String),
        _column("terms_hash", sa.String),
        _column("method", sa.String),
        _column("granted_at", INSTANT),
        _column("expires_at", INSTANT, null=True),
        _column("announced_at", INSTANT, null=True),
        _column("revoked_at", INSTANT, null=True),
    )
    _indexed("consent", "customer_id")


def _places() -> None:
    _owned(
        "account",
        _of("customer"),
        _column("number", sa.String),
        _column("name", sa.String),
        _column("portal_key", sa.String),
        _column("status", sa.String),
        _column("attributes", sa.JSON),
        _column("address", sa.JSON, null=True),
        sa.UniqueConstraint("customer_id", "number"),
    )
    _owned(
        "former_number",
        _of("account"),
        _column("number", sa.String),
        sa.UniqueConstraint("account_id", "number"),
    )
    _owned(
        "service",
        _of("account"),
        _column("commodity", sa.String),
        _column("number", sa.String),
        _column("zone", sa.String),
        _column("address", sa.JSON, null=True),
        sa.UniqueConstraint("account_id", "commodity", "number"),
    )
    _owned(
        "meter",
        _of("account"),
        _of("service"),
        _column("number", sa.String),
        _column("commodity", sa.String),
        _column("tariff", sa.String),
        _column("attributes", sa.JSON),
        _column("valid_from", INSTANT, null=True),
        _column("valid_to", INSTANT, null=True),
        sa.UniqueConstraint("account_id", "number"),
    )
    _indexed("meter", "service_id")


def _bills() -> None:
    op.create_table(
        "file",
        sa.Column("sha256", sa.String, primary_key=True),
        _column("size", sa.BigInteger),
        _column("refs", sa.Integer),
    )
    _owned(
        "document",
        _of("account", null=True),
        _of("customer", null=True),
        _column("kind", sa.String),
        _column("portal_key", sa.String),
        _column("sha256", sa.String, sa.ForeignKey("file.sha256")),
        _column("media_type", sa.String),
        _column("name", sa.String),
        _column("fetched_at", INSTANT),
        sa.UniqueConstraint("account_id", "kind", "portal_key", "sha256"),
    )
    _indexed("document", "sha256")
    _indexed("document", "customer_id")
    _owned(
        "extraction",
        _of("document"),
        _column("layout", sa.String),
        _column("layout_version", sa.Integer),
        _column("problems", sa.JSON),
        _column("supported", sa.Boolean),
        _column("at", INSTANT),
        sa.UniqueConstraint("document_id", "layout", "layout_version"),
    )
    _owned(
        "bill",
        _of("account", null=True),
        _of("customer", null=True),
        _column("utility", sa.String),
        _column("portal_key", sa.String),
        _column("external_id", sa.String, null=True),
        _column("source", sa.String),
        _column("billed_on", sa.Date, null=True),
        _column("listed_amount", sa.BigInteger, null=True),
        _column("unlocked_at", INSTANT, null=True),
        sa.UniqueConstraint("account_id", "portal_key"),
        sa.UniqueConstraint("company_id", "external_id"),
    )
    _indexed("bill", "customer_id", "billed_on")
    unassigned = sa.text("account_id IS NULL")
    op.create_index(
        "uq_bill_unassigned",
        "bill",
        ["company_id", "portal_key"],
        unique=True,
        sqlite_where=unassigned,
        postgresql_where=unassigned,
    )
    _owned(
        "unlock",
        _column("customer_id", sa.Integer, null=True),
        _column("bill_id", sa.Integer),
        _column("meter", sa.String),
        _column("by", sa.String),
        _column("at", INSTANT),
        _column("electric", sa.Integer),
        _column("gas", sa.Integer),
        _column("price", sa.BigInteger),
        _column("currency", sa.String),
        sa.UniqueConstraint("bill_id", "meter"),
    )
    _indexed("unlock", "company_id", "at", "bill_id")
    _owned(
        "bill_version",
        _of("bill"),
        _of("document"),
        _of("extraction"),
        _column("at", INSTANT),
        _column("account_number", sa.String, null=True),
        _column("billed_on", sa.Date, null=True),
        _column("due_on", sa.Date, null=True),
        _column("billing_period_from", sa.Date, null=True),
        _column("billing_period_to", sa.Date, null=True),
        _column("total_amount", sa.BigInteger, null=True),
        _column("outstanding_balance", sa.BigInteger, null=True),
        _column("electricity_amount", sa.BigInteger, null=True),
        _column("delivery_charge", sa.BigInteger, null=True),
        _column("supply_charge", sa.BigInteger, null=True),
        _column("community_solar_bill_credit", sa.BigInteger, null=True),
        _column("gas_amount", sa.BigInteger, null=True),
        _column("content", sa.JSON, null=True),
        _column("reading", sa.JSON, null=True),
    )
    _indexed("bill_version", "extraction_id")
    _indexed("bill_version", "document_id")
    _indexed("bill_version", "bill_id")
    unread = sa.text("total_amount IS NULL")
    op.create_index(
        "ix_bill_version_unread", "bill_version", ["bill_id"], sqlite_where=unread, postgresql_where=unread
    )


def _intervals() -> None:
    _owned(
        "pending_export",
        _of("account"),
        _column("meter", sa.String),
        _column("first", sa.Date),
        _column("last", sa.Date),
        _column("portal_key", sa.String),
        _column("requested_at", INSTANT),
        _column("not_before", INSTANT, null=True),
        sa.UniqueConstraint("account_id", "meter", "first", "last"),
    )
    _owned(
        "series",
        _of("meter"),
        _column("commodity", sa.String),
        _column("measure", sa.String),
        _column("direction", sa.String),
        _column("unit", sa.String),
        _column("seconds", sa.Integer),
        _column("exponent", sa.Integer),
        sa.UniqueConstraint("meter_id", "commodity", "measure", "direction", "unit", "seconds"),
    )
    op.create_table(
        "reading",
        sa.Column("series_id", sa.Integer, sa.ForeignKey("series.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        _column("seconds", sa.Integer),
        _column("mantissa", sa.BigInteger),
        _column("estimated", sa.Boolean),
        _column("first_seen", sa.BigInteger),
        _column("updated", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "coverage_range",
        sa.Column("series_id", sa.Integer, sa.ForeignKey("series.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        _column("last", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    _keyed(
        "reading_revision",
        _column("series_id", sa.Integer),
        _column("start", sa.BigInteger),
        _column("seconds", sa.Integer),
        _column("mantissa", sa.BigInteger),
        _column("estimated", sa.Boolean),
        _column("seen", sa.BigInteger),
        _column("replaced", sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["series_id", "start"], ["reading.series_id", "reading.start"], ondelete="CASCADE"
        ),
    )
    _indexed("reading_revision", "series_id", "start")


def _runs() -> None:
    _owned(
        "run",
        _of("customer"),
        _column("login_id", sa.Integer, sa.ForeignKey("login.id")),
        _column("kind", sa.String),
        _column("state", sa.String),
        _column("parts", sa.String),
        _column("why", sa.String),
        _column("attempt", sa.Integer),
        _column("fence", sa.Integer),
        _column("worker", sa.String),
        _column("lease_until", INSTANT, null=True),
        _column("not_before", INSTANT),
        _column("notified_at", INSTANT, null=True),
        _column("cancelled", sa.Boolean),
        _column("asked", sa.Boolean),
        _column("outcome", sa.String),
        _column("message", sa.String),
        _column("session", sa.String),
        _column("pages", sa.Integer),
        _column("evidence", sa.String),
        _column("seconds", sa.JSON),
        _column("requested_at", INSTANT),
        _column("started_at", INSTANT, null=True),
        _column("ended_at", INSTANT, null=True),
    )
    _unique_while("uq_run_active", "run", ["customer_id", "kind"], "'queued', 'running', 'waiting'")
    _unique_while("uq_run_held", "run", ["login_id"], "'running', 'waiting'")
    op.create_index("ix_run_state_not_before", "run", ["state", "not_before"])
    op.create_index("ix_run_customer_id_id", "run", ["customer_id", "id"])
    connects = sa.text("kind = 'connect'")
    op.create_index("ix_run_connect", "run", ["id"], sqlite_where=connects, postgresql_where=connects)
    _keyed(
        "run_step",
        _of("run"),
        _column("at", INSTANT),
        _column("step", sa.String),
        _column("detail", sa.String),
    )
    _indexed("run_step", "run_id")
    _owned(
        "ledger_item",
        _of("run"),
        _column("account_number", sa.String),
        _column("item", sa.String),
        _column("stored", sa.Boolean),
        _column("downloaded", sa.Boolean),
        _column("unread", sa.Boolean),
        _column("pending", sa.Boolean),
        _column("reason", sa.String),
    )
    _indexed("ledger_item", "run_id")
    op.create_table(
        "circuit_breaker",
        sa.Column("utility", sa.String, primary_key=True, nullable=False),
        _column("faults", sa.JSON),
        _column("openings", sa.Integer),
        _column("open_until", INSTANT, null=True),
        _column("probe_run_id", sa.Integer, null=True),
        _column("opened_at", INSTANT, null=True),
    )
    op.create_table(
        "outcome_count",
        sa.Column("day", sa.Date, primary_key=True, nullable=False),
        *(sa.Column(name, sa.String, primary_key=True, nullable=False) for name in ("utility", "outcome")),
        _column("count", sa.Integer),
    )
    _keyed(
        "trouble_notice",
        *(_column(name, sa.String) for name in ("utility", "text")),
        _column("begins_at", INSTANT),
        _column("ends_at", INSTANT, null=True),
        _column("posted_by", sa.String),
        _column("posted_at", INSTANT),
    )
    _indexed("trouble_notice", "ends_at")


def _unique_while(name: str, table: str, columns: list[str], states: str) -> None:
    held = sa.text(f"state IN ({states})")
    op.create_index(name, table, columns, unique=True, sqlite_where=held, postgresql_where=held)


def _talk() -> None:
    _owned(
        "challenge",
        _of("customer"),
        _of("run"),
        _column("state", sa.String),
        _column("factor", sa.String),
        _column("prompt", sa.String),
        _column("destination", sa.String),
        _column("options", sa.JSON),
        _column("error", sa.String),
        _column("attempts_left", sa.Integer, null=True),
        _column("can_resend", sa.Boolean),
        _column("channel", sa.String),
        _column("asked_at", INSTANT),
        _column("expires_at", INSTANT),
        _column("answered_at", INSTANT, null=True),
        _column("answer", sa.LargeBinary, null=True),
    )
    _indexed("challenge", "customer_id")
    _indexed("challenge", "run_id")
    _indexed("challenge", "state", "expires_at")
    _owned(
        "event",
        _of("customer"),
        _column("run_id", sa.Integer, sa.ForeignKey("run.id", ondelete="SET NULL"), null=True),
        _column("kind", sa.String),
        _column("key", sa.String),
        _column("facts", sa.JSON),
        _column("at", INSTANT),
        sa.UniqueConstraint("customer_id", "kind", "key"),
    )
    _indexed("event", "company_id", "id")
    _owned(
        "removed_customer",
        _column("customer_id", sa.Integer),
        _column("external_id", sa.String, null=True),
        _column("at", INSTANT),
    )
    _indexed("removed_customer", "company_id", "id")
    _indexed("removed_customer", "customer_id")


def _webhooks() -> None:
    _owned(
        "webhook_endpoint",
        _column("url", sa.String),
        _column("kinds", sa.String),
        _column("allows_private", sa.Boolean),
        _column("state", sa.String),
        _column("looked_at", sa.Integer),
        _column("fault", sa.String),
        _column("since", INSTANT),
        _column("rests_until", INSTANT, null=True),
        _column("version", sa.Integer),
        _column("key_id", sa.String),
        _column("wrapped_key", sa.LargeBinary),
        _column("ciphertext", sa.LargeBinary),
        _column("created_at", INSTANT),
    )
    _owned(
        "webhook_delivery",
        _of("webhook_endpoint", as_name="endpoint_id"),
        _of("event"),
        _of("customer"),
        _column("state", sa.String),
        _column("attempts", sa.Integer),
        _column("since", INSTANT),
        _column("next_at", INSTANT, null=True),
        _column("lease_until", INSTANT, null=True),
        _column("ended_at", INSTANT, null=True),
        sa.UniqueConstraint("endpoint_id", "event_id"),
    )
    _indexed("webhook_delivery", "event_id")
    _indexed("webhook_delivery", "customer_id")
    pending = sa.text("state = 'pending'")
    for name, columns in (
        ("due", ["endpoint_id", "next_at"]),
        ("line", ["endpoint_id", "customer_id", "event_id"]),
    ):
        op.create_index(
            f"ix_webhook_delivery_{name}",
            "webhook_delivery",
            columns,
            sqlite_where=pending,
            postgresql_where=pending,
        )
    _keyed(
        "webhook_attempt",
        _of("webhook_delivery", as_name="delivery_id"),
        _column("number", sa.Integer),
        _column("at", INSTANT),
        _column("milliseconds", sa.Integer),
        _column("status", sa.Integer, null=True),
        _column("answer", sa.String),
        _column("fault", sa.String),
    )
    _indexed("webhook_attempt", "delivery_id")


def _outgoing_mail() -> None:
    _owned(
        "outgoing_mail",
        _column("key", sa.String),
        _column("about", sa.String),
        _of("customer", null=True),
        _column("to", sa.String),
        _column("message_id", sa.String),
        _column("state", sa.String),
        _column("attempts", sa.Integer),
        _column("since", INSTANT),
        _column("until", INSTANT),
        _column("next_at", INSTANT, null=True),
        _column("lease_until", INSTANT, null=True),
        _column("ended_at", INSTANT, null=True),
        _column("fault", sa.String),
        _column("key_id", sa.String),
        _column("wrapped_key", sa.LargeBinary),
        _column("ciphertext", sa.LargeBinary),
        sa.UniqueConstraint("company_id", "key"),
    )
    _indexed("outgoing_mail", "customer_id")
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_outgoing_mail_due",
        "outgoing_mail",
        ["next_at"],
        sqlite_where=pending,
        postgresql_where=pending,
    )


def _channels() -> None:
    _owned(
        "mailbox",
        _column("host", sa.String),
        _column("port", sa.Integer),
        _column("security", sa.String),
        _column("username", sa.String),
        _column("folder", sa.String),
        _column("everybody", sa.Boolean),
        _column("key_id", sa.String),
        _column("wrapped_key", sa.LargeBinary),
        _column("ciphertext", sa.LargeBinary),
        _column("fault", sa.String),
        _column("since", INSTANT),
        _column("checked_at", INSTANT, null=True),
        _column("created_at", INSTANT),
        sa.UniqueConstraint("company_id", "host", "port", "username", "folder"),
    )
    _of_customers("mailbox")
    _owned(
        "phone_number",
        _column("number", sa.String),
        _column("created_at", INSTANT),
        sa.UniqueConstraint("company_id", "number"),
    )
    _of_customers("phone_number")
    op.create_table(
        "pending_code",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        _of("customer"),
        _column("fence", sa.Integer),
        _column("factor", sa.String),
        _column("since", INSTANT),
        _column("came", sa.Boolean),
    )
    _indexed("pending_code", "customer_id")
    _keyed(
        "inbound_message",
        _column("company_id", sa.Integer, sa.ForeignKey("company.id"), null=True),
        _column("kind", sa.String),
        _column("key", sa.String),
        _column("place", sa.String),
        _column("customer_id", sa.Integer, sa.ForeignKey("customer.id", ondelete="CASCADE"), null=True),
        _column("challenge_id", sa.Integer, sa.ForeignKey("challenge.id", ondelete="SET NULL"), null=True),
        _column("at", INSTANT),
        _column("status", sa.String),
        _column("code", sa.LargeBinary, null=True),
        _column("digest", sa.LargeBinary, null=True),
        sa.UniqueConstraint("kind", "place", "key"),
    )
    _indexed("inbound_message", "customer_id")
    op.create_table(
        "sms_receiver",
        sa.Column("worker", sa.String, primary_key=True, nullable=False),
        _column("address", sa.String),
        _column("beat_at", INSTANT),
    )


def _workforce() -> None:
    op.create_table(
        "farm",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, nullable=False),
        _column("key", sa.String),
    )
    op.create_table(
        "worker",
        sa.Column("process", sa.String, primary_key=True, nullable=False),
        _column("queues", sa.String),
        _column("beat_at", INSTANT),
    )


def _of_customers(table: str) -> None:
    """Which customers a row of the table is for."""
    op.create_table(
        f"{table}_customer",
        sa.Column(
            f"{table}_id", sa.Integer, sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column(
            "customer_id", sa.Integer, sa.ForeignKey("customer.id", ondelete="CASCADE"), primary_key=True
        ),
    )
    _indexed(f"{table}_customer", "customer_id")


_REFUSAL = "rows of vault_read are neither changed nor, for a year, deleted"
_YEAR = "365 days"
_POSTGRES = f"""
CREATE FUNCTION vault_read_is_kept() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
  IF TG_OP = 'DELETE' AND OLD.at < clock_timestamp() - interval '{_YEAR}' THEN RETURN OLD; END IF;
  RAISE EXCEPTION '{_REFUSAL}';
END $$
"""


def _vault_reads() -> None:
    """The log of vault reads: rows are added, never changed, and deleted only when they are a year old."""
    _owned(
        "vault_read",
        _column("at", INSTANT),
        _column("process", sa.String),
        _column("command", sa.String),
        _column("run_id", sa.Integer, null=True),
        _column("customer_id", sa.Integer, null=True),
        _column("mailbox_id", sa.Integer, null=True),
        _column("kinds", sa.String),
    )
    _indexed("vault_read", "at")
    _indexed("vault_read", "customer_id", "id")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRES)
        op.execute(
            "CREATE TRIGGER vault_read_is_kept BEFORE UPDATE OR DELETE ON vault_read "
            "FOR EACH ROW EXECUTE FUNCTION vault_read_is_kept()"
        )
        return
    for act, which in (("update", ""), ("delete", f"WHEN OLD.at >= datetime('now', '-{_YEAR}') ")):
        op.execute(
            f"CREATE TRIGGER vault_read_no_{act} BEFORE {act} ON vault_read {which}"
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
