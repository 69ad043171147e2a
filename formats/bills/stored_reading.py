"""A reading of a bill as JSON that is kept beside the bill, bounded in size, and back.

A column of the database has it: the reader, line items, checks, what was left out, and the fields that the
bill itself has no column for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from meterfarm.records import Bill, BillCheck, BillReading, BillStatus, LineItem
from meterfarm.support.foreign_text import NAME, one_line

MOST_LINES = 400
MOST_CHECKS = 400
_MOST_FIELDS = 60
_LONGEST = 300
"""Characters of a sentence or a text."""
_SHORT = 32
_LARGEST = 10**15
_IN_DETAIL = frozenset(("meters", "address", "utility"))
_OF_BILL = frozenset(
    (
        *(field.name for field in dataclass_fields(Bill)),
        *("electricity_consumption", "gas_consumption", "gas_consumption_unit", "utility"),
    )
)
"""Fields that the bill's own record has."""


def reading_to_json(reading: BillReading) -> dict[str, Any]:
    """What is kept of a reading; not all of very many lines and checks."""
    checks = list(reading.checks)
    if len(checks) > MOST_CHECKS:
        checks = sorted(checks, key=lambda check: check.passed)[:MOST_CHECKS]
    left_out = dict(list(reading.left_out.items())[:_MOST_FIELDS])
    if len(reading.line_items) > MOST_LINES:
        left_out["line_items"] = f"there are {len(reading.line_items)}: the first {MOST_LINES} are kept"
    return {
        "reader": one_line(reading.reader, NAME),
        "status": reading.status.value,
        "ocr": reading.ocr,
        "fields": _fields(reading.fields, _IN_DETAIL if reading.bill is None else _OF_BILL),
        "line_items": [_item_to_json(item) for item in reading.line_items[:MOST_LINES]],
        "checks": [
            [one_line(each.name, NAME), each.passed, one_line(each.what, _LONGEST)] for each in checks
        ],
        "left_out": {one_line(name, NAME): one_line(why, _LONGEST) for name, why in left_out.items()},
    }


def reading_from_json(saved: Mapping[str, Any], bill: Bill | None) -> BillReading:
    """The reading that was kept; ``bill`` is the one that was kept beside it, None if it is unread."""
    items = items_from_json(saved)
    return BillReading(
        saved["reader"],
        BillStatus(saved["status"]),
        saved["fields"],
        bill if bill is None else replace(bill, line_items=items),
        items,
        [BillCheck(*check) for check in saved["checks"]],
        saved["left_out"],
        saved["ocr"],
    )


def items_from_json(saved: Mapping[str, Any]) -> Sequence[LineItem]:
    """The line items of a reading that was kept."""
    return tuple(_item(each) for each in saved["line_items"])


def failed(reading: BillReading, most: int = 20) -> Sequence[str]:
    """The sentences of the checks that a bill did not pass: its doubts."""
    return [one_line(check.what, _LONGEST) for check in reading.checks if not check.passed][:most]


def _fields(fields: Mapping[str, object], others: Set[str]) -> dict[str, object]:
    """Those that are known, but for the ``others``."""
    kept: dict[str, object] = {}
    for name, value in fields.items():
        if value is None or name in others or len(kept) >= _MOST_FIELDS:
            continue
        if isinstance(value, str):
            kept[name] = one_line(value, _LONGEST)
        elif isinstance(value, bool | int | float) and abs(value) < _LARGEST:
            kept[name] = value
    return kept


def _item_to_json(item: LineItem) -> list[object]:
    return [
        one_line(item.name, _LONGEST),
        item.cost if abs(item.cost) < _LARGEST else 0,
        _text(item.volume),
        one_line(item.unit, _SHORT),
        _text(item.rate),
        item.period_from.isoformat() if item.period_from else None,
        item.period_to.isoformat() if item.period_to else None,
        one_line(item.tier, _LONGEST),
        list(item.proved_by),
        one_line(item.section, _LONGEST),
    ]


def _item(saved: Sequence[Any]) -> LineItem:
    name, cost, volume, unit, rate, first, last, tier, proved_by, section = saved
    return LineItem(
        name,
        cost,
        _decimal(volume),
        unit,
        _decimal(rate),
        date.fromisoformat(first) if first else None,
        date.fromisoformat(last) if last else None,
        tier,
        tuple(proved_by),
        section,
    )


def _text(value: Decimal | None) -> str | None:
    text = None if value is None else str(value)
    return text if text is None or len(text) <= _SHORT else None


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
