"""Who opened what was sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DDL, Index, event
from sqlmodel import Field

from meterfarm.storage.tables.base import Owned, UtcDateTime, metadata, table_args

_KEPT = "rows of vault_read are neither changed nor, for a year, deleted"
_YOUNG = "WHEN OLD.at >= datetime('now', '-365 days')"


class VaultReadRow(Owned, table=True):
    """One opening of secrets. The database refuses to change a row, and for a year to delete it.

    They outlive what they tell of, so ``customer_id``, ``mailbox_id`` and ``run_id`` refer to nothing by
    force. ``process`` is user, host and process id; ``command`` what it was started as; ``kinds`` what was
    opened, separated by spaces.
    """

    __table_args__ = table_args(Index("ix_vault_read_customer_id_id", "customer_id", "id"))

    at: datetime = Field(sa_type=UtcDateTime, index=True)
    process: str
    command: str
    run_id: int | None = None
    customer_id: int | None = None
    mailbox_id: int | None = None
    kinds: str


for act, which in (("update", ""), ("delete", f"{_YOUNG} ")):
    event.listen(
        metadata.tables["vault_read"],
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER vault_read_no_{act} BEFORE {act} ON vault_read {which}"
            f"BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END"
        ).execute_if(dialect="sqlite"),
    )
