"""The statement of a month: what is charged for bills that were unlocked in it, as a page and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from meterfarm.services.currencies import symbol_of
from meterfarm.services.metering import (
    StatementMonth,
    StatementTotal,
    amount_text,
    statement_csv,
    statement_lines,
    statement_totals,
)
from meterfarm.storage.data import StatementLine
from meterfarm.support.instants import shown
from meterfarm.web.dashboard.access import Visiting, Visitor, in_thread
from meterfarm.web.dashboard.bill_view import span
from meterfarm.web.dashboard.pages import shown_page

router = APIRouter(prefix="/{side}/settings/statement", include_in_schema=False)
Month = Annotated[str, Query(max_length=20)]
_MOST, _OFFERED = 200, 13
"""Lines that the page shows, the CSV has all; months that can be chosen."""


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """A line as text. ``customer`` and ``bill`` are numbers; ``is_there``: neither was erased."""

    at: str
    customer: int
    own_id: str
    bill: int
    days: str
    meters: str
    price: str
    amount: str
    is_there: bool


@dataclass(frozen=True, slots=True)
class ChargedTotal:
    """What is charged in one currency, as text."""

    amount: str
    bills: int
    meters: str


@router.get("")
async def statement(request: Request, asking: Visiting, month: Month = "") -> Response:
    """That of a month, without one of this one so far."""
    return await in_thread(_page, request, asking, _named(month))


@router.get("/csv")
async def as_csv(asking: Visiting, month: Month = "") -> Response:
    """All lines of it, read while they are sent."""
    wanted = _named(month)
    parts = statement_csv(asking.store, wanted)
    first = await in_thread(next, parts)
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="statement-{asking.side}-{wanted}.csv"',
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(chain([first], parts), 200, headers, "text/csv")


def _named(month: str) -> StatementMonth:
    """Raises InvalidRequest: it is no month."""
    return StatementMonth.named(month) if month else StatementMonth.at(datetime.now(UTC))


def _page(request: Request, asking: Visitor, month: StatementMonth) -> Response:
    now = StatementMonth.at(datetime.now(UTC))
    lines = list(islice(statement_lines(asking.store, month), _MOST + 1))
    values = {
        "here": "statement",
        "month": month,
        "words": f"{month.first:%B %Y}",
        "is_now": month == now,
        "months": [(str(each), f"{each.first:%B %Y}") for each in _offered(now, month)],
        "totals": [_total(each) for each in statement_totals(asking.store, month)],
        "lines": [_line(each) for each in lines[:_MOST]],
        "is_cut": len(lines) > _MOST,
        "most": _MOST,
    }
    return shown_page(request, asking, "settings/statement", values)


def _offered(now: StatementMonth, chosen: StatementMonth) -> Iterator[StatementMonth]:
    """The newest first, and the one that is shown."""
    months, at = list[StatementMonth](), now
    for _ in range(_OFFERED):
        months.append(at)
        at = at.before
    if chosen.first > now.first:
        yield chosen
    yield from months
    if chosen.first < months[-1].first:
        yield chosen


def _line(line: StatementLine) -> ChargedLine:
    days = (line.billing_period_from, line.billing_period_to or line.billed_on)
    sign = symbol_of(line.currency)
    return ChargedLine(
        shown(line.unlocked_at),
        line.customer_id,
        line.customer_external_id or "",
        line.bill_id,
        span(*(day.isoformat() if day else None for day in days)),
        _meters(line.electric, line.gas),
        f"{sign}{amount_text(line.price)}",
        f"{sign}{amount_text(line.amount)}",
        bool(line.utility),
    )


def _total(total: StatementTotal) -> ChargedTotal:
    amount = f"{amount_text(total.amount)} {total.currency}"
    return ChargedTotal(amount, total.bills, _meters(total.electric, total.gas))


def _meters(electric: int, gas: int) -> str:
    counted: Sequence[tuple[int, str]] = ((electric, "electric"), (gas, "gas"))
    return ", ".join(f"{count:,} {kind}" for count, kind in counted if count)
