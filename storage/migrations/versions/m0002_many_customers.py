"""Customers who are due are found by utility, and logins by user name, however many there are."""

from __future__ import annotations

from alembic import op

revision = "many"
down_revision = "first"
branch_labels = None
depends_on = None

_PARTS = ("bills", "intervals")


def upgrade() -> None:
    op.create_index("ix_login_username", "login", ["username"])
    for part in _PARTS:
        op.drop_index(f"ix_customer_{part}_due_at", "customer")
        op.create_index(f"ix_customer_utility_{part}_due_at", "customer", ["utility", f"{part}_due_at"])


def downgrade() -> None:
    op.drop_index("ix_login_username", "login")
    for part in _PARTS:
        op.drop_index(f"ix_customer_utility_{part}_due_at", "customer")
        op.create_index(f"ix_customer_{part}_due_at", "customer", [f"{part}_due_at"])
