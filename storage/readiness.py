"""What there is of a customer, as the events that say it is ready tell it, by Bayou's names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from meterfarm.formats.bills.bayou import meter_type
from meterfarm.records import Commodity
from meterfarm.storage import events
from meterfarm.storage.tables import AccountRow, BillRow, BillVersionRow, MeterRow, ReadingRow, SeriesRow


def bills(session: Session, customer_id: int) -> dict[str, Any]:
    """Which bills are there, read and unread."""
    query = (
        select(
            col(BillRow.id),
            col(BillRow.billed_on),
            col(AccountRow.number),
            func.max(col(BillVersionRow.billed_on)),
        )
        .join(AccountRow, col(AccountRow.id) == BillRow.account_id)
        .join(BillVersionRow, col(BillVersionRow.bill_id) == BillRow.id)
        .where(col(AccountRow.customer_id) == customer_id)
        .group_by(col(BillRow.id), col(BillRow.billed_on), col(AccountRow.number))
        .order_by(col(BillRow.id))
    )
    found = session.execute(query).all()
    return {
        "bills_parsed": [
            {"id": bill_id, "billed_on": billed_on.isoformat(), "account_number": number}
            for bill_id, billed_on, number, read_on in found
            if read_on is not None
        ],
        "bills_unparsed": [{"id": bill_id} for bill_id, *_, read_on in found if read_on is None],
    }


def intervals(session: Session, customer_id: int) -> dict[str, Any]:
    """From when to when there are readings, by account and meter."""
    query = (
        select(
            col(AccountRow.number),
            col(MeterRow.number),
            col(MeterRow.commodity),
            func.min(col(ReadingRow.start)),
            func.max(col(ReadingRow.start) + col(ReadingRow.seconds)),
        )
        .join(MeterRow, col(MeterRow.account_id) == AccountRow.id)
        .join(SeriesRow, col(SeriesRow.meter_id) == MeterRow.id)
        .join(ReadingRow, col(ReadingRow.series_id) == SeriesRow.id)
        .where(col(AccountRow.customer_id) == customer_id)
        .group_by(col(AccountRow.number), col(MeterRow.number), col(MeterRow.commodity))
        .order_by(col(AccountRow.number), col(MeterRow.number))
    )
    accounts: dict[str, list[dict[str, Any]]] = {}
    first = last = None
    for account, meter, commodity, start, end in session.execute(query):
        first, last = min(first or start, start), max(last or end, end)
        period = {"period_from": _instant(start), "period_to": _instant(end)}
        accounts.setdefault(account, []).append(
            {"id": meter, "type": meter_type(Commodity(commodity)), "periods": [period]}
        )
    return {
        "first_interval_discovered": _instant(first) if first else None,
        "last_interval_discovered": _instant(last) if last else None,
        "available_data": {
            "account_numbers": [{"id": number, "meters": meters} for number, meters in accounts.items()]
        },
    }


def _instant(at: int) -> str:
    return events.instant(datetime.fromtimestamp(at, UTC))
