"""What came home for a customer, in the figures that portals state theirs in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from meterfarm.nightly.digest import Digest
from meterfarm.nightly.test_cases import Tree
from meterfarm.records import Address, Bill, BillMeter, Commodity, LineItem, Series
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import StoredAccount, StoredBill
from meterfarm.storage.runs import ChallengeInfo
from meterfarm.storage.store import CompanyStore


def came_home(store: CompanyStore, customer: Customer) -> Tree:
    """By account number, from the store."""
    return {
        stored.account.number: _account(store, stored)
        for stored in sorted(store.accounts.list(customer), key=lambda stored: stored.account.number)
    }


def was_asked(challenges: Sequence[ChallengeInfo]) -> Sequence[str]:
    """What the portal asked of a customer, in order."""
    return [_asked(challenge) for challenge in sorted(challenges, key=lambda challenge: challenge.id)]


def _account(store: CompanyStore, stored: StoredAccount) -> Tree:
    account = stored.account
    return {
        "name": account.name,
        "address": _address(account.address),
        "status": account.status.value,
        "meters": {
            meter.id: {
                "commodity": meter.commodity.value,
                "tariff": meter.tariff,
                "service": meter.additional_attributes.get("service_number"),
            }
            for meter in account.meters
        },
        "bills": {key: _bill(bill) for key, bill in store.bills.of_account(stored.id).items()},
        "readings": {
            f"{series.meter_id} {series.direction}": _readings(series)
            for meter in account.meters
            for series in store.readings.series(stored.id, meter.id)
        },
    }


def _bill(stored: StoredBill) -> Tree:
    bill, reading = stored.bill, stored.reading
    if bill is None:
        return {"unread": 1}
    return {
        "account": bill.account_number,
        "billed on": str(bill.billed_on),
        "due on": str(bill.due_on),
        "from": str(bill.billing_period_from),
        "to": str(bill.billing_period_to),
        "total": bill.total_amount,
        "listed": stored.listed_amount,
        "last bill": bill.previous_balance,
        "payments": bill.payments,
        "balance": bill.outstanding_balance,
        "electric": bill.electricity_amount,
        "delivery": bill.delivery_charge,
        "supply": bill.supply_charge,
        "credit": bill.community_solar_bill_credit,
        "gas": bill.gas_amount,
        "address": _address(bill.address),
        "meters": {meter.id: _meter(bill, meter) for meter in bill.meters},
        "lines": "; ".join(_line(item) for item in reading.line_items) if reading else "",
        "failed checks": "; ".join(check.name for check in reading.checks if not check.passed)
        if reading
        else "",
    }


def _line(item: LineItem) -> str:
    counted = "" if item.volume is None else f" for {item.volume.normalize():f} {item.unit}"
    return f"{item.name} {item.cost}{counted}"


def _meter(bill: Bill, meter: BillMeter) -> Tree:
    scale = 1000 if meter.commodity is Commodity.GAS else 1
    return {
        "commodity": meter.commodity.value,
        "service": meter.additional_attributes.get("service_number"),
        "tariff": meter.tariff,
        "from": str(meter.billing_period_from),
        "to": str(meter.billing_period_to),
        "previous": _thousandths(meter.previous_read),
        "current": _thousandths(meter.current_read),
        "usage": _whole(meter.consumption.value * scale),
    }


def _readings(series: Series) -> Tree:
    scale = 1000 if series.commodity is Commodity.GAS else 1
    factor = Decimal(scale).scaleb(series.exponent)
    digest = Digest()
    for reading in series.readings:
        value = reading.mantissa * factor
        digest.add(reading.start, reading.seconds, int(value), estimated=reading.estimated)
    return digest.tree


def _address(address: Address | None) -> str:
    if address is None:
        return ""
    return f"{address.line_1}, {address.city}, {address.state} {address.postal_code}"


def _thousandths(value: Decimal | None) -> Tree:
    return None if value is None else _whole(value * 1000)


def _whole(value: Decimal) -> Tree:
    """As a text if it is none: then it is no figure that a portal states."""
    return int(value) if value == int(value) else str(value)


def _asked(info: ChallengeInfo) -> str:
    challenge = info.challenge
    if challenge.options:
        options = (f"{option.factor} {option.destination}".strip() for option in challenge.options)
        return "choice: " + ", ".join(options)
    kind = f"{challenge.factor} {challenge.destination}".strip()
    if challenge.factor == "question":
        kind = f"question: {challenge.prompt}"
    return kind if challenge.attempts_left is None else f"{kind}; {challenge.attempts_left} tries"
