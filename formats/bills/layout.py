"""A bill layout as a declaration: what stands before each value, and how the row of a meter is written.

A pattern is the text that leads to a value on its line, with ``{}`` for the value, and ``{day}``,
``{amount}`` or ``*`` for what differs from bill to bill: ``Billing period {day} to {}``. A row has a name in
braces for each of its values. A pattern of several lines leads from one line to the next.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meterfarm.formats.bills.checks import amount_checks
from meterfarm.formats.bills.generic.amounts import NumberStyle, unit_of
from meterfarm.formats.bills.generic.dates import DateStyle, dates_in
from meterfarm.formats.bills.generic.labels import plain
from meterfarm.formats.bills.layout_items import ItemReader, ItemTable
from meterfarm.formats.bills.layout_patterns import (
    LONGEST_PATTERN,
    MOST_STARS,
    is_attribute,
    leads,
    require_row,
    row_values,
    text_of,
)
from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Address, Bill, BillMeter, Commodity, Quantity, Unit

DAYS = ("billed_on", "due_on", "billing_period_from", "billing_period_to")
AMOUNTS = (
    *("total_amount", "outstanding_balance", "electricity_amount", "delivery_charge", "supply_charge"),
    *("gas_amount", "community_solar_bill_credit"),
)
REQUIRED = ("account_number", "billed_on", "billing_period_from", "billing_period_to", "total_amount")
_COMMODITIES = {Unit.WH: Commodity.ELECTRIC, Unit.THERM: Commodity.GAS, Unit.CCF: Commodity.GAS}
_ID = re.compile(r"[A-Za-z]{0,4}-?\d[\w./-]*(?: \d[\w./-]*)*")
_FARTHEST = 2
LONGEST_NAME, SHORTEST_TEXT, LONGEST_TEXT = 120, 3, 200
"""Characters of a layout's ``name`` and of its ``has``."""


class MeterRowPattern(BaseModel):
    """How the row of a meter is written. ``unit`` is that of rows that have none."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    row: str
    unit: str = ""


class AddressPattern(BaseModel):
    """How the address that is served is written, over lines that begin with what stands before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pattern: str
    country: str = Field("US", pattern="^[A-Z]{2}$")


class BillLayout(BaseModel):
    """A layout as its file has it; ``has`` is a text on all its bills and on no other's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    version: int = Field(ge=1)
    has: str = Field(min_length=SHORTEST_TEXT, max_length=LONGEST_TEXT)
    day_first: bool = False
    decimal_comma: bool = False
    fields: Mapping[str, str]
    meters: Sequence[MeterRowPattern] = ()
    items: Sequence[ItemTable] = ()
    address: AddressPattern | None = None


def layout_of(text: str) -> BillLayout:
    """A layout from its TOML.

    Raises:
        FormatError: it is none; the text says what of it.
    """
    try:
        layout = BillLayout.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        raise FormatError(f"it is no TOML: {exc}") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        raise FormatError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from exc
    unknown = set(layout.fields) - {"account_number", *DAYS, *AMOUNTS}
    lacking = [name for name in REQUIRED if name not in layout.fields]
    if unknown or lacking:
        what = f"has no field “{min(unknown)}”" if unknown else f"lacks {', '.join(lacking)}"
        raise FormatError(f"a bill's layout {what}")
    for name, pattern in layout.fields.items():
        if pattern.count("{}") != 1 or pattern.count("*") > MOST_STARS or len(pattern) > LONGEST_PATTERN:
            raise FormatError(f"the pattern of {name} needs {{}} once, for the value, and at most 4 *")
    for meter in layout.meters:
        require_row(meter.row, "meter")
    for table in layout.items:
        for row in table.rows:
            require_row(row, "item")
    if layout.address is not None:
        require_row(layout.address.pattern, "address")
    return layout


@dataclass(frozen=True)
class LayoutReader:
    """Reads bills by a layout; in its attributes like a utility's reader. ``id`` is the utility's."""

    id: str
    layout: BillLayout
    bill_layout: str = field(init=False)
    bill_layout_version: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bill_layout", self.id)
        object.__setattr__(self, "bill_layout_version", self.layout.version)

    @cached_property
    def numbers(self) -> NumberStyle:
        """How its numbers are written."""
        return NumberStyle(comma=self.layout.decimal_comma)

    @cached_property
    def _dates(self) -> DateStyle:
        return DateStyle(day_first=self.layout.day_first)

    def read_bill(self, pages: Sequence[str]) -> Bill:
        """A bill from the text of its pages.

        Raises:
            FormatError: what the layout needs is not there.
            Contradiction: a value is there more than once and differs, as in a PDF of several bills.
        """
        text = text_of(pages)
        if self.layout.has not in text:
            raise FormatError(f"the bill shows no “{self.layout.has}”")
        values = {name: self._value(text, name) for name in self.layout.fields}
        account, billed, first, last, total = (values[name] for name in REQUIRED)
        if not (isinstance(account, str) and isinstance(total, int)):
            raise FormatError("the bill shows no account number and total")
        if not (isinstance(billed, date) and isinstance(first, date) and isinstance(last, date)):
            raise FormatError("the bill shows no days")
        due = values.get("due_on")
        bill = Bill(
            account,
            billed,
            due if isinstance(due, date) else None,
            first,
            last,
            total,
            outstanding_balance=None,
            meters=list(self._meters(text, first, last)),
            address=self._address(text),
        )
        cents: dict[str, Any] = {name: values[name] for name in AMOUNTS if values.get(name) is not None}
        return self._with_items(text, replace(bill, **cents))

    def _with_items(self, text: str, bill: Bill) -> Bill:
        """The bill with the lines of its tables, and the checks of these and of its amounts."""
        if not self.layout.items:
            return bill
        reader = ItemReader(self.numbers, self._dates)
        items = [item for table in self.layout.items for item in reader.read(text, table)]
        return replace(bill, line_items=items, checks=[*amount_checks(bill), *reader.checks])

    def _address(self, text: str) -> Address | None:
        if self.layout.address is None:
            return None
        found = list(dict.fromkeys(self.addresses(text, self.layout.address)))
        if len(found) > 1:
            raise Contradiction(
                f"the bill shows more than one address, “{found[0].line_1}” and “{found[1].line_1}”"
            )
        return found[0] if found else None

    def addresses(self, text: str, how: AddressPattern) -> Iterator[Address]:
        """The addresses that are written so. Raises FormatError of a pattern that is none."""
        for parts in row_values(text, how.pattern, "address"):
            yield Address(
                parts["line_1"].rstrip(" ,"),
                parts["city"],
                parts.get("state", ""),
                parts["postal_code"],
                parts.get("line_2", ""),
                how.country,
            )

    def found(self, text: str, name: str, pattern: str) -> list[str | int | date]:
        """The values of a field to which a pattern leads, each once."""
        values: dict[str | int | date, None] = {}
        for match in leads(pattern, _kind(name)).finditer(text):
            if match.start() and not text[match.start() - 1].isspace():
                continue
            value = self.parsed(name, text[match.end() : text.find("\n", match.end())])
            if value is not None:
                values[value] = None
        return list(values)

    def _value(self, text: str, name: str) -> str | int | date | None:
        found = self.found(text, name, self.layout.fields[name])
        if len(found) > 1:
            what = name.replace("_", " ")
            raise Contradiction(f"the bill shows more than one {what}, “{found[0]}” and “{found[1]}”")
        if not found and name in REQUIRED:
            raise FormatError(f"the bill shows no {name.replace('_', ' ')}")
        return found[0] if found else None

    def parsed(self, name: str, text: str) -> str | int | date | None:
        """The value of a field that a text begins with; None if it begins with none."""
        text = text.lstrip(" :")
        if name in DAYS:
            days = dates_in(plain(text))
            return self._dates.date(days[0]) if days and days[0].start <= _FARTHEST else None
        if name in AMOUNTS:
            amounts = self.numbers.money(text)
            return amounts[0].cents if amounts and amounts[0].start <= _FARTHEST else None
        number = _ID.match(text)
        return number[0] if number else None

    def _meters(self, text: str, first: date, last: date) -> Iterator[BillMeter]:
        seen: set[str] = set()
        for row in self.layout.meters:
            for values in row_values(text, row.row):
                key = repr(sorted(values.items()))
                if key not in seen:
                    seen.add(key)
                    yield self._meter(values, row, first, last)

    def _meter(self, values: Mapping[str, str], row: MeterRowPattern, first: date, last: date) -> BillMeter:
        unit, power = unit_of(values.get("unit", row.unit)) or (Unit.UNKNOWN, 0)
        if unit not in _COMMODITIES:
            raise FormatError(f"meter {values['id']} has the unit “{values.get('unit', row.unit)}”")
        used = self._number(values["used"])
        decimals = max(0, -int(used.as_tuple().exponent))
        days = [self._day(values[name]) if name in values else None for name in ("from", "to")]
        return BillMeter(
            values["id"],
            _COMMODITIES[unit],
            days[0] or first,
            days[1] or last,
            Quantity(int(used.scaleb(decimals)), power - decimals, unit),
            values.get("tariff", ""),
            self._number(values["previous"]) if "previous" in values else None,
            self._number(values["current"]) if "current" in values else None,
            {name: value for name, value in values.items() if is_attribute(name)},
        )

    def _number(self, text: str) -> Decimal:
        found = self.numbers.amounts(text)
        if len(found) != 1:
            raise FormatError(f"“{text}” in the row of a meter is no number")
        return found[0].value

    def _day(self, text: str) -> date:
        found = dates_in(plain(text))
        day = self._dates.date(found[0]) if found else None
        if day is None:
            raise FormatError(f"“{text}” in the row of a meter is no day")
        return day


def _kind(name: str) -> str:
    return "day" if name in DAYS else "amount" if name in AMOUNTS else "id"
