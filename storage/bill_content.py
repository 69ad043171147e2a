"""A bill to and from the columns of its version: amounts and dates as columns, the rest as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from meterfarm.records import Address, Bill, BillMeter, Commodity, Quantity, Unit
from meterfarm.storage.tables import BillVersionRow

_REQUIRED = (
    "account_number",
    "billed_on",
    "billing_period_from",
    "billing_period_to",
    "total_amount",
    "outstanding_balance",
)
_OPTIONAL = (
    "due_on",
    "electricity_amount",
    "delivery_charge",
    "supply_charge",
    "community_solar_bill_credit",
    "gas_amount",
)


def columns(bill: Bill | None) -> dict[str, Any]:
    """The values of a version's columns; of an unread document they are all null."""
    if bill is None:
        return dict.fromkeys((*_REQUIRED, *_OPTIONAL, "content"))
    fields = {name: getattr(bill, name) for name in (*_REQUIRED, *_OPTIONAL)}
    content = {
        "meters": [_meter_json(meter) for meter in bill.meters],
        "address": asdict(bill.address) if bill.address else None,
    }
    return {**fields, "content": content}


def read(row: BillVersionRow) -> Bill | None:
    """The bill of a version, None if its document was not read."""
    if row.content is None:
        return None
    fields = {name: getattr(row, name) for name in (*_REQUIRED, *_OPTIONAL)}
    address = row.content["address"]
    return Bill(
        **fields,
        meters=tuple(_meter(meter) for meter in row.content["meters"]),
        address=Address(**address) if address else None,
    )


def is_same(row: BillVersionRow, bill: Bill | None) -> bool:
    """Whether the version says what ``bill`` does, whatever kinds of sequences and mappings that has."""
    return columns(read(row)) == columns(bill)


def _meter_json(meter: BillMeter) -> dict[str, Any]:
    return {
        "id": meter.id,
        "commodity": meter.commodity.value,
        "from": meter.billing_period_from.isoformat(),
        "to": meter.billing_period_to.isoformat(),
        "consumption": [
            meter.consumption.mantissa,
            meter.consumption.exponent,
            meter.consumption.unit.value,
        ],
        "tariff": meter.tariff,
        "previous_read": _text(meter.previous_read),
        "current_read": _text(meter.current_read),
        "attributes": dict(meter.additional_attributes),
    }


def _meter(saved: dict[str, Any]) -> BillMeter:
    mantissa, exponent, unit = saved["consumption"]
    return BillMeter(
        id=saved["id"],
        commodity=Commodity(saved["commodity"]),
        billing_period_from=date.fromisoformat(saved["from"]),
        billing_period_to=date.fromisoformat(saved["to"]),
        consumption=Quantity(mantissa, exponent, Unit(unit)),
        tariff=saved["tariff"],
        previous_read=_decimal(saved["previous_read"]),
        current_read=_decimal(saved["current_read"]),
        additional_attributes=saved["attributes"],
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
