"""The ledger of a report: a row for each bill, with its charges, its meters and its checks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from meterfarm.formats.bills.bill_figures import amount, money
from meterfarm.records import Bill, BillMeter, BillStatus, CheckVerdict, LineItem
from meterfarm.services.report.bill_charts import span_text
from meterfarm.services.report.billed_span import owed_before
from meterfarm.services.report.report_facts import ReportedAccount, ReportedBill
from meterfarm.support.foreign_text import one_line

_TITLES = {
    "periods": "Periods",
    "reads": "Reads follow",
    "intervals": "Use against intervals",
    "tariff": "Tariff",
    "meters": "Meter",
    "last_year": "Last year",
}
OWN = "The bill’s own figures"  # noqa: RUF001 - an apostrophe
_SHOWN = ("periods", "reads", "intervals")
"""Checks that are shown if they passed, too."""


def check_title(name: str) -> str:
    """What a check is about: one of several bills in a word or two, else of the bill's own figures."""
    return _TITLES.get(name, OWN)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A line of a bill: the heading that it is the first below, its name, volume times rate, and its cost."""

    heading: str
    name: str
    rate: str
    cost: str


@dataclass(frozen=True, slots=True)
class LedgerMeter:
    """A meter's row on a bill."""

    id: str
    commodity: str
    days: str
    used: str
    reads: str
    tariff: str


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """A check of a bill; ``mark`` is a sign and its meaning."""

    verdict: str
    title: str
    what: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A bill: amounts are text, "" where there is none. ``lines`` add up to its total.

    ``more_passed`` counts the checks that are not among ``checks``.
    """

    id: int
    billed_on: date
    days: str
    electricity: str
    gas: str
    total: str
    state: str
    verdict: str
    lines: Sequence[LedgerLine]
    meters: Sequence[LedgerMeter]
    checks: Sequence[LedgerCheck]
    more_passed: int


def ledger(account: ReportedAccount) -> Sequence[LedgerRow]:
    """The newest bill first."""
    newest_first = sorted(account.bills, key=lambda each: (each.billed_on, each.id), reverse=True)
    return [_row(each, account.currency) for each in newest_first]


def _row(each: ReportedBill, symbol: str) -> LedgerRow:
    bill = each.bill
    shown = [one for one in each.checks if one.verdict is not CheckVerdict.PASSED or one.name in _SHOWN]
    checks = [LedgerCheck(one.verdict, check_title(one.name), one_line(one.what)) for one in shown]
    more = len(each.checks) - len(shown)
    failed = any(one.verdict is CheckVerdict.FAILED for one in each.checks)
    verdict = "failed" if failed else "passed" if bill is not None and each.checks else ""
    if bill is None:
        return LedgerRow(each.id, each.billed_on, "", "", "", "", _state(each), verdict, [], [], checks, more)
    return LedgerRow(
        each.id,
        each.billed_on,
        span_text(bill.billing_period_from, bill.billing_period_to),
        _cents(bill.electricity_amount, symbol),
        _cents(bill.gas_amount, symbol),
        money(bill.total_amount, symbol),
        _state(each),
        verdict,
        list(_lines(each, bill, symbol)),
        [_meter(meter) for meter in bill.meters],
        checks,
        more,
    )


def _state(each: ReportedBill) -> str:
    if each.superseded:
        return each.superseded
    if each.status is BillStatus.LOCKED:
        return "locked: what it says is withheld"
    if each.bill is None:
        return one_line("; ".join(each.problems)) or "not read yet"
    return ""


def _cents(cents: int | None, symbol: str) -> str:
    return "" if cents is None else money(cents, symbol)


def _lines(each: ReportedBill, bill: Bill, symbol: str) -> Iterator[LedgerLine]:
    """What a total is made of: each line as far as it is known, else the sums, and what is left."""
    owed = owed_before(bill)
    rest = bill.total_amount - (owed or 0)
    if owed:
        yield LedgerLine("", "Still owed of earlier bills", "", money(owed, symbol))
    section = ""
    for item in each.line_items:
        heading = item.section if item.section != section else ""
        section = item.section
        rest -= item.cost
        yield LedgerLine(
            one_line(heading), one_line(item.name), _rate(item, symbol), money(item.cost, symbol)
        )
    if not each.line_items:
        for name, cents in _sums(bill):
            rest -= cents
            yield LedgerLine("", name, "", money(cents, symbol))
    if rest:
        unknown = "Other items, and what was still owed of earlier bills (not known)"
        name = "Other items" if owed is not None else unknown
        yield LedgerLine("", name, "", money(rest, symbol))


def _rate(item: LineItem, symbol: str) -> str:
    if item.volume is None or item.rate is None:
        return ""
    return one_line(f"{item.volume:,f} {item.unit} × {symbol}{item.rate:f}")  # noqa: RUF001 - times


def _sums(bill: Bill) -> Iterator[tuple[str, int]]:
    if bill.electricity_amount is not None:
        if bill.delivery_charge is not None and bill.supply_charge is not None:
            yield "Electricity, delivery", bill.delivery_charge
            yield "Electricity, supply", bill.supply_charge
        else:
            yield "Electricity", bill.electricity_amount
    for name, cents in (("Gas", bill.gas_amount), ("Solar credit", bill.community_solar_bill_credit)):
        if cents is not None:
            yield name, cents


def _meter(meter: BillMeter) -> LedgerMeter:
    reads = (
        f"{meter.previous_read:,f} → {meter.current_read:,f}"
        if meter.previous_read is not None and meter.current_read is not None
        else ""
    )
    days = span_text(meter.billing_period_from, meter.billing_period_to)
    return LedgerMeter(
        one_line(meter.id), meter.commodity, days, amount(meter.consumption), reads, one_line(meter.tariff)
    )
