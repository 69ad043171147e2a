"""What was used, settled: the one figure that reads, products, sums and labels agree on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from meterfarm.formats.bills.generic.amounts import unit_of
from meterfarm.formats.bills.generic.found import Settled
from meterfarm.formats.bills.generic.ids import meter_ids
from meterfarm.formats.bills.generic.money.charges import ChargeRow
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.generic.use.commodities import (
    GAS_OR_ELECTRIC,
    GAS_OR_WATER,
    USES,
)
from meterfarm.formats.bills.generic.use.figures import UsageFigure, figures
from meterfarm.formats.bills.generic.use.reads import MeterRead
from meterfarm.records import Commodity, Quantity

_SCALED = re.compile(r"(?:\(|\bin |\bx )\s?(?:100|hundreds? of)\s?ccf\b")
"""A heading that says that hundreds of a unit are counted."""
_NET = re.compile(
    r"\bnet (?:usage|metering|metered|billed|energy|consumption|kwh)|\breceived from you\b|\bkwh-?r\b|"
    r"\bexcedente|\bsurplus\b|\beinspeis"
)
_DIRECTION = re.compile(r"\bdelivered\b|\breceived from\b|\bgenerat(?:ed|ion)\b|\bexport|\bkwh-?[dr]\b")
_CHARGED = frozenset({"item", "part item"})
_STATED = frozenset({"read", "label", "summary", "sum of reads", "parts"})
"""What says that an amount was used, not only charged."""
_MOST_ADDENDS = 16
"""Of so many figures sums are looked for: of a bill of sixty meters it took minutes."""
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


def settle_uses(
    sheet: BillSheet,
    rows: Sequence[ChargeRow],
    reads: Sequence[MeterRead],
    kinds: frozenset[Commodity],
    settled: Settled,
) -> None:
    """What was used of each commodity, where at least two kinds of evidence agree."""
    shared: frozenset[str] = frozenset()
    if {Commodity.GAS, Commodity.WATER} <= kinds:
        shared |= GAS_OR_WATER
    if {Commodity.GAS, Commodity.ELECTRIC} <= kinds and sheet.currency not in ("USD", "CAD"):
        shared |= GAS_OR_ELECTRIC
    meters = max(1, len(meter_ids(sheet)) - len(kinds) + 1)
    for kind, units, name in USES:
        if kind not in kinds:
            continue
        if kind is Commodity.GAS and (shared & GAS_OR_ELECTRIC or Commodity.ELECTRIC not in kinds):
            units |= GAS_OR_ELECTRIC
        figs = figures(sheet, rows, reads, units, _days_long(settled), kind if shared else None, shared)
        if kind is Commodity.ELECTRIC and _is_netted(sheet, reads, figs):
            settled.leave(name, "what was delivered, received and billed differ")
            continue
        scaled = bool(_SCALED.search(sheet.text))
        found = _settle_use(figs, reads, name, units, settled, meters, scaled=scaled)
        if found is not None:
            settled.values[f"{name}_unit"] = found[1]


def _days_long(settled: Settled) -> list[int]:
    first, last = settled.values.get("billing_period_from"), settled.values.get("billing_period_to")
    if isinstance(first, date) and isinstance(last, date):
        return [(last - first).days, (last - first).days + 1]
    return []


def _is_netted(sheet: BillSheet, reads: Sequence[MeterRead], figs: Sequence[UsageFigure]) -> bool:
    """Whether energy goes both ways, and what the bill states as used is more than one figure."""
    with_figures = [text for text in sheet.plain_lines if re.search(r"\d", text)]
    received = any(read.received for read in reads)
    if not received and not any(_NET.search(text) for text in with_figures):
        return False
    stated = {each.value for each in figs if each.evidence & (_STATED | _CHARGED)}
    if received and not any(each.evidence & {"label", *_CHARGED} for each in figs):
        return True  # nothing says whether what came from the grid was billed, or less than that
    both_ways = received or any(_DIRECTION.search(text) for text in with_figures)
    return len(stated) > 1 or (both_ways and len(figs) > 1)


def _settle_use(
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
    strong = [each for each in figs if each.evidence & (_STATED | _CHARGED)]
    candidates = [each for each in strong if _score(each) >= 2]
    if any(each.unit in _HEATS and each.evidence & _CHARGED for each in candidates):
        candidates = [each for each in candidates if each.unit not in _VOLUMES]
    summaries = [each for each in strong if "summary" in each.evidence]
    if len(summaries) == 1 and all(
        each.value <= summaries[0].value
        for each in strong
        if _score(each) > 1 or each.evidence & {"read", *_CHARGED}
    ):
        candidates = summaries
    if not candidates:
        why = (
            "reads, charges and labels do not agree on one figure"
            if figs
            else "no figure is certain to be it"
        )
        settled.leave(name, why)
        return None
    best = _chosen(candidates)
    if best is None:
        settled.leave(name, "several figures of use are proved: those of tiers, times of day or meters")
        return None
    own = {read.used for read in reads if read.unit in units and not read.received}
    if len(own) > 1 and best.value in own and not best.evidence & {"sum of reads", "sum of items", "summary"}:
        rest = sorted(own - {best.value}, reverse=True)[:_MOST_ADDENDS]
        if not _adds_up(best.value, rest, 0, 0 if len(rest) > 1 else 1):
            settled.leave(name, "it may be that of one of several registers")
            return None
    larger = [
        each for each in strong if each.value > best.value and each.unit == best.unit and each is not best
    ]
    if any(
        _score(each) > 1 or each.evidence & {"read", "summary", *_CHARGED} or _score(best) < 3
        for each in larger
    ):
        settled.leave(name, "the bill has a larger figure that nothing explains")
        return None
    others = [each for each in figs if each is not best and each.evidence & _CHARGED]
    if others and best.evidence <= {"item", "text"}:
        settled.leave(name, "charges are made of several figures, and nothing says which was used in all")
        return None
    if meters > 1 and not best.evidence & {"sum of reads", "summary"}:
        settled.leave(name, "it may be that of one of several meters")
        return None
    if best.unit in _VOLUMES and any(each.evidence & _CHARGED and each.unit in _HEATS for each in figs):
        settled.leave(name, "it is counted as a volume and charged as heat")
        return None
    if best.unit in ("ccf", "hcf") and scaled:
        settled.leave(name, "it may be in hundreds of its unit")
        return None
    if best.unit in ("gal", "gallons") and best.value < _FEWEST_GALLONS:
        settled.leave(name, "it may be in hundreds or thousands of gallons")
        return None
    settled.keep(name, best.value, *[_WORDS[each] for each in sorted(best.evidence) if each in _WORDS])
    return best.value, best.unit


_VOLUMES = frozenset({"ccf", "hcf", "m3", "m³", "mc"})
_HEATS = frozenset({"therm", "therms", "gj", "kwh"})


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
    items = [each for each in figs if each.evidence & _CHARGED]
    parts = [each for each in items if "part item" in each.evidence]
    for figure in figs:
        if len(unique) > 1 and figure.value == total:
            figure.evidence.add("sum of reads")
        stated = figure.evidence & _STATED and _is_sum_of(figure, items)
        if stated or ("item" in figure.evidence and _is_sum_of(figure, parts)):
            figure.evidence.add("sum of items")
    return figs


def _chosen(candidates: Sequence[UsageFigure]) -> UsageFigure | None:
    largest = max(candidates, key=lambda each: each.value)
    if len(candidates) == 1 or largest.evidence & {"sum of reads", "sum of items", "summary"}:
        return largest
    others = [each for each in candidates if each is not largest]
    rest = sorted((each.value for each in others), reverse=True)[:_MOST_ADDENDS]
    if _adds_up(largest.value, rest, 0, 0):
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
