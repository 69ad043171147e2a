"""A bill as Bayou's API words it: watt-hours as integers, money in cents, gas as a number.

Source: Bayou Energy API Reference 1.0.0 (OpenAPI), the schema of a bill.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from meterfarm.formats.errors import FormatError
from meterfarm.records import Address, Bill, BillMeter, Commodity, Unit

_ONLY_IN_STORE = ("id", "external_id", "customer_id", "customer_external_id", "status", "file_url")
_GAS_UNITS = {Unit.THERM: "therms", Unit.CCF: "ccf"}


def bill_json(
    bill: Bill | None,
    *,
    utility: str,
    bill_id: int,
    customer_id: int,
    account_number: str,
    billed_on: date | None,
    file_url: str | None,
    status: str = "unlocked",
) -> dict[str, object]:
    """Bayou's fields of ``bill``; of one that could not be read (None) only what the portal listed.

    What a bill does not say is None. ``gas_consumption`` is None too if its gas meters differ in unit.

    Raises:
        FormatError: A meter's unit does not fit its commodity.
    """
    meters = bill.meters if bill else ()
    electric = [each for each in meters if each.commodity is Commodity.ELECTRIC]
    gas = [each for each in meters if each.commodity is Commodity.GAS]
    gas_units = {_gas_unit(each) for each in gas}
    one_gas_unit = gas_units.pop() if len(gas_units) == 1 else None
    return {
        "external_id": None,
        "id": bill_id,
        "status": status if bill else "unparsed",
        "customer_id": customer_id,
        "customer_external_id": None,
        "billed_on": _day(bill.billed_on if bill else billed_on),
        "outstanding_balance": bill.outstanding_balance if bill else None,
        "billing_period_from": _day(bill.billing_period_from if bill else None),
        "billing_period_to": _day(bill.billing_period_to if bill else None),
        "utility": utility,
        "account_number": bill.account_number if bill else account_number,
        "electricity_consumption": _whole(sum(map(_watt_hours, electric), Decimal())) if electric else None,
        "electricity_amount": bill.electricity_amount if bill else None,
        "delivery_charge": bill.delivery_charge if bill else None,
        "supply_charge": bill.supply_charge if bill else None,
        "community_solar_bill_credit": bill.community_solar_bill_credit if bill else None,
        "gas_consumption": _gas_sum(gas) if one_gas_unit else None,
        "gas_consumption_unit": one_gas_unit,
        "gas_amount": bill.gas_amount if bill else None,
        "total_amount": bill.total_amount if bill else None,
        "meters": [_meter(each, bill.address if bill else None, status) for each in meters],
        "file_url": file_url,
    }


def unstored_bill_json(bill: Bill, utility_id: str) -> dict[str, object]:
    """A bill that was read from a file, without the fields that only a stored one has.

    Raises:
        FormatError: a meter's unit has no Bayou field.
    """
    fields = bill_json(
        bill,
        utility=utility_id,
        bill_id=0,
        customer_id=0,
        account_number=bill.account_number,
        billed_on=bill.billed_on,
        file_url=None,
    )
    kept = {name: value for name, value in fields.items() if name not in _ONLY_IN_STORE}
    meters = kept["meters"]
    if isinstance(meters, list):
        kept["meters"] = [
            {name: value for name, value in meter.items() if name != "status"} for meter in meters
        ]
    return kept


def has_bayou_field(meter: BillMeter) -> bool:
    """Whether Bayou has a field for the meter's use: electricity in watt-hours, gas in therms or ccf."""
    unit = meter.consumption.unit
    if meter.commodity is Commodity.ELECTRIC:
        return unit is Unit.WH
    return meter.commodity is Commodity.GAS and unit in _GAS_UNITS


def meter_type(commodity: Commodity) -> str:
    """Bayou's ``meters[].type``: "electric" or "gas"."""
    return "electric" if commodity is Commodity.ELECTRIC else commodity.value


def _meter(meter: BillMeter, address: Address | None, status: str) -> dict[str, object]:
    electric = meter.commodity is Commodity.ELECTRIC
    return {
        "id": meter.id,
        "status": status,
        "type": meter_type(meter.commodity),
        "billing_period_from": _day(meter.billing_period_from),
        "billing_period_to": _day(meter.billing_period_to),
        "consumption": _whole(_watt_hours(meter)) if electric else _gas_sum([meter]),
        "tariff": meter.tariff or None,
        "address": address_json(address) if address else None,
        "additional_attributes": dict(meter.additional_attributes),
    }


def address_json(address: Address) -> dict[str, object]:
    """An address in Bayou's fields."""
    postal_code, _, suffix = address.postal_code.partition("-")
    return {
        "line_1": address.line_1,
        "line_2": address.line_2 or None,
        "city": address.city,
        "state": address.state,
        "postal_code": postal_code,
        "postal_code_suffix": suffix or None,
        "country": address.country,
    }


def _watt_hours(meter: BillMeter) -> Decimal:
    if meter.consumption.unit is not Unit.WH:
        raise FormatError(
            f"Electric meter {meter.id} is billed in {meter.consumption.unit}, not in watt-hours."
        )
    return meter.consumption.value


def _whole(watt_hours: Decimal) -> int:
    return int(watt_hours.to_integral_value(ROUND_HALF_EVEN))


def _gas_unit(meter: BillMeter) -> str:
    try:
        return _GAS_UNITS[meter.consumption.unit]
    except KeyError as exc:
        raise FormatError(
            f"Gas meter {meter.id} is billed in {meter.consumption.unit}, not in therms or ccf."
        ) from exc


def _gas_sum(meters: Iterable[BillMeter]) -> float:
    """Summed exactly; the float nearest to a decimal is written as that decimal again (up to 15 digits)."""
    return float(sum((each.consumption.value for each in meters), Decimal()))


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
