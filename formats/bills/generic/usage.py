"""What was used: figures that reads, products, sums and labels agree on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from meterfarm.formats.bills.generic.amounts import UNIT, Amount, rounded, unit_of
from meterfarm.formats.bills.generic.charges import ChargeRow
from meterfarm.formats.bills.generic.found import Settled
from meterfarm.formats.bills.generic.labels import Field, plain
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.records import Commodity, Quantity, Unit

_PART_OF_USE = re.compile(
    r"\b(?:on|off|mid|part)-?\s?peak\b|\btier \d|\bblock \d|\bheures (?:pleines|creuses)|\bpunta\b|"
    r"\bllano\b|\bvalle\b"
)
_SCALED = re.compile(r"(?:\(|\bin |\bx )\s?(?:100|hundreds? of)\s?ccf\b")
_READ_HEAD = re.compile(
    r"\bprevious\b|\bpresent\b|\bcurrent\b|\bprior\b|\bread(?:ing)?s?\b|\bindex\b|\blettur|\blectura|"
    r"\bzahlerstand|\banterior\b|\breleve"
)
_PREVIOUS = re.compile(
    r"\bprevious\b|\bprior\b|\bprecedente?\b|\banterior\b|\balter\b|\bpast\b|\bbegin|\bold\b|"
    r"\bstart\b|anfang"
)
_OTHER_TIME = re.compile(
    r"\blast (?:year|month)\b|\bprevious (?:year|month)|\baverage\b|\bavg\b|\bper day\b|\bdaily\b|"
    r"\bannual|\byear\b|\bhistor|\bannuo\b|"
    r"\bultim|\bmedio\b|\bmoyenne?\b|\bmedia\b|\bvorjahr|\bdurchschnitt|\banno\b|\bcompar|\bbudget|"
    r"\btarget|\bto date\b|"
    r"\bfirst \d|\bover \d|\btemperature|\bcontratta|\ballowance|\bbaseline"
)
_RECEIVED = re.compile(
    r"\breceived\b|\bgenerat(?:ed|ion)\b|\bexport|\breturned\b|\bto (?:the )?grid\b|\bexcess\b|"
    r"\binjected|\bexcedente|\beinspeis|\bimmess"
)
_ENERGY = {Unit.WH: Commodity.ELECTRIC, Unit.THERM: Commodity.GAS}
_ENERGY_UNITS = frozenset({"kwh", "onkwh", "offkwh", "mwh"})
_GAS_UNITS = frozenset({"therms", "therm", "ccf", "m3", "m³", "mc", "smc", "gj"})
_WATER_UNITS = frozenset({"hcf", "ccf", "gal", "gallons", "kgal", "m3", "m³", "mc"})


@dataclass(slots=True)
class MeterRead:
    """Two reads, a multiplier and what they make: ``(current - previous) * multiplier`` is ``used``."""

    line: int
    previous: Decimal
    current: Decimal
    multiplier: Decimal
    used: Decimal
    unit: str
    received: bool = False


@dataclass(slots=True)
class UsageFigure:
    """An amount of a unit with what speaks for it: read, label, item, sum, average, days."""

    value: Decimal
    unit: str
    evidence: set[str] = field(default_factory=set)
    lines: set[int] = field(default_factory=set)


_ELECTRIC_WORDS = re.compile(
    r"\belectric(?! heat)|\belectricite|\belettric|\belectricidad|\bstrom|\bluz\b|\bluce\b|\bpower\b"
)
_GAS_WORDS = re.compile(
    r"\bnatural gas\b|\bgas (?:charges?|usage|used|service|delivery|supply|rate|naturale|meter|natural)|"
    r"\bgaz\b|\berdgas|\btherms\b|\bgasverbrauch|\bgasversorgung|\bgaslieferung|\bconsumo de gas|"
    r"\btermino .{0,12}gas\b|\bpdr\b|\bpce\b"
)
_OTHER_HEAT = re.compile(r"\bgas\b|\bgaz\b|\berdgas|\bfernwarme|\bheizwarme")
_GAS_AMOUNTS = re.compile(
    r"\d\s?(?:therms?|ccf|m3|m³|smc|mc|gj|kwh)\b|\btherms\b|\bccf\b|\bgas used|\(m³\)|\bm³"
)


def commodities(sheet: BillSheet) -> frozenset[Commodity]:
    """What a bill is of, by its words and units."""
    words, text = sheet.words, sheet.text
    found = set()
    if words & {
        "kwh",
        "electric",
        "electricity",
        "strom",
        "elettrica",
        "electricite",
        "luz",
        "electricidad",
        "luce",
    }:
        found.add(Commodity.ELECTRIC)
    is_electric = bool(found) and bool(re.search(r"\d\s?[mk]wh|\bkwh\b", text))
    is_gas = bool(_GAS_WORDS.search(text)) and bool(_GAS_AMOUNTS.search(text))
    if is_gas:
        found.add(Commodity.GAS)
    if not is_electric or (is_gas and not _ELECTRIC_WORDS.search(text)):
        found.discard(Commodity.ELECTRIC)
    if _OTHER_HEAT.search(text) and not _ELECTRIC_WORDS.search(text):
        found.discard(Commodity.ELECTRIC)
    if words & {"water", "sewer", "wasser", "acqua", "agua", "eau", "wastewater"} and re.search(
        r"\bwater (?:charges?|usage|service|consumption|rate|treatment|sewer)|\bsewer\b|\btotal eau\b|"
        r"\bconsumo (?:de )?agua|"
        r"\bwasserverbrauch|\bservizio idrico|\bconsommation d'eau|\bwater\b.{0,20}\d+\.\d\d|\bhcf\b",
        text,
    ):
        found.add(Commodity.WATER)
    return frozenset(found)


def reads_of(sheet: BillSheet) -> list[MeterRead]:
    """The rows in which two reads make what was used."""
    if sheet.numbers is None:
        return []
    found = []
    for index, line in enumerate(sheet.lines):
        text = line.text
        if sum(map(str.isdigit, text)) < 7 or len(text) > 260:
            continue
        near = " ".join(sheet.plain_lines[max(0, index - 22) : index + 1])
        unit = _unit_near(sheet, index)
        if unit is None or not _READ_HEAD.search(near):
            continue
        one = _read_in(sheet, index, unit)
        if one is None:
            continue
        close = " ".join(sheet.plain_lines[max(0, index - 9) : index + 1])
        if one.multiplier > 1 or _READ_HEAD.search(close):
            found.append(one)
    return found


def _read_in(sheet: BillSheet, index: int, unit: str) -> MeterRead | None:
    """The reads of a row: two numbers side by side, then perhaps a multiplier, then what they make."""
    if sheet.numbers is None:
        return None
    text = sheet.lines[index].text
    numbers = [
        each for each in sheet.numbers.amounts(text) if text[each.end : each.end + 2].strip()[:1] != "%"
    ][:14]
    best: tuple[int, MeterRead] | None = None
    for place, (first, second) in enumerate(pairwise(numbers)):
        one, other = abs(first.value), abs(second.value)
        if (max(one, other) < 20 and "." not in text[first.start : second.end]) or one == other:
            continue
        rest = [*numbers[place + 2 :], *reversed(numbers[:place])]
        for used in rest:
            if used.value <= 0:
                continue
            multiplier = _multiplier(abs(one - other), used, rest)
            if multiplier is None:
                continue
            after = used.start > second.start
            score = 4 * after + 2 * bool(used.unit) + (multiplier > 1)
            read = MeterRead(
                index, min(one, other), max(one, other), multiplier, used.value, used.unit or unit
            )
            if score >= 2 and (best is None or score > best[0]):
                best = score, read
    if best is None or (best[1].multiplier == 1 and _is_multiplied(sheet, best[1], numbers)):
        return None
    here = sheet.plain_lines[index]
    best[1].received = bool(_RECEIVED.search(here)) and not re.search(
        r"\bdelivered\b|\bfrom (?:the )?grid", here
    )
    return best[1]


_MULTIPLIER = re.compile(
    r"\bmult(?:iplier)?\b|\bconst(?:ant)?\b|\bct ratio\b|\bmeter factor\b|\bwandlerfaktor|"
    r"\bfactor\b|\bcoefficiente\b"
)


def _not_multiplied(sheet: BillSheet) -> set[Decimal]:
    """What two reads of a row make that has a multiplier too, by the head of its table."""
    found: set[Decimal] = set()
    if sheet.numbers is None or not _MULTIPLIER.search(sheet.text):
        return found
    for index, line in enumerate(sheet.lines):
        numbers = sheet.numbers.amounts(line.text)[:14]
        for first, second in pairwise(numbers):
            low, high = sorted((first.value, second.value))
            read = MeterRead(index, low, high, Decimal(1), high - low, "")
            if any(each.value == read.used for each in numbers) and _is_multiplied(sheet, read, numbers):
                found.add(read.used)
    return found


def _is_multiplied(sheet: BillSheet, read: MeterRead, numbers: Sequence[Amount]) -> bool:
    """Whether the table has a multiplier, and the row a number that may be it."""
    if not _MULTIPLIER.search(" ".join(sheet.plain_lines[max(0, read.line - 9) : read.line + 1])):
        return False
    own = (read.previous, read.current, read.used)
    rest = [each.value for each in numbers if each.value not in own and each.value < 100_000]
    return bool(rest) and 1 not in rest


def _multiplier(difference: Decimal, used: Amount, numbers: Sequence[Amount]) -> Decimal | None:
    if difference == used.value:
        return Decimal(1)
    for each in numbers:
        if each is not used and each.value > 1 and difference * each.value == used.value:
            return each.value
    return None


def _unit_near(sheet: BillSheet, index: int) -> str | None:
    """The unit on a line, else in the few lines above it that its table begins with."""
    page = sheet.lines[index].page
    for place in range(index, max(-1, index - 6), -1):
        if sheet.lines[place].page != page:
            break
        found = UNIT.findall(sheet.plain_lines[place])
        if found:
            return str(found[0])
    return None


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
        if commodity is not None and unit in shared and _kind_near(sheet, line) != commodity:
            return
        figure = known.setdefault(value.normalize(), UsageFigure(value, unit))
        if unit in units and figure.unit not in units:
            figure.unit = unit
        figure.evidence.add(evidence)
        figure.lines.add(line)

    for read in reads:
        if read.unit in units and not read.received:
            seen(read.used, read.unit, "read", read.line)
            if _names_both(sheet, read.line):
                seen(read.used, read.unit, "columns", read.line)
    of_reads = {read.line: read for read in reads}
    for row in rows:
        if "product" in row.proved and row.volume is not None and row.volume.unit in units:
            seen(row.volume.value, row.volume.unit, "item", row.line)
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
        if "label" in figure.evidence and "read" not in figure.evidence and _is_difference(sheet, figure):
            figure.evidence.add("read")
    averages = list(_averages(sheet))
    for figure in known.values():
        if any(
            abs(average * days - figure.value) <= days * half
            for average, half in averages
            for days in days_long
        ):
            figure.evidence.add("average")
    raw = _not_multiplied(sheet)
    return [each for each in known.values() if each.value not in raw or "item" in each.evidence]


_CONSUMED = re.compile(r"\bconsumos?\b|\bconsumi\b|\bconsommation|\bverbrauch|\bconsumption\b|\busage\b")


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


_NOW = re.compile(r"\bcurrent\b|\bpresent\b|\bactual\b|\bnuov|\bnouvel|\bneu\b|\battuale\b|\bnew\b")


def _names_both(sheet: BillSheet, line: int) -> bool:
    """Whether the row or the head of its table says which read is the earlier, and which the later."""
    near = " ".join(sheet.plain_lines[max(0, line - 4) : line + 1])
    return bool(_PREVIOUS.search(near) and _NOW.search(near))


GAS_OR_WATER = frozenset({"m3", "m³", "mc", "ccf"})
GAS_OR_ELECTRIC = frozenset({"kwh"})
_KINDS = (
    (Commodity.WATER, re.compile(r"\bwater\b|\bsewer|\beau\b|\bacqua\b|\bagua\b|\bwasser")),
    (Commodity.GAS, re.compile(r"\bgas\b|\bgaz\b|\berdgas")),
    (Commodity.ELECTRIC, re.compile(r"\belectric|\bkwh\b|\bstrom\b|\belectri")),
)


def _kind_near(sheet: BillSheet, line: int) -> Commodity | None:
    """What the nearest line that names one commodity alone is of, from this one upwards, on the page."""
    page = sheet.lines[line].page
    for index in range(line, max(-1, line - 30), -1):
        if sheet.lines[index].page != page:
            return None
        named = [kind for kind, pattern in _KINDS if pattern.search(sheet.plain_lines[index])]
        if len(named) == 1:
            return named[0]
    return None


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
            if sheet.lines[index].page == page and _READ_HEAD.search(" ".join(sheet.plain_lines[low:high]))
            for each in sheet.numbers.amounts(sheet.lines[index].text)
            if each.value > 20 and each.value != figure.value
        ]
        if any(one - figure.value in near for one in near):
            return True
    return False


_SUMMARY = re.compile(r"\b(?:electric(?:ity)?|gas|water|energy) (?:charges?|service|usage)\b")
_PER_DAY = re.compile(
    r"\bper day\b|/\s?day\b|\bdaily\b|\bpar jour\b|\bpro tag\b|\bal giorno\b|\bpor dia\b|\bdiario"
)


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


_NET = re.compile(
    r"\bnet (?:usage|metering|metered|billed|energy|consumption|kwh)|\breceived from you\b|\bkwh-?r\b|"
    r"\bexcedente|\bsurplus\b|\beinspeis"
)
_DIRECTION = re.compile(r"\bdelivered\b|\breceived from\b|\bgenerat(?:ed|ion)\b|\bexport|\bkwh-?[dr]\b")


def is_netted(sheet: BillSheet, reads: Sequence[MeterRead], figs: Sequence[UsageFigure]) -> bool:
    """Whether energy goes both ways, and what the bill states as used is more than one figure."""
    with_figures = [text for text in sheet.plain_lines if re.search(r"\d", text)]
    received = any(read.received for read in reads)
    if not received and not any(_NET.search(text) for text in with_figures):
        return False
    stated = {each.value for each in figs if each.evidence & (_STATED | {"item"})}
    both_ways = received or any(_DIRECTION.search(text) for text in with_figures)
    return len(stated) > 1 or (both_ways and len(figs) > 1)


_STATED = frozenset({"read", "label", "summary", "sum of reads", "parts"})
"""What says that an amount was used, not only charged."""


def settle_usage(
    figs: Sequence[UsageFigure],
    reads: Sequence[MeterRead],
    name: str,
    units: frozenset[str],
    settled: Settled,
    meters: int = 1,
    *,
    scaled: bool = False,
) -> tuple[Decimal, str] | None:
    """The one figure that at least two independent kinds of evidence agree on, if none larger is there."""
    figs = _with_sums(figs, reads, units)
    strong = [each for each in figs if each.evidence & (_STATED | {"item"})]
    candidates = [each for each in strong if _score(each) >= 2]
    summaries = [each for each in strong if "summary" in each.evidence]
    if len(summaries) == 1 and all(
        each.value <= summaries[0].value
        for each in strong
        if _score(each) > 1 or each.evidence & {"read", "item"}
    ):
        candidates = summaries
    if not candidates:
        if figs:
            settled.leave(name, "reads, charges and labels do not agree on one figure")
        return None
    best = _chosen(candidates)
    if best is None:
        settled.leave(name, "several figures of use are proved: those of tiers, times of day or meters")
        return None
    own = {read.used for read in reads if read.unit in units and not read.received}
    if len(own) > 1 and best.value in own and not best.evidence & {"sum of reads", "sum of items", "summary"}:
        rest = sorted(own - {best.value}, reverse=True)
        if not _adds_up(best.value, rest, 0, 0 if len(rest) > 1 else 1):
            settled.leave(name, "it may be that of one of several registers")
            return None
    larger = [
        each for each in strong if each.value > best.value and each.unit == best.unit and each is not best
    ]
    if any(
        _score(each) > 1 or each.evidence & {"read", "item", "summary"} or _score(best) < 3 for each in larger
    ):
        settled.leave(name, "the bill has a larger figure that nothing explains")
        return None
    if meters > 1 and not best.evidence & {"sum of reads", "summary"}:
        settled.leave(name, "it may be that of one of several meters")
        return None
    if best.unit in ("ccf", "hcf") and scaled:
        settled.leave(name, "it may be in hundreds of its unit")
        return None
    if best.unit in ("gal", "gallons") and best.value < _FEWEST_GALLONS:
        settled.leave(name, "it may be in hundreds or thousands of gallons")
        return None
    settled.keep(name, best.value, *[_WORDS[each] for each in sorted(best.evidence) if each in _WORDS])
    return best.value, best.unit


_FEWEST_GALLONS = 200
"""Less is hardly used in a month: the meter counts more at a time."""
_WORDS = {
    "read": "the reads make it",
    "columns": "the columns of the reads have names",
    "label": "a label says so",
    "item": "a charge is made of it",
    "text": "it stands on the bill with its unit",
    "summary": "the summary of charges has it",
    "parts": "the times of day add up to it",
    "average": "it is as much as the average of a day says",
    "sum of reads": "the reads add up to it",
    "sum of items": "the charges' parts add up to it",
}


def _score(figure: UsageFigure) -> int:
    independent = figure.evidence & {
        "read",
        "columns",
        "label",
        "item",
        "summary",
        "parts",
        "average",
        "sum of reads",
        "sum of items",
    }
    return len(independent) + ("text" in figure.evidence and len(figure.lines) > 1)


def _with_sums(
    figs: Sequence[UsageFigure], reads: Sequence[MeterRead], units: frozenset[str]
) -> list[UsageFigure]:
    """The figures and the sum of all reads, with what sums say for them."""
    figs = list(figs)
    unique = {
        (read.previous, read.current, read.used): read.used
        for read in reads
        if read.unit in units and not read.received
    }
    total = sum(unique.values(), Decimal())
    if len(unique) > 1 and all(figure.value != total for figure in figs):
        unit = next(read.unit for read in reads if read.unit in units and not read.received)
        figs.append(UsageFigure(total, unit))
    items = [each for each in figs if "item" in each.evidence]
    for figure in figs:
        if len(unique) > 1 and figure.value == total:
            figure.evidence.add("sum of reads")
        if figure.evidence & _STATED and _is_sum_of(figure, items):
            figure.evidence.add("sum of items")
    return figs


def _chosen(candidates: Sequence[UsageFigure]) -> UsageFigure | None:
    largest = max(candidates, key=lambda each: each.value)
    if len(candidates) == 1 or largest.evidence & {"sum of reads", "sum of items", "summary"}:
        return largest
    others = [each for each in candidates if each is not largest]
    if _adds_up(largest.value, sorted((each.value for each in others), reverse=True), 0, 0):
        return largest
    if _score(largest) >= 3 and all(_score(each) < _score(largest) for each in others):
        return largest
    return None


def _is_sum_of(figure: UsageFigure, items: Sequence[UsageFigure]) -> bool:
    """Whether some of the volumes charged add up to it: two to four tiers or times of day."""
    values = sorted({each.value for each in items if each.value < figure.value}, reverse=True)[:10]
    return _adds_up(figure.value, values, 0, 0)


def _adds_up(wanted: Decimal, values: Sequence[Decimal], start: int, count: int) -> bool:
    if wanted == 0:
        return count > 1
    if count == 6:
        return False
    return any(
        _adds_up(wanted - values[place], values, place + 1, count + 1)
        for place in range(start, len(values))
        if values[place] <= wanted
    )


def quantity(value: Decimal, unit: str) -> Quantity | None:
    """As a record; None of a unit that there is none for."""
    known = unit_of(unit)
    if known is None:
        return None
    of, power = known
    shortest = value.normalize()
    exponent = min(int(shortest.as_tuple().exponent), 0)
    return Quantity(int(shortest.scaleb(-exponent)), exponent + power, of)


def is_scaled(sheet: BillSheet) -> bool:
    """Whether a heading says that hundreds of a unit are counted."""
    return bool(_SCALED.search(sheet.text))


ELECTRIC_UNITS, GAS_UNITS, WATER_UNITS = _ENERGY_UNITS, _GAS_UNITS, _WATER_UNITS
