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

from meterfarm.formats.bills.shape import MOST_PARTS
from meterfarm.records import Bill, BillCheck, BillReading, BillStatus, LineItem
from meterfarm.support.foreign_text import NAME, one_line

MOST_LINES = 400
MOST_CHECKS = 400
_MOST_FIELDS = 60
_LONGEST = 300
"""Characters of a sentence or a text."""
_SHORT = 32
_MOST_PARTS = 24
_MOST_DIGITS = 15
_LARGEST = 10**_MOST_DIGITS
"""Of cents, and of any figure."""
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
    items = [item for item in reading.line_items if abs(item.cost) < _LARGEST]
    if len(items) < len(reading.line_items):
        left_out["line_items"] = "a line has more than fifteen digits: no bill costs as much"
    elif len(items) > MOST_LINES:
        left_out["line_items"] = f"there are {len(items)}: the first {MOST_LINES} are kept"
    return {
        "reader": one_line(reading.reader, NAME),
        "status": reading.status.value,
        "ocr": reading.ocr,
        "fields": _fields(reading.fields, _IN_DETAIL if reading.bill is None else _OF_BILL),
        "line_items": [_item_to_json(item) for item in items[:MOST_LINES]],
        "checks": [
            {
                "name": one_line(each.name, NAME),
                "passed": each.passed,
                "what": one_line(each.what, _LONGEST),
            }
            for each in checks
        ],
        "left_out": {one_line(name, NAME): one_line(why, _LONGEST) for name, why in left_out.items()},
        "shape": list(reading.shape[:MOST_PARTS]),
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
        [BillCheck(each["name"], each["passed"], each["what"]) for each in saved["checks"]],
        saved["left_out"],
        saved["ocr"],
        tuple(saved.get("shape", ())),
    )


def items_from_json(saved: Mapping[str, Any]) -> Sequence[LineItem]:
    """The line items of a reading that was kept."""
    return tuple(_item(each) for each in saved["line_items"])


def same_lines(saved: Mapping[str, Any] | None, reading: BillReading | None) -> bool:
    """Whether a reading has the line items of one that was kept.

    How they are proved, their tier and their section are not compared: a reader may find out more.
    """
    before = items_from_json(saved) if saved else ()
    after = items_from_json(reading_to_json(reading)) if reading else ()
    return [*map(_facts, before)] == [*map(_facts, after)]


def failed(reading: BillReading, most: int = 20) -> Sequence[str]:
    """The sentences of the checks that a bill did not pass: its doubts."""
    return [one_line(check.what, _LONGEST) for check in reading.checks if not check.passed][:most]


def _fields(fields: Mapping[str, object], others: Set[str]) -> dict[str, object]:
    """Those that are known, but for the ``others``."""
    kept: dict[str, object] = {}
    for name, value in fields.items():
        if value is None or name in others or len(kept) >= _MOST_FIELDS:
            continue
        if (plain := _plain(value)) is not None:
            kept[name] = plain
    return kept


def _plain(value: object, depth: int = 2) -> object:
    """A value as it is kept, None if it is not: of an address its parts, of several periods those of each."""
    if isinstance(value, str):
        return one_line(value, _LONGEST)
    if isinstance(value, bool | int | float):
        return value if abs(value) < _LARGEST else None
    if isinstance(value, Mapping) and depth:
        named = [*value.items()][:_MOST_PARTS]
        parts = {one_line(str(name), NAME): _plain(part, depth - 1) for name, part in named}
        return {name: part for name, part in parts.items() if part is not None} or None
    if isinstance(value, list | tuple) and depth:
        parts_of = (_plain(part, depth - 1) for part in value[:_MOST_PARTS])
        return [part for part in parts_of if part is not None] or None
    return None


def _item_to_json(item: LineItem) -> dict[str, object]:
    """What it has, by the names of its record."""
    kept = {
        "name": one_line(item.name, _LONGEST),
        "cost": item.cost,
        "volume": _text(item.volume),
        "unit": one_line(item.unit, _SHORT),
        "rate": _text(item.rate),
        "period_from": item.period_from.isoformat() if item.period_from else None,
        "period_to": item.period_to.isoformat() if item.period_to else None,
        "tier": one_line(item.tier, _LONGEST),
        "proved_by": list(item.proved_by),
        "section": one_line(item.section, _LONGEST),
    }
    return {name: value for name, value in kept.items() if value is not None and value not in ("", [])}


def _item(saved: Mapping[str, Any]) -> LineItem:
    first, last = saved.get("period_from"), saved.get("period_to")
    return LineItem(
        saved.get("name", ""),
        saved["cost"],
        _decimal(saved.get("volume")),
        saved.get("unit", ""),
        _decimal(saved.get("rate")),
        date.fromisoformat(first) if first else None,
        date.fromisoformat(last) if last else None,
        saved.get("tier", ""),
        tuple(saved.get("proved_by", ())),
        saved.get("section", ""),
    )


def _facts(item: LineItem) -> tuple[object, ...]:
    return item.name, item.cost, item.volume, item.unit, item.rate, item.period_from, item.period_to


def _text(value: Decimal | None) -> str | None:
    """None also of a number that no bill has: one that is too large, or has too many digits."""
    if value is None or not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
        return None
    text = str(value)
    return text if len(text) <= _SHORT else None


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
