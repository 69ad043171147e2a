"""What Pepernoot Co-op itself knows of a member's accounts, bills and readings."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from meterfarm.fake_utility.kit.accounts import Account, Direction, Meter
from meterfarm.fake_utility.kit.calendar import ONE_DAY
from meterfarm.fake_utility.kit.charges import Line
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.figures import (
    AccountFigures,
    Reading,
    SeriesFigures,
    account_facts,
    bill_figures,
)
from meterfarm.fake_utility.pepernoot_coop.customers import Member
from meterfarm.fake_utility.pepernoot_coop.data import NET_METERING, listed_bills, usage, usage_span
from meterfarm.fake_utility.pepernoot_coop.exports import LONGEST


def figures(customer: Customer, today: date) -> Sequence[AccountFigures]:
    """As of a day in New York."""
    if not isinstance(customer, Member):
        raise TypeError(f"{customer.username} is no member")
    return [_account(customer, account, today) for account in customer.accounts]


def _account(customer: Member, account: Account, today: date) -> AccountFigures:
    shown = [] if customer.oddities.redesigned_bills else list(listed_bills(account, today))
    return AccountFigures(
        account.number,
        account_facts(account),
        [
            bill_figures(replace(bill, credits=tuple(_printed(credit) for credit in bill.credits)))
            for place, bill in enumerate(shown)
            if place != customer.oddities.placeholder_bill
        ],
        [
            _series(customer, meter, direction, today)
            for meter in account.meters
            if not meter.new
            for direction in meter.directions
        ],
    )


def _printed(credit: Line) -> Line:
    return replace(credit, label=NET_METERING)


def _series(member: Member, meter: Meter, direction: Direction, today: date) -> SeriesFigures:
    first, last = usage_span(member, today)
    if member.exports == "hours":
        first += LONGEST * ONE_DAY

    def readings(start: date, to: date) -> Iterable[Reading]:
        for day in usage(meter, direction, start, to, today):
            if member.has("null-hours"):
                yield day.start, day.step * len(day.values), sum(day.values), False
                continue
            for place, value in enumerate(day.values):
                yield day.start + place * day.step, day.step, value, place in day.estimated

    return SeriesFigures(meter.id, direction, (first, last), readings)
