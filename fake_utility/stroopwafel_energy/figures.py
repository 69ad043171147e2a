"""What the company itself knows of a customer's accounts, bills and readings."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.calendar import readings_span
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.figures import AccountFigures, account_facts, bill_figures, series_figures
from meterfarm.fake_utility.stroopwafel_energy.documents import listed_bills
from meterfarm.fake_utility.stroopwafel_energy.numbers import zeroed


def figures(customer: Customer, today: date) -> Sequence[AccountFigures]:
    """As of a day in New York."""
    return [_account(customer, account, today) for account in customer.accounts]


def _account(customer: Customer, account: Account, today: date) -> AccountFigures:
    shown = () if customer.oddities.redesigned_bills else listed_bills(account, today)
    printed = replace(account, number=zeroed(account))
    return AccountFigures(
        printed.number,
        account_facts(account),
        [
            bill_figures(replace(bill, account=replace(account, number=zeroed(bill.account))))
            for place, bill in enumerate(shown)
            if place != customer.oddities.placeholder_bill
        ],
        [
            series_figures(meter, direction, (first, last), is_current=not meter.replaced)
            for meter in account.meters
            for first, last in [meter.within(readings_span(today))]
            if not meter.new and not account.closed and first <= last
            for direction in meter.directions
        ],
    )
