"""What Speculoos Power itself knows of a customer's accounts, bills and readings."""

from collections.abc import Sequence
from datetime import date

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.calendar import readings_span
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.figures import AccountFigures, account_facts, bill_figures, series_figures
from meterfarm.fake_utility.speculoos_power.documents import listed_bills


def figures(customer: Customer, today: date) -> Sequence[AccountFigures]:
    """As of a day in New York."""
    return [_account(customer, account, today) for account in customer.accounts]


def _account(customer: Customer, account: Account, today: date) -> AccountFigures:
    shown = () if customer.oddities.redesigned_bills else listed_bills(customer, account, today)
    return AccountFigures(
        account.number,
        account_facts(account),
        [
            bill_figures(bill)
            for place, bill in enumerate(shown)
            if place != customer.oddities.placeholder_bill
        ],
        [
            series_figures(meter, direction, readings_span(today))
            for meter in account.meters
            if not meter.new and not customer.has("one-endpoint-down")
            for direction in meter.directions
        ],
    )
