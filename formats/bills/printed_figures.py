"""The figures printed on a bill, held against each other. What does not agree is a check that failed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple, TypeVar

from meterfarm.formats.bills.bill_figures import money
from meterfarm.formats.errors import FormatError
from meterfarm.records import Bill, BillCheck, LineItem

_ROW = re.compile(r"(.+?) (-?)\$([\d,]+)\.(\d\d)(?!\d)(.*)")
_DETAIL = re.compile(r"(.+?) ([\d,]{0,15}\.?\d{1,9}) (kWh|therms|months?)(?: x \$([\d.]+))?$")
_HALF_A_CENT = Decimal("0.5")
_DAYS_OF_MONTH = Decimal("30.44")
_MONTHS_APART = Decimal("0.6")


T = TypeVar("T")


class PrintedRow(NamedTuple):
    """A line with an amount, in cents: what stands before it and after it, and the heading above it."""

    text: str
    cents: int
    rest: str
    section: str


class PrintedFigures:
    """The amounts of a bill's text by what stands before them, and ``checks`` of what agrees with what.

    ``headings`` are lines that begin a section.
    """

    def __init__(self, text: str, headings: Collection[str] = ()) -> None:
        self.checks: list[BillCheck] = []
        self.differ: list[str] = []
        self._made: set[tuple[str, str]] = set()
        self.rows: list[PrintedRow] = []
        self._by_text: dict[str, list[int]] = {}
        section = ""
        for line in text.splitlines():
            if line in headings:
                section = line
            elif "$" in line and (found := _ROW.match(line)) is not None:
                row = PrintedRow(found[1], cents_of(*found.group(2, 3, 4)), found[5], section)
                self.rows.append(row)
                self._by_text.setdefault(row.text, []).append(row.cents)

    def amounts(self, label: str) -> list[int]:
        """The amounts behind ``label`` at each place."""
        return list(self._by_text.get(label, ()))

    def amount(self, label: str) -> int | None:
        """The amount behind ``label``, None if there is none: of several the most frequent one."""
        found = self._by_text.get(label)
        return None if found is None else self.same(label, found, money)

    def required(self, label: str) -> int:
        """As ``amount``. Raises FormatError if there is none."""
        cents = self.amount(label)
        if cents is None:
            raise FormatError(f"the bill shows no “{label}”")
        return cents

    def same(self, name: str, found: Sequence[T], shown: Callable[[T], str] = str) -> T:
        """What stands at several places, the most frequent of them; a check if it differs."""
        counted = Counter(found).most_common()
        value = counted[0][0]
        if len(found) > 1:
            others = " and ".join(shown(other) for other, _ in counted[1:4])
            where = f"elsewhere {others}" if others else f"at each of its {len(found)} places"
            self.check(name, not others, f"“{name}” is {shown(value)}, {where}.")
        return value

    def of_one_bill(self, name: str, found: Sequence[int], places: int) -> int:
        """As ``same``, of an amount that a bill has at ``places`` places or more.

        If two stand there equally often, as in a PDF of two bills, ``differ`` says so.
        """
        first, *others = Counter(found).most_common(2)
        if others and others[0][1] == first[1] >= places:
            both = f"“{money(first[0])}” and “{money(others[0][0])}”"
            self.differ.append(f"the bill shows more than one “{name}”, {both}")
        return self.same(name, found, money)

    def total(
        self, name: str, cents: int, parts: Sequence[tuple[str, int]], doubtful: Sequence[str] = ()
    ) -> bool:
        """Whether the parts add up to what is printed as ``name``; ``doubtful`` are those without a proof."""
        added = sum(part for _, part in parts)
        listed = ", ".join(f"“{part}” {money(its)}" for part, its in parts)
        what = f"{listed} make {money(added)}; “{name}” is {money(cents)}."
        if added != cents and doubtful and len(doubtful) < len(parts):
            what += f" Nothing else proves {' and '.join(f'“{part}”' for part in doubtful)}."
        return self.check(name, added == cents, what)

    def service(self, section: str, parts: Sequence[str], total: str) -> list[LineItem]:
        """The lines below a heading, in ``parts`` that each end with a sum, which add up to ``total``."""
        items: list[LineItem] = []
        sums: list[tuple[str, int]] = []
        rows: list[PrintedRow] = []
        for row in self.of_section(section):
            if row.text in parts:
                items += self.lines(section, rows, (row.text, row.cents))
                sums.append((row.text, row.cents))
                rows = []
            elif row.text == total:
                self.total(total, row.cents, sums)
                break
            else:
                rows.append(row)
        return items

    def of_section(self, section: str) -> list[PrintedRow]:
        """The rows below a heading, to the next one."""
        return [row for row in self.rows if row.section == section]

    def lines(
        self, section: str, rows: Sequence[PrintedRow], total: tuple[str, int] | None
    ) -> list[LineItem]:
        """Lines of charges under one heading that add up to ``total``, each held against volume and rate."""
        items = [_item(row, section) for row in rows]
        proved = [self._is_product(item) for item in items]
        in_sum = False
        if total is not None:
            doubtful = [item.name for item, by_product in zip(items, proved, strict=True) if not by_product]
            in_sum = self.total(*total, [(item.name, item.cost) for item in items], doubtful)
        found = []
        for item, by_product in zip(items, proved, strict=True):
            by = [name for name, holds in (("product", by_product), ("sum", in_sum)) if holds]
            found.append(replace(item, proved_by=by))
        return found

    def credits(self, section: str, rows: Sequence[PrintedRow]) -> list[LineItem]:
        """Lines without a sum of their own; by name they are what a summary has, where it has them."""
        items = self.lines(section, rows, None)
        for name in dict.fromkeys(item.name for item in items):
            if summed := self.amounts(name):
                own = sum(item.cost for item in items if item.name == name)
                self.same(name, [own, sum(summed)], money)
        return items

    def due(
        self, name: str, cents: int, parts: Sequence[tuple[str, int]], credits: Sequence[LineItem]
    ) -> list[LineItem]:
        """Whether ``parts`` and credits add up to what is due; the credits, proved by that sum if they do."""
        if not self.total(name, cents, [*parts, *((each.name, each.cost) for each in credits)]):
            return list(credits)
        return [replace(each, proved_by=[*each.proved_by, "sum"]) for each in credits]

    def balance(self, name: str, cents: int | None, parts: Sequence[tuple[str, int | None]]) -> None:
        """Whether last bill and payments add up to the balance; of a bill without all of them no check."""
        known = [(part, its) for part, its in parts if its is not None]
        if len(known) == len(parts):
            self.total(name, cents or 0, known)

    def to_grid(
        self,
        meters: Sequence[tuple[str, Decimal, Decimal, Decimal]],
        credits: Sequence[LineItem],
        what: str,
    ) -> None:
        """Whether ``meters`` (name, previous read, current, counted in kWh) counted what is credited."""
        for name, previous, current, used in meters:
            self.reads(name, previous, current, used)
        self.held_against(credits, "kWh", sum((used for *_, used in meters), Decimal()), what)

    def with_lines(self, bill: Bill, items: Sequence[LineItem], credits: Sequence[LineItem]) -> Bill:
        """The bill with its lines, what is credited in all, and the checks that were made."""
        return replace(
            bill,
            community_solar_bill_credit=sum(each.cost for each in credits) if credits else None,
            line_items=[*items, *credits],
            checks=self.checks,
        )

    def _is_product(self, item: LineItem) -> bool:
        if item.rate is None or item.volume is None:
            return False
        made = item.volume * item.rate * 100
        agrees = abs(made - abs(item.cost)) <= _HALF_A_CENT
        what = (
            f"“{item.name}” of {item.volume:f} {item.unit} x {item.rate:f} makes {made.scaleb(-2):.4f}; "
            f"its cost is {money(item.cost)}."
        )
        return self.check(f"{item.section}: {item.name}" if item.section else item.name, agrees, what)

    def held_against(self, items: Sequence[LineItem], unit: str, used: Decimal, what: str) -> None:
        """Whether the lines of each name are for what was counted, ``used``; ``what`` are the meters."""
        volumes: dict[str, Decimal] = {}
        for item in items:
            if item.unit == unit and item.rate is not None and item.volume is not None:
                volumes[item.name] = volumes.get(item.name, Decimal()) + item.volume
        wrong = {name: volume for name, volume in volumes.items() if volume != used}
        if not volumes:
            return
        listed = ", ".join(f"“{name}” is for {volume:f}" for name, volume in wrong.items())
        self.check(
            f"volumes in {unit}, {what}",
            not wrong,
            f"{listed or 'Each line is for what was counted'}; {what} counted {used:f} {unit}.",
        )

    def months(self, items: Sequence[LineItem], days: int) -> None:
        """Whether lines of each name and heading are for as many months as the bill."""
        found: dict[tuple[str, str], Decimal] = {}
        for item in items:
            if item.unit.startswith("month") and item.volume is not None:
                key = (item.section, item.name)
                found[key] = found.get(key, Decimal()) + item.volume
        for (section, name), months in found.items():
            agrees = abs(months - days / _DAYS_OF_MONTH) < _MONTHS_APART
            self.check(
                f"months of {section}: {name}",
                agrees,
                f"“{name}” is for {months:f} month{'s' * (months != 1)}; the bill's period has {days} days.",
            )

    def reads(self, name: str, previous: Decimal, current: Decimal, used: Decimal) -> None:
        """Whether two reads differ by what was counted."""
        differ = current - previous
        what = f"{name}: {current:f} less {previous:f} is {differ:f}; printed is {used:f}."
        self.check(name, differ == used, what)

    def check(self, name: str, passed: bool, what: str) -> bool:
        """Keep a check, unless the same was made before; whether it passed."""
        if (name, what) not in self._made:
            self._made.add((name, what))
            self.checks.append(BillCheck(name, passed, what))
        return passed


def _item(row: PrintedRow, section: str) -> LineItem:
    found = _DETAIL.match(row.text)
    if found is None:
        return LineItem(row.text, row.cents, section=section)
    name, volume, unit, rate = found.groups()
    return LineItem(
        name,
        row.cents,
        Decimal(volume.replace(",", "")),
        unit,
        Decimal(rate) if rate else None,
        section=section,
    )


def cents_of(sign: str, whole: str, hundredths: str) -> int:
    """Cents of an amount's parts as printed; ``sign`` is "-" or ""."""
    cents = int(whole.replace(",", "")) * 100 + int(hundredths)
    return -cents if sign else cents
