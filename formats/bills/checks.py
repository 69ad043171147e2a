"""What of a bill agrees with what: results that are shown, and never hide data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from meterfarm.formats.bills.bill_figures import money
from meterfarm.formats.errors import Contradiction
from meterfarm.records import Bill, BillCheck, BillMeter, Commodity, Unit

_TO_EXPONENT = {Unit.WH: 3}
"""Reads of electricity are in kWh."""


def checks_of(bill: Bill) -> list[BillCheck]:
    """The checks of the figures printed on a bill, and those that its fields allow, passed or not."""
    return [*(bill.checks or amount_checks(bill)), *_meters(bill), *_days(bill)]


def require_each_once(meters: Sequence[BillMeter]) -> None:
    """Of a layout with one row for a meter's days.

    Raises:
        Contradiction: a meter is there twice of the same days, as in a PDF of a bill and its correction.
    """
    for place, meter in enumerate(meters):
        if any(_is_again(meter, other) for other in meters[:place]):
            raise Contradiction(
                f"the bill shows meter {meter.id} twice of the same days: put each bill into a PDF of its own"
            )


def amount_checks(bill: Bill) -> Iterator[BillCheck]:
    """Whether the amounts of a bill add up."""
    parts = {
        "What is still owed": bill.outstanding_balance,
        "electricity": bill.electricity_amount,
        "gas": bill.gas_amount,
        "the solar credit": bill.community_solar_bill_credit,
    }
    known = {name: cents for name, cents in parts.items() if cents is not None}
    is_charged = bill.electricity_amount is not None or bill.gas_amount is not None
    if is_charged and bill.outstanding_balance is not None:
        total = sum(known.values())
        listed = ", ".join(f"{name} {money(cents)}" for name, cents in known.items())
        yield _check(
            "total_amount",
            total == bill.total_amount,
            f"{listed} make {money(total)}; the total is {money(bill.total_amount)}.",
        )
    if (
        bill.electricity_amount is not None
        and bill.delivery_charge is not None
        and bill.supply_charge is not None
    ):
        both = bill.delivery_charge + bill.supply_charge
        yield _check(
            "electricity_amount",
            both == bill.electricity_amount,
            f"Delivery {money(bill.delivery_charge)} and supply {money(bill.supply_charge)} make "
            f"{money(both)}; the charges for electricity are {money(bill.electricity_amount)}.",
        )


def _meters(bill: Bill) -> Iterator[BillCheck]:
    for meter in bill.meters:
        if meter.previous_read is not None and meter.current_read is not None:
            counted = (meter.current_read - meter.previous_read).scaleb(
                _TO_EXPONENT.get(meter.consumption.unit, 0)
            )
            yield _check(
                f"meter {meter.id}",
                counted == meter.consumption.value,
                f"Meter {meter.id}: {meter.current_read} less {meter.previous_read} is {counted:f} "
                f"{meter.consumption.unit}; its use is {meter.consumption.value:f}.",
            )
    charged = {Commodity.ELECTRIC: bill.electricity_amount, Commodity.GAS: bill.gas_amount}
    for commodity, cents in charged.items():
        used = sum(
            (meter.consumption.value for meter in bill.meters if meter.commodity is commodity), Decimal()
        )
        if used and bill.meters:
            yield _check(
                f"{commodity} is charged",
                cents is not None,
                f"The meters count {used:f}, the charges are {'none' if cents is None else money(cents)}.",
            )


def _days(bill: Bill) -> Iterator[BillCheck]:
    first, last = bill.billing_period_from, bill.billing_period_to
    yield _check(
        "billing_period",
        first <= last <= bill.billed_on,
        f"The billing period is {first} to {last}, the bill of {bill.billed_on}.",
    )
    if bill.due_on is not None:
        yield _check(
            "due_on", bill.billed_on <= bill.due_on, f"Billed on {bill.billed_on}, due on {bill.due_on}."
        )
    for place, meter in enumerate(bill.meters):
        within = first <= meter.billing_period_from and meter.billing_period_to <= last
        yield _check(
            f"period of meter {meter.id}",
            within,
            f"Meter {meter.id} is of {meter.billing_period_from} to {meter.billing_period_to}, "
            f"the bill of {first} to {last}.",
        )
        if any(_is_again(meter, other) for other in bill.meters[:place]):
            yield _check(f"meter {meter.id}", False, f"Meter {meter.id} is there twice of the same days.")


def _is_again(meter: BillMeter, other: BillMeter) -> bool:
    """Whether a meter is there for days that it was there for; a read that continues another is not."""
    if meter.id != other.id:
        return False
    goes_on = any(
        one.current_read is not None and one.current_read == next_one.previous_read
        for one, next_one in ((other, meter), (meter, other))
    )
    begin, end = meter.billing_period_from, meter.billing_period_to
    return not goes_on and begin <= other.billing_period_to and end >= other.billing_period_from


def _check(name: str, passed: bool, what: str) -> BillCheck:
    return BillCheck(name, passed, what)
