"""Bills as CSV, a row for each meter of a bill, and as lines of JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from meterfarm.support.foreign_text import cell

_BILL = (
    *("id", "external_id", "status", "customer_id", "customer_external_id", "utility", "account_number"),
    *("billed_on", "billing_period_from", "billing_period_to", "outstanding_balance"),
    *("electricity_consumption", "electricity_amount", "delivery_charge", "supply_charge"),
    *("community_solar_bill_credit", "gas_consumption", "gas_consumption_unit", "gas_amount"),
    *("total_amount", "file_url"),
)
_METER = ("id", "status", "type", "billing_period_from", "billing_period_to", "consumption", "tariff")
_ADDRESS = ("line_1", "line_2", "city", "state", "postal_code", "postal_code_suffix", "country")
_HEAD = [
    *_BILL,
    *(f"meter_{name}" for name in _METER),
    *(f"meter_address_{name}" for name in _ADDRESS),
    "meter_additional_attributes",
]


def bills_csv(bills: Sequence[Mapping[str, Any]]) -> str:
    """Rendered bills as CSV; a bill without meters has a row, too. What a bill withholds is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_HEAD)
    for bill in bills:
        for meter in bill["meters"] or [{}]:
            writer.writerow([_cell(value) for value in _row(bill, meter)])
    return text.getvalue()


def bills_ndjson(bills: Sequence[Mapping[str, Any]]) -> bytes:
    """Rendered bills as JSON, each in a line."""
    return b"".join(orjson.dumps(bill, option=orjson.OPT_APPEND_NEWLINE) for bill in bills)


def _row(bill: Mapping[str, Any], meter: Mapping[str, Any]) -> Iterator[object]:
    yield from (bill.get(name) for name in _BILL)
    yield from (meter.get(name) for name in _METER)
    address = meter.get("address") or {}
    yield from (address.get(name) for name in _ADDRESS)
    attributes = meter.get("additional_attributes")
    yield orjson.dumps(attributes).decode() if attributes else None


def _cell(value: object) -> object:
    return cell(value) if isinstance(value, str) else value
