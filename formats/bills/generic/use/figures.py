"""Figures of use: every amount of a unit on a bill, with what speaks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from meterfarm.formats.bills.generic.amounts import UNIT, rounded
from meterfarm.formats.bills.generic.labels import Field, plain
from meterfarm.formats.bills.generic.money.charges import ChargeRow
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.generic.use.commodities import GAS_OR_ELECTRIC, kind_near
from meterfarm.formats.bills.generic.use.reads import READ_HEAD, MeterRead, names_both, not_multiplied
from meterfarm.records import Commodity

_PART_OF_USE = re.compile(
    r"\b(?:on|off|mid|part)-?\s?peak\b|\bpeak (?:usage|energy|kwh|units)\b|\bshoulder\b|\bcontrolled load\b|"
    r"\b(?:day|night) (?:units|rate|usage|energy)\b|\b(?:hoch|nieder)tarif\b|\b[hn]t\b|\btier \d|"
    r"\bblock \d|\bheures (?:pleines|creuses)|\bpunta\b|\bllano\b|\bvalle\b"
)
_OTHER_TIME = re.compile(
    r"\blast (?:year|month)\b|\bprevious (?:year|month)|\baverage\b|\bavg\b|\bper day\b|\bdaily\b|"
    r"\bannual|\byear\b|\bhistor|\bannuo\b|"
    r"\bultim|\bmedio\b|\bmoyenne?\b|\bmedia\b|\bvorjahr|\bdurchschnitt|\banno\b|\bcompar|\bbudget|"
    r"\btarget|\bto date\b|"
    r"\bfirst \d|\bover \d|\btemperature|\bcontratta|\ballowance|\bbaseline"
)
_CONSUMED = re.compile(r"\bconsumos?\b|\bconsumi\b|\bconsommation|\bverbrauch|\bconsumption\b|\busage\b")
_SUMMARY = re.compile(r"\b(?:electric(?:ity)?|gas|water|energy) (?:charges?|service|usage)\b")
_PER_DAY = re.compile(
    r"\bper day\b|/\s?day\b|\bdaily\b|\bpar jour\b|\bpro tag\b|\bal giorno\b|\bpor dia\b|\bdiario"
)


_LEAST_READ = 100


@dataclass(slots=True)
class UsageFigure:
    """An amount of a unit with what speaks for it: read, label, item, sum, average.

    A "part item" is a charge for the use of a time of day or a tier.
    """

    value: Decimal
    unit: str
    evidence: set[str] = field(default_factory=set)
    lines: set[int] = field(default_factory=set)


def figures(
    sheet: BillSheet,
    rows: Sequence[ChargeRow],
    reads: Sequence[MeterRead],
    units: frozenset[str],
    days_long: Sequence[int] = (),
    commodity: Commodity | None = None,
    shared: frozenset[str] = frozenset(),
) -> list[UsageFigure]:
    """Every amount of these units on the bill, with what speaks for it.

    Of ``shared`` units, which other commodities on the bill have too, those that stand near ``commodity``.
    """
    known: dict[Decimal, UsageFigure] = {}
    if sheet.numbers is None:
        return []

    def seen(value: Decimal, unit: str, evidence: str, line: int) -> None:
        if value <= 0:
            return
        if commodity is not None and unit in shared:
            near = kind_near(sheet, line, by_word=not shared.isdisjoint(GAS_OR_ELECTRIC))
            if near != commodity:
                return
        figure = known.setdefault(value.normalize(), UsageFigure(value, unit))
        if unit in units and figure.unit not in units:
            figure.unit = unit
        figure.evidence.add(evidence)
        figure.lines.add(line)

    for read in reads:
        if read.unit in units and not read.received:
            seen(read.used, read.unit, "read", read.line)
            if names_both(sheet, read.line):
                seen(read.used, read.unit, "columns", read.line)
    of_reads = {read.line: read for read in reads}
    charged: set[Decimal] = set()
    credited: set[Decimal] = set()
    for row in rows:
        if "product" in row.proved and row.volume is not None and row.volume.unit in units:
            if row.cents < 0 and row.rate is not None and row.rate > 0:
                credited.add(row.volume.value.normalize())
                continue
            charged.add(row.volume.value.normalize())
            of_part = _PART_OF_USE.search(plain(row.text)) is not None
            seen(row.volume.value, row.volume.unit, "part item" if of_part else "item", row.line)
            if (figure := known.get(row.volume.value.normalize())) is not None:
                figure.unit = row.volume.unit
        elif _SUMMARY.search(plain(row.text)) and not _OTHER_TIME.search(plain(row.text)):
            others = [each for each in sheet.numbers.amounts(row.text) if rounded(each.value) != row.cents]
            volumes = [each for each in others if each.unit in units]
            if len(volumes) == 1 and len(others) == 1:
                seen(volumes[0].value, volumes[0].unit, "summary", row.line)
    for unit, value, line in _labelled(sheet, units):
        if line not in of_reads or value == of_reads[line].used:
            seen(value, unit, "label", line)
    for index, text in enumerate(sheet.plain_lines):
        if _OTHER_TIME.search(text):
            continue
        for amount in sheet.amounts_of[index]:
            if amount.unit in units:
                seen(amount.value, amount.unit, "text", index)
    for value, unit, line in _parts_of(sheet, units):
        seen(value, unit, "parts", line)
    for figure in known.values():
        if "read" not in figure.evidence and (
            ("label" in figure.evidence and _is_difference(sheet, figure))
            or ("item" in figure.evidence and _is_in_row(sheet, figure.value))
        ):
            figure.evidence.add("read")
    averages = list(_averages(sheet))
    for figure in known.values():
        if any(
            abs(average * days - figure.value) <= days * half
            for average, half in averages
            for days in days_long
        ):
            figure.evidence.add("average")
    raw = not_multiplied(sheet) | (credited - charged)
    return [each for each in known.values() if each.value not in raw or "item" in each.evidence]


def _parts_of(sheet: BillSheet, units: frozenset[str]) -> Iterator[tuple[Decimal, str, int]]:
    """What rows of use by the time of day come to: only amounts of one unit, with their sum or without."""
    if sheet.numbers is None:
        return
    for index, text in enumerate(sheet.plain_lines):
        if not _CONSUMED.search(text) or _OTHER_TIME.search(text) or len(text) > 200:
            continue
        found = [each for each in sheet.amounts_of[index] if each.unit in units]
        if not 2 <= len(found) <= 7 or len({each.unit for each in found}) > 1:
            continue
        *parts, last = [each.value for each in found]
        whole = last if len(parts) > 1 and sum(parts) == last else sum(parts, last)
        yield whole, found[0].unit, index


def _is_difference(sheet: BillSheet, figure: UsageFigure) -> bool:
    """Whether two numbers a few lines around are reads that differ by it."""
    if sheet.numbers is None or figure.value < 2:
        return False
    for line in figure.lines:
        low, high = max(0, line - 7), min(len(sheet.lines), line + 3)
        page = sheet.lines[line].page
        near = [
            each.value
            for index in range(low, high)
            if sheet.lines[index].page == page and READ_HEAD.search(" ".join(sheet.plain_lines[low:high]))
            for each in sheet.numbers.amounts(sheet.lines[index].text)
            if each.value > 20 and each.value != figure.value
        ]
        if any(one - figure.value in near for one in near):
            return True
    return False


def _is_in_row(sheet: BillSheet, value: Decimal) -> bool:
    """Whether a row has it behind two reads that make it, perhaps with a multiplier. It may lack a head."""
    for amounts in sheet.amounts_of:
        numbers = [each.value for each in amounts[:14]]
        if len(numbers) < 3 or value not in numbers:
            continue
        end = numbers.index(value)
        for one, other in pairwise(numbers[:end]):
            difference = abs(one - other)
            factors = {Decimal(1), *numbers[2:end]}
            if max(one, other) >= _LEAST_READ and difference and value / difference in factors:
                return True
    return False


def _averages(sheet: BillSheet) -> Iterator[tuple[Decimal, Decimal]]:
    """Amounts a day as the bill states them, with half their last digit."""
    if sheet.numbers is None:
        return
    for index, text in enumerate(sheet.plain_lines):
        if _PER_DAY.search(text) and len(text) < 200:
            for amount in sheet.amounts_of[index][:6]:
                if amount.value >= 5:
                    yield amount.value, Decimal("0.5").scaleb(int(amount.value.as_tuple().exponent))


def _labelled(sheet: BillSheet, units: frozenset[str]) -> Iterator[tuple[str, Decimal, int]]:
    numbers = sheet.numbers
    if numbers is None:
        return
    for label in sheet.labels_of(Field.USAGE):
        cell = sheet.plains[label.line][label.cell]
        if _OTHER_TIME.search(cell) or _PART_OF_USE.search(cell) or len(cell) > 110 or label.start > 40:
            continue
        in_label = UNIT.search(label.text) or UNIT.search(cell)
        for region in sheet.regions(label):
            if _OTHER_TIME.search(region.plain):
                break
            found = [each for each in numbers.amounts(region.text) if each.value > 0]
            if not found:
                continue
            first = found[0]
            unit = first.unit or (in_label["unit"] if in_label else "")
            if not unit:
                after = sheet.lines[region.line].cells[region.cell + 1 : region.cell + 2]
                match = UNIT.match(after[0].text.lower()) if after else None
                below = sheet.plain_lines[region.line + 1] if region.line + 1 < len(sheet.plain_lines) else ""
                match = match or UNIT.fullmatch(below.strip())
                unit = match["unit"] if match else ""
            if unit in units and first.start < 25:
                yield unit, first.value, region.line
            break
