"""The log of vault reads: rows are added, never changed, and deleted only when they are a year old."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "reads"
down_revision = "many"
branch_labels = None
depends_on = None

_TABLE = "vault_read"
_REFUSAL = "rows of vault_read are neither changed nor, for a year, deleted"
_YEAR = "365 days"
_POSTGRES = f"""
CREATE FUNCTION {_TABLE}_is_kept() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
  IF TG_OP = 'DELETE' AND OLD.at < clock_timestamp() - interval '{_YEAR}' THEN RETURN OLD; END IF;
  RAISE EXCEPTION '{_REFUSAL}';
END $$
"""


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("company_id", sa.Integer, sa.ForeignKey("company.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("process", sa.String, nullable=False),
        sa.Column("command", sa.String, nullable=False),
        sa.Column("run_id", sa.Integer),
        sa.Column("customer_id", sa.Integer),
        sa.Column("mailbox_id", sa.Integer),
        sa.Column("kinds", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_vault_read_at", _TABLE, ["at"])
    op.create_index("ix_vault_read_customer_id_id", _TABLE, ["customer_id", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRES)
        op.execute(
            f"CREATE TRIGGER {_TABLE}_is_kept BEFORE UPDATE OR DELETE ON {_TABLE} "
            f"FOR EACH ROW EXECUTE FUNCTION {_TABLE}_is_kept()"
        )
        return
    for act, which in (("update", ""), ("delete", f"WHEN OLD.at >= datetime('now', '-{_YEAR}') ")):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_no_{act} BEFORE {act} ON {_TABLE} {which}"
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )


def downgrade() -> None:
    op.drop_table(_TABLE)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {_TABLE}_is_kept()")
