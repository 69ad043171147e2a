"""The processes that take in text messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session, col, select

from meterfarm.storage.database import now
from meterfarm.storage.receiving import SmsReceiverInfo
from meterfarm.storage.tables import InboxRow

_ALIVE = timedelta(seconds=60)


def running(session: Session) -> Sequence[SmsReceiverInfo]:
    """Those that do so now."""
    alive = col(InboxRow.beat_at) > now(session) - _ALIVE
    rows = session.exec(select(InboxRow).where(alive).order_by(col(InboxRow.worker)))
    return [SmsReceiverInfo(row.worker, row.address, row.beat_at) for row in rows]
