"""An account as a report shows it: headline, charts, profiles, what is covered, checks, ledger. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from zoneinfo import ZoneInfo

from markupsafe import Markup

from meterfarm.formats.bills.bill_figures import money
from meterfarm.formats.local_time import LocalTime
from meterfarm.records import Account, CheckVerdict, Direction, HistoryCheck
from meterfarm.services.report.bill_charts import MeterPicture, changes, cost_charts, meter_picture, span_text
from meterfarm.services.report.charts import DayMark
from meterfarm.services.report.covered import Covered, covered
from meterfarm.services.report.heat_map import HeatMap, heat_map
from meterfarm.services.report.ledger import LedgerRow, check_title, ledger
from meterfarm.services.report.report_facts import ReportedAccount
from meterfarm.services.report.winter import CostComparison, CostReason, headline, last_year
from meterfarm.support.foreign_text import one_line

_MOST_HEAT_MAPS = 6
_MOST_LISTED = 200
_WIDEST = 100.0


@dataclass(frozen=True, slots=True)
class FigureTile:
    """A figure with what it is of."""

    label: str
    figure: str
    about: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """A reason for a change of cost: how much, in words, from what to what, and a bar of some percent."""

    amount: str
    words: str
    detail: str
    bar: Markup


@dataclass(frozen=True, slots=True)
class CostStory:
    """What the last winter cost, how that compares, and why."""

    title: str
    about: str
    compared: str
    mostly: str
    reasons: Sequence[ReasonRow]
    bands: str


@dataclass(frozen=True, slots=True)
class ShownCheck:
    """A check with the bill that it is of."""

    bill_id: int
    billed_on: date
    title: str
    what: str


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """A meter's load profile."""

    meter: str
    what: str
    map: HeatMap


@dataclass(frozen=True, slots=True)
class AccountSection:
    """All that the template shows of an account; lists are empty and pictures None where nothing is there."""

    anchor: str
    account: Account
    address: str
    tiles: Sequence[FigureTile]
    story: CostStory | None
    costs: Sequence[Markup]
    has_bands: bool
    legend: Sequence[str]
    changes: Sequence[DayMark]
    meters: Sequence[MeterPicture]
    profiles: Sequence[LoadProfile]
    more_profiles: int
    covered: Covered | None
    failed: Sequence[ShownCheck]
    notes: Sequence[ShownCheck]
    open: Sequence[ShownCheck]
    passed: Sequence[tuple[str, int]]
    ledger: Sequence[LedgerRow]
    left_out: int


def account_section(account: ReportedAccount, zone: ZoneInfo) -> AccountSection:
    """The section of an account."""
    clock = LocalTime(zone)
    profiles = list(_profiles(account, clock))
    compared = headline(account.counted, zone)
    shown = [(each, check) for each in reversed(account.bills) for check in each.checks]
    by_verdict: dict[CheckVerdict, list[ShownCheck]] = {verdict: [] for verdict in CheckVerdict}
    for bill, check in shown:
        row = ShownCheck(bill.id, bill.billed_on, check_title(check.name), one_line(check.what))
        by_verdict[check.verdict].append(row)
    passed = Counter(each.title for each in by_verdict[CheckVerdict.PASSED])
    address = account.account.address
    parts = (
        [address.line_1, address.line_2, f"{address.city}, {address.state} {address.postal_code}"]
        if address
        else []
    )
    return AccountSection(
        f"account-{account.account.number}",
        account.account,
        one_line(", ".join(filter(None, parts))),
        list(_tiles(account, [check for _, check in shown])),
        _story(compared, account.currency),
        cost_charts(account, compared),
        compared is not None and compared.before is not None,
        _legend(account),
        changes(account),
        [found for meter in account.meters if (found := meter_picture(meter)) is not None],
        profiles[:_MOST_HEAT_MAPS],
        max(0, len(profiles) - _MOST_HEAT_MAPS),
        covered(account.meters, clock),
        by_verdict[CheckVerdict.FAILED][:_MOST_LISTED],
        by_verdict[CheckVerdict.NOTE][:_MOST_LISTED],
        by_verdict[CheckVerdict.NO_VERDICT][:_MOST_LISTED],
        sorted(passed.items()),
        ledger(account),
        account.left_out,
    )


def _legend(account: ReportedAccount) -> Sequence[str]:
    """Which colours the chart of costs has."""
    bills = account.counted
    there = {
        "electricity": any(bill.electricity_amount for bill in bills),
        "gas": any(bill.gas_amount for bill in bills),
        "credit": any(bill.community_solar_bill_credit for bill in bills),
    }
    return [kind for kind, is_there in there.items() if is_there]


def _profiles(account: ReportedAccount, clock: LocalTime) -> Iterator[LoadProfile]:
    for meter in account.meters:
        for series in meter.series:
            found = heat_map(series, clock)
            if found is not None:
                fed_in = series.direction is Direction.RECEIVED
                what = f"{meter.commodity} fed into the grid" if fed_in else f"{meter.commodity} used"
                yield LoadProfile(one_line(meter.id), what, found)


def _tiles(account: ReportedAccount, checks: Sequence[HistoryCheck]) -> Iterator[FigureTile]:
    year = last_year(account.counted)
    if year is not None:
        about = f"{money(round(Fraction(year.now.cents * 30, year.now.days)), account.currency)} in 30 days"
        yield FigureTile("Last twelve months", money(year.now.cents, account.currency), about)
    newest = max(account.bills, key=lambda each: each.billed_on, default=None)
    if newest is not None and newest.bill is not None:
        due = newest.bill.due_on
        about = f"issued {newest.billed_on:%d %b %Y}".replace(" 0", " ")
        about += f", due {due:%d %b %Y}".replace(" 0", " ") if due is not None else ""
        yield FigureTile("Newest bill", money(newest.bill.total_amount, account.currency), about)
    if checks:
        failed = sum(check.verdict is CheckVerdict.FAILED for check in checks)
        passed = sum(check.verdict is CheckVerdict.PASSED for check in checks)
        left = sum(check.verdict is CheckVerdict.NO_VERDICT for check in checks)
        about = f"{passed:,} checks passed" + (f", {left:,} without a verdict" if left else "")
        figure = f"{failed} to look at" if failed else "No fault found"
        yield FigureTile("Bills checked", figure, about, "bad" if failed else "good" if passed else "")


def _story(found: CostComparison | None, symbol: str) -> CostStory | None:
    if found is None:
        return None
    now, before = found.now, found.before
    name = f"{found.name[0].upper()}{found.name[1:]}"
    title = (
        f"{name} cost {money(now.cents, symbol)}"
        if before or found.before_name
        else (f"The bills so far cost {money(now.cents, symbol)}")
    )
    compared = ""
    if before is not None and before.cents > 0:
        percent = round(Fraction(100 * found.change, before.cents))
        cost = f"cost {money(before.cents, symbol)}"
        more = "more" if found.change > 0 else "less"
        by = f"{money(abs(found.change), symbol)} ({abs(percent)} %) {more} than {found.before_name}"
        compared = f"{by}, which {cost}." if percent else f"As much as {found.before_name}, which {cost}."
    elif found.before_name:
        compared = f"There are no bills of {found.before_name} to compare it with."
    reasons = found.reasons
    same_way = [each for each in reasons if each.cents * found.change > 0]
    mostly = f"Mostly because {same_way[0].words}." if same_way and "(" in compared else ""
    largest = max((abs(each.cents) for each in reasons), default=0)
    return CostStory(
        title,
        _about(found),
        compared,
        mostly,
        [_reason(each, largest, symbol) for each in reasons],
        f"{name} and {found.before_name}",
    )


def _about(found: CostComparison) -> str:
    now, before = found.now, found.before
    bills = f"{now.bills} bills" if now.bills > 1 else "One bill"
    about = f"{bills}, {span_text(now.first, now.last)}, {now.days} days"
    if before is not None and before.days != now.days:
        about += f" ({before.days} days before)"
    return f"{about}; without what was still owed of earlier bills."


_BAR = Markup(
    '<svg class="effect" width="100%" height="14" aria-hidden="true">'
    '<line class="zero" x1="50%" y1="0" x2="50%" y2="14"/>'
    '<rect class="{}" x="{:.1f}%" y="2" width="{:.1f}%" height="10" rx="2"/></svg>'
)


def _reason(reason: CostReason, largest: int, symbol: str) -> ReasonRow:
    half = _WIDEST / 2 * abs(reason.cents) / (largest or 1)
    bar = _BAR.format("up" if reason.cents > 0 else "down", 50 - (half if reason.cents < 0 else 0), half)
    sign = "+" if reason.cents > 0 else "−"  # noqa: RUF001 - a minus as wide as the plus
    words = f"{reason.words[0].upper()}{reason.words[1:]}"
    return ReasonRow(f"{sign}{money(abs(reason.cents), symbol)}", words, _detail(reason, symbol), bar)


def _detail(reason: CostReason, symbol: str) -> str:
    if reason.now is None or reason.before is None:
        return ""
    if reason.kind == "use":
        return f"{float(reason.now):,.0f} instead of {float(reason.before):,.0f} {reason.unit}"
    now, before = (f"{symbol}{float(each) / 100:,.3f}" for each in (reason.now, reason.before))
    unit = "therm" if reason.unit == "therms" else reason.unit
    return f"{now} instead of {before} a {unit}, all charges included"
