"""What Speculoos Power itself knows of a customer's accounts, bills and readings, our readers unasked."""

from __future__ import annotations

from datetime import datetime

from meterfarm.fake_utility.kit.accounts import Account, Direction, Meter
from meterfarm.fake_utility.kit.billing import Bill, MeterRead, bills
from meterfarm.fake_utility.kit.calendar import ZONE, readings_span
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.restating import published
from meterfarm.nightly.digest import Digest
from meterfarm.nightly.test_cases import Tree, Window

_COMMODITIES = {"electric": "electricity", "gas": "gas"}


def figures(customer: Customer, window: Window) -> Tree:
    """By account number; as of the portal's day, which is that of its time zone."""
    return {account.number: _account(customer, account, window) for account in customer.accounts}


def _account(customer: Customer, account: Account, window: Window) -> Tree:
    today = datetime.now(ZONE).date()
    shown = [] if customer.oddities.redesigned_bills else list(bills(account, today))
    missing = customer.oddities.placeholder_bill
    return {
        "name": account.name,
        "address": str(account.address),
        "meters": {
            meter.id: {
                "commodity": _COMMODITIES[meter.commodity],
                "tariff": meter.tariff,
                "service": meter.service_number,
            }
            for meter in account.meters
        },
        "bills": {
            bill.id: _bill(bill)
            for place, bill in enumerate(shown)
            if place != missing and (window.bills_from is None or bill.billed_on >= window.bills_from)
        },
        "readings": {
            f"{meter.id} {direction}": _readings(meter, direction, window)
            for meter in account.meters
            if not meter.new
            for direction in meter.directions
        },
    }


def _bill(bill: Bill) -> Tree:
    cents = {charge.commodity: charge for charge in bill.charges}
    electric, gas = cents.get("electric"), cents.get("gas")
    return {
        "account": bill.account.number,
        "billed on": str(bill.billed_on),
        "due on": str(bill.due_on),
        "from": str(bill.period.start),
        "to": str(bill.period.to),
        "total": bill.total_cents,
        "balance": bill.previous_balance_cents,
        "electric": electric.cents if electric else None,
        "delivery": electric.delivery_cents if electric else None,
        "supply": electric.supply_cents if electric else None,
        "credit": sum(credit.cents for credit in bill.credits) if bill.credits else None,
        "gas": gas.cents if gas else None,
        "address": str(bill.account.address),
        "meters": {read.meter.id: _read(bill, read) for read in bill.reads if read.direction == "delivered"},
    }


def _read(bill: Bill, read: MeterRead) -> Tree:
    return {
        "commodity": _COMMODITIES[read.meter.commodity],
        "service": read.meter.service_number,
        "tariff": read.meter.tariff,
        "from": str(bill.period.start),
        "to": str(bill.period.to),
        "previous": read.previous,
        "current": read.current,
        "usage": read.usage,
    }


def _readings(meter: Meter, direction: Direction, window: Window) -> Tree:
    first, last = readings_span(datetime.now(ZONE).date())
    first = max(first, window.readings_from) if window.readings_from else first
    digest = Digest()
    for day in published(meter, direction, first, last, to_newest=True):
        for place, value in enumerate(day.values):
            digest.add(day.start + place * day.step, day.step, value, estimated=place in day.estimated)
    return digest.tree
