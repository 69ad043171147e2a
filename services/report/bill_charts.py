"""Charts of an account's bills: cost, use and price over time; each meter against its intervals. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from meterfarm.formats.bills.bill_figures import in_known_unit, money, unit_name
from meterfarm.formats.bills.last_year import daily_use
from meterfarm.records import Bill, CheckVerdict, Commodity
from meterfarm.services.report.billed_span import owed_before
from meterfarm.services.report.charts import BarPart, ChartBar, ChartDot, ChartPanel, DayBand, DayMark, chart
from meterfarm.services.report.report_facts import ReportedAccount, ReportedMeter
from meterfarm.services.report.winter import CostComparison
from meterfarm.support.foreign_text import one_line

_CHANGES = ("tariff", "meters")
_KINDS = {Commodity.ELECTRIC: "electricity", Commodity.GAS: "gas"}
_DOTS = {CheckVerdict.PASSED: "agree", CheckVerdict.FAILED: "differ"}
_MOST_MARKS = 40


def day_text(day: date) -> str:
    """As in 5 Dec 2025."""
    return f"{day.day} {day:%b %Y}"


def span_text(first: date, last: date) -> str:
    """As in 5 Dec 2025 - 4 Jan 2026, with what both have in common once."""
    if first.year != last.year:
        return f"{day_text(first)} – {day_text(last)}"  # noqa: RUF001 - a range
    return f"{first.day} {first:%b} – {day_text(last)}"  # noqa: RUF001


def changes(account: ReportedAccount) -> Sequence[DayMark]:
    """Changes of tariffs and meters, by day; the days are numbered."""
    found: dict[date, list[str]] = {}
    for each in account.bills:
        for check in each.checks if each.bill is not None and not each.superseded else ():
            if check.name in _CHANGES and each.bill is not None:
                found.setdefault(each.bill.billing_period_from, []).append(one_line(check.what))
    days = sorted(found)[-_MOST_MARKS:]
    return [DayMark(day, number, " ".join(found[day])) for number, day in enumerate(days, start=1)]


def cost_charts(account: ReportedAccount, compared: CostComparison | None) -> Sequence[Markup]:
    """Cost of each bill; use and price of each commodity. The times of ``compared`` lie on a band."""
    bills = sorted(account.counted, key=lambda bill: bill.billing_period_from)
    bars = [_cost(bill, account.currency) for bill in bills]
    groups = [[ChartPanel("Cost of each bill", bars, symbol=account.currency, height=150)]]
    groups += [list(_of_commodity(bills, *each, account.currency)) for each in _KINDS.items()]
    marks, bands = changes(account), _bands(compared)
    what = "Cost, use and price of each bill over time"
    return [chart(group, what, marks, bands) for group in groups if group and group[0].bars]


def _bands(compared: CostComparison | None) -> Sequence[DayBand]:
    if compared is None or compared.before is None:
        return []
    names = ((compared.now, compared.name), (compared.before, compared.before_name))
    return [DayBand(span.first, span.last, name) for span, name in names]


def _cost(bill: Bill, symbol: str) -> ChartBar:
    cents = [
        (bill.electricity_amount or 0, "electricity"),
        (bill.gas_amount or 0, "gas"),
        (bill.community_solar_bill_credit or 0, "credit"),
    ]
    owed = owed_before(bill)
    charged = bill.total_amount - (owed or 0)
    others = charged - sum(value for value, _ in cents)
    parts = [(value, kind) for value, kind in [*cents, (others, "others")] if value]
    listed = ", ".join(f"{kind} {money(value, symbol)}" for value, kind in parts)
    cost = money(charged, symbol)
    if owed is None:
        cost += ", with what was still owed of earlier bills, which is not known"
    span = span_text(bill.billing_period_from, bill.billing_period_to)
    return ChartBar(
        bill.billing_period_from,
        bill.billing_period_to,
        [BarPart(value / 100, kind) for value, kind in parts],
        f"{span}: {cost} ({listed})",
    )


def _of_commodity(
    bills: Sequence[Bill], commodity: Commodity, kind: str, symbol: str
) -> Iterator[ChartPanel]:
    uses = [(bill, use) for bill in bills if (use := daily_use(bill).get(commodity)) is not None]
    if not uses:
        return
    units = {use.unit for _, use in uses}
    unit = unit_name(uses[-1][1].unit)
    uses = [(bill, use) for bill, use in uses if use.unit is uses[-1][1].unit] if len(units) > 1 else uses
    bars, prices = [], []
    for bill, use in uses:
        first, last = bill.billing_period_from, bill.billing_period_to
        span = span_text(first, last)
        bars.append(
            ChartBar(first, last, [BarPart(float(use.used), kind)], f"{span}: {float(use.used):,.1f} {unit}")
        )
        if use.cents is not None and use.used > 0:
            price = float(use.cents / use.used) / 100
            prices.append(
                ChartBar(first, last, [BarPart(price, kind)], f"{span}: {symbol}{price:.3f} a {_one(unit)}")
            )
    yield ChartPanel(f"{commodity.capitalize()} used, {unit} a bill", bars, height=96)
    if prices:
        yield ChartPanel(
            f"Price of a {_one(unit)} of {commodity}", prices, steps=True, height=72, symbol=symbol
        )


def _one(unit: str) -> str:
    return {"therms": "therm"}.get(unit, unit)


@dataclass(frozen=True, slots=True)
class MeterPicture:
    """A meter's rows on bills beside its intervals: the chart, and how many agree."""

    meter: str
    commodity: Commodity
    unit: str
    picture: Markup
    agree: int
    differ: int
    open: int


def meter_picture(meter: ReportedMeter) -> MeterPicture | None:
    """None of a meter that is on no bill."""
    if not meter.compared:
        return None
    unit = unit_name(meter.compared[-1].row.consumption.unit)
    kind = _KINDS.get(meter.commodity, "others")
    bars, dots = [], []
    for each in meter.compared:
        first, last = each.row.billing_period_from, each.row.billing_period_to
        billed = float(in_known_unit(each.row.consumption))
        tip = f"{span_text(first, last)}: {billed:,.3f} {unit} on the bill"
        bars.append(ChartBar(first, last, [BarPart(billed, f"{kind} pale")], tip))
        value = None if each.counted is None else float(in_known_unit(each.counted))
        counted = "" if value is None else f", {value:,.3f} {unit} in intervals"
        dots.append(ChartDot(first, last, value, _DOTS.get(each.verdict, "open"), tip + counted))
    panel = ChartPanel(f"{unit} a bill", bars, dots, height=96)
    verdicts = [each.verdict for each in meter.compared]
    agree, differ = verdicts.count(CheckVerdict.PASSED), verdicts.count(CheckVerdict.FAILED)
    what = f"Use of meter {meter.id} on each bill, and the sum of its intervals"
    return MeterPicture(
        one_line(meter.id),
        meter.commodity,
        unit,
        chart([panel], what),
        agree,
        differ,
        len(verdicts) - agree - differ,
    )
