"""Bills of every fake portal, printed and read, agree with its intervals, to the last digit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice
from typing import Any

import pytest

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.clock import Clock, parse_time
from meterfarm.fake_utility.kit.codes import Codes
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.delivery import Delivery
from meterfarm.fake_utility.kit.figures import SeriesFigures
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.kit.state import PortalContext
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.formats.bills.history import history_checks
from meterfarm.formats.bills.pdf import pdf_text
from meterfarm.formats.local_time import LocalTime
from meterfarm.records import Bill, CheckVerdict, Commodity, Direction, HistoryCheck, Reading, Series, Unit
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.utilities import load_utility
from tests.scale import FULL

NOW = "2026-11-21T10:00"
SWAPPED_ON = date(2026, 10, 14)
BILLS = 24 if FULL else 3
QUIRKS = ("corrected-bill", "several-periods", "swapped-meter", "renumbered-account", "late-bills")


@dataclass(frozen=True, slots=True)
class Visited:
    """A customer of a portal, as it is with its quirks."""

    portal: FakePortal
    state: Any
    customer: Customer

    def bills(self, account: Account) -> Iterator[Bill | None]:
        """The newest, from their PDFs; None for a placeholder."""
        utility = load_utility(self.portal.id)
        documents = self.state.documents(replace(self.customer, accounts=(account,)))
        for make in islice(documents, BILLS):
            content = make()
            if content.startswith(b"%PDF-"):
                try:
                    yield utility.read_bill(pdf_text(content))
                except ItemFailed:
                    yield None

    def series(self, account: Account) -> Sequence[SeriesFigures]:
        (figures,) = self.portal.figures(replace(self.customer, accounts=(account,)), self.state.today)
        return figures.series


def visited(portal: FakePortal, username: str, quirk: str = "") -> Visited:
    quirks = {username: [quirk]} if quirk else {}
    clock = Clock(parse_time(NOW))
    context = PortalContext(b"k" * 32, clock, Codes(random=False), Delivery(), quirks=quirks)
    _, state = portal.make(context)
    found = state.find(username)
    assert found is not None
    if quirk == "swapped-meter":
        (declared,) = (each for each in portal.quirks if each.name == quirk)
        assert declared.since is not None
        found = declared.since(SWAPPED_ON)(portal.book.find(username))
    return Visited(portal, state, found)


def customers(portal: FakePortal) -> list[str]:
    """All; or of each kind one: what it has, which way, how many accounts, whether bills are lacking."""
    kinds: dict[object, str] = {}
    for username, customer in portal.book.listed.items():
        meters = {(meter.commodity, meter.directions) for one in customer.accounts for meter in one.meters}
        closed = any(account.closed for account in customer.accounts)
        solar = any(account.community_solar for account in customer.accounts)
        if any(not account.new for account in customer.accounts):
            key = (frozenset(meters), closed, solar, customer.oddities.placeholder_bill)
            kinds.setdefault(username if FULL else key, username)
    return list(kinds.values())


CASES = [
    *((portal, username, "") for portal in fake_portals() for username in customers(portal)),
    *(
        (portal, next(iter(portal.book.listed)), quirk.name)
        for portal in fake_portals()
        for quirk in portal.quirks
        if quirk.name in QUIRKS
    ),
]


def as_series(figures: SeriesFigures, since: date, until: date) -> Series:
    is_gas = figures.meter.startswith("G")
    return Series(
        figures.meter,
        Commodity.GAS if is_gas else Commodity.ELECTRIC,
        Direction(figures.direction),
        Unit.THERM if is_gas else Unit.WH,
        -3 if is_gas else 0,
        list(map(Reading._make, figures.readings(max(since, figures.days[0]), min(until, figures.days[1])))),
    )


@pytest.mark.parametrize(
    ("portal", "username", "quirk"), CASES, ids=lambda each: each if isinstance(each, str) else each.id
)
def test_bills_and_intervals_reconcile(portal: FakePortal, username: str, quirk: str) -> None:
    visit = visited(portal, username, quirk)
    zone = load_utility(portal.id).zone
    for account in visit.customer.accounts:
        if account.new:
            continue
        listed = list(visit.bills(account))
        bills = [bill for bill in listed if bill is not None]
        assert bills
        since = min(bill.billing_period_from for bill in bills)
        until = max(bill.billing_period_to for bill in bills)
        had = visit.series(account)
        series = [as_series(each, since, until) for each in had if each.days[0] <= until]
        checks = history_checks(bills, series, LocalTime(zone), timedelta())
        found = [check for of_bill in checks for check in of_bill]
        failed = named(found, CheckVerdict.FAILED)
        gaps = listed[:-1].count(None)
        assert ["on no bill that is read" in what for what in failed] == [True] * gaps
        days = {each.meter: each.days for each in had}
        rows = [meter for bill in bills for meter in bill.meters]
        held = [
            meter
            for meter in rows
            if meter.id in days
            and days[meter.id][0] <= meter.billing_period_from
            and meter.billing_period_to <= days[meter.id][1]
        ]
        passed = [
            check for check in found if (check.name, check.verdict) == ("intervals", CheckVerdict.PASSED)
        ]
        assert len(passed) == len(held)
        is_young = getattr(visit.customer, "exports", "") == "hours"  # its meter has counted for some weeks
        assert held or account.closed or is_young or quirk == "late-bills"


def named(checks: Sequence[HistoryCheck], verdict: CheckVerdict) -> list[str]:
    return [check.what for check in checks if check.verdict is verdict]


def test_one_altered_figure_is_found() -> None:
    """A watt-hour more on one bill, and one in an interval that is not there."""
    portal = next(each for each in fake_portals() if each.id == "speculoos_power")
    visit = visited(portal, "electric-only@bayou.energy")
    (account,) = visit.customer.accounts
    bills = [bill for bill in visit.bills(account) if bill is not None]
    bill = bills[1]
    (meter,) = bill.meters
    more = replace(meter.consumption, mantissa=meter.consumption.mantissa + 1)
    bills[1] = replace(bill, meters=(replace(meter, consumption=more),))
    since, until = bills[-1].billing_period_from, bills[0].billing_period_to
    (figures,) = visit.series(account)
    series = as_series(figures, since, until + timedelta(days=1))
    clock = LocalTime(load_utility(portal.id).zone)
    checks = history_checks(bills, [series], clock, timedelta(days=1))
    (failed,) = named(checks[1], CheckVerdict.FAILED)
    assert failed.startswith(f"Meter {meter.id}: the bill has ")
    assert failed.endswith(" kWh, 0.001 kWh less.")
    assert named([*checks[0], *checks[2]], CheckVerdict.FAILED) == []
    holed = replace(series, readings=[each for place, each in enumerate(series.readings) if place != 50])
    (undecided,) = named(history_checks(bills, [holed], clock, timedelta())[-1], CheckVerdict.NO_VERDICT)
    assert "15 min of its intervals are missing" in undecided
