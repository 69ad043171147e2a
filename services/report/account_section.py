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
from meterfarm.services.report.bill_charts import MeterPicture, changes, cost_charts, meter_picture
from meterfarm.services.report.charts import DayMark
from meterfarm.services.report.cost_story import CostStory, cost_story, doubts_of
from meterfarm.services.report.covered import Covered, covered
from meterfarm.services.report.heat_map import HeatMap, heat_map
from meterfarm.services.report.ledger import LedgerRow, check_title, ledger
from meterfarm.services.report.report_facts import ReportedAccount, ReportedMeter
from meterfarm.services.report.winter import headline, last_year
from meterfarm.support.foreign_text import one_line

_MOST_HEAT_MAPS, _MOST_METERS = 6, 12
_MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class FigureTile:
    """A figure with what it is of."""

    label: str
    figure: str
    about: str
    tone: str = ""


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
    more_meters: int
    profiles: Sequence[LoadProfile]
    more_profiles: int
    covered: Covered | None
    failed: Sequence[ShownCheck]
    notes: Sequence[ShownCheck]
    open: Sequence[ShownCheck]
    passed: Sequence[tuple[str, int]]
    ledger: Sequence[LedgerRow]
    left_out: int


def account_section(account: ReportedAccount, zone: ZoneInfo, today: date) -> AccountSection:
    """The section of an account; ``today`` is when the report is made."""
    clock = LocalTime(zone)
    profiles = list(_profiles(account, clock))
    compared = headline(account.counted, zone, today)
    shown = [(each, check) for each in reversed(account.bills) for check in each.checks]
    by_verdict: dict[CheckVerdict, list[ShownCheck]] = {verdict: [] for verdict in CheckVerdict}
    for bill, check in shown:
        row = ShownCheck(bill.id, bill.billed_on, check_title(check.name), one_line(check.what))
        by_verdict[check.verdict].append(row)
    on_bills = sorted((each for each in account.meters if each.compared), key=_differs, reverse=True)
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
        list(_tiles(account, [check for _, check in shown], today)),
        cost_story(compared, account.currency) if compared is not None else None,
        cost_charts(account, compared),
        compared is not None and compared.before is not None,
        _legend(account),
        changes(account),
        [found for meter in on_bills[:_MOST_METERS] if (found := meter_picture(meter)) is not None],
        max(0, len(on_bills) - _MOST_METERS),
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


def _differs(meter: ReportedMeter) -> bool:
    return any(each.verdict is CheckVerdict.FAILED for each in meter.compared)


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


def _tiles(account: ReportedAccount, checks: Sequence[HistoryCheck], today: date) -> Iterator[FigureTile]:
    year = last_year(account.counted, today)
    if year is not None:
        about = f"{money(round(Fraction(year.now.cents * 30, year.now.days)), account.currency)} in 30 days"
        name = year.name.removeprefix("the ")
        doubts = "".join(f"; {each}" for each in doubts_of(year.now))
        yield FigureTile(
            f"{name[0].upper()}{name[1:]}", money(year.now.cents, account.currency), about + doubts
        )
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
