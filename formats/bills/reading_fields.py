"""What was read of a bill beside Bayou's fields, as JSON has it: lines, checks, and what was left out."""

from __future__ import annotations

from decimal import Decimal

from meterfarm.records import Bill, BillReading, LineItem

BESIDE = ("reader", "ocr", "line_items", "checks", "left_out")
"""Their names."""


def stored_fields(bill: Bill | None, reading: BillReading | None) -> dict[str, object]:
    """Those in ``BESIDE`` of a bill in store, and ``other_fields``: what it says that Bayou has no field for.

    They have the names of docs/bills.md; of an unread bill they are all that is certain.
    """
    others: dict[str, object] = dict(reading.fields) if reading is not None else {}
    if bill is not None:
        due_on = bill.due_on.isoformat() if bill.due_on else None
        of_bill = {"due_on": due_on, "previous_balance": bill.previous_balance, "payments": bill.payments}
        others |= {name: value for name, value in of_bill.items() if value is not None}
    return {**reading_fields(reading), "other_fields": others}


def reading_fields(reading: BillReading | None) -> dict[str, object]:
    """By the names in ``BESIDE``; of a bill of which nothing was kept (None) they are empty."""
    if reading is None:
        return {"reader": None, "ocr": False, "line_items": [], "checks": [], "left_out": {}}
    currency = reading.fields.get("currency")
    return {
        "reader": reading.reader or None,
        "ocr": reading.ocr,
        "line_items": [item_json(item, currency) for item in reading.line_items],
        "checks": [
            {"name": check.name, "passed": check.passed, "what": check.what} for check in reading.checks
        ],
        "left_out": dict(reading.left_out),
    }


def item_json(item: LineItem, currency: object = None) -> dict[str, object]:
    """A line item as it is shown: its cost in cents, its rate in the currency's main unit."""
    return {
        "name": item.name,
        "cost": item.cost,
        "volume": _number(item.volume),
        "unit": item.unit or None,
        "rate": _number(item.rate),
        "period_from": item.period_from.isoformat() if item.period_from else None,
        "period_to": item.period_to.isoformat() if item.period_to else None,
        "tier": item.tier or None,
        "section": item.section or None,
        "currency": currency,
        "proved_by": list(item.proved_by),
    }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
