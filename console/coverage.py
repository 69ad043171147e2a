"""What intervals are in store of a customer: the times they cover and the gaps between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from console.read_report import stamp
from storage.results import Customer, SeriesCoverage
from storage.store import Store

Covered = tuple[str, SeriesCoverage]
"""An account's number, and what one kind of reading of a meter of it covers."""


def of_customer(store: Store, customer: Customer) -> Sequence[Covered]:
    """By account and meter."""
    return [
        (stored.account.number, one)
        for stored in store.accounts(customer)
        for one in store.interval_coverage(stored.id)
    ]


def as_json(account: str, one: SeriesCoverage) -> Mapping[str, object]:
    """In the words of ``read``, and of UtilityAPI for what is covered."""
    return {
        "account": account,
        "meter": one.meter_id,
        "commodity": one.commodity,
        "measure": one.measure,
        "direction": one.direction,
        "unit": one.unit,
        "interval_seconds": list(one.seconds),
        "interval_count": one.readings,
        "interval_coverage": [[stamp(first), stamp(last)] for first, last in one.stretches],
        "interval_gaps": [[stamp(first), stamp(last)] for first, last in one.gaps],
    }


def coverage_table(found: Sequence[Covered]) -> Table:
    """A row for each kind of reading."""
    table = Table("account", "meter", "what", "direction", title="intervals in store")
    table.add_column("readings", justify="right")
    for heading in ("from (UTC)", "to (UTC)", "gaps"):
        table.add_column(heading)
    for account, one in found:
        table.add_row(
            Text(account),
            Text(one.meter_id),
            f"{one.commodity} {one.measure}",
            one.direction,
            f"{one.readings:,}",
            _day(one.stretches[0][0]),
            _day(one.stretches[-1][1]),
            _gaps(one.gaps),
        )
    return table


def _gaps(gaps: Sequence[tuple[int, int]]) -> str:
    if not gaps:
        return "none"
    first, last = gaps[-1]
    return f"{len(gaps):,}, the newest {_day(first)} to {_day(last)}"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
