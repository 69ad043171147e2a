"""Bills of several periods, rebilled or caught up at once: the figures of those are never added up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from meterfarm.formats.bills.generic.found import Settled
from meterfarm.formats.bills.generic.money.charges import ChargeRow
from meterfarm.formats.bills.generic.periods import Period, periods_of
from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.formats.bills.generic.use.commodities import USES
from meterfarm.formats.bills.generic.use.reads import MeterRead, names_both
from meterfarm.records import Commodity

_CORRECTS = re.compile(
    r"\bre-?bill(?:ed|ing|s)?\b|\b(?:corrected|revised|corrective) (?:bill|invoice|statement|charges)|"
    r"\b(?:bill|billing|invoice) correction|\b(?:replaces|supersedes|cancels|corrects) .{0,30}\bbills?\b|"
    r"\bcancell?ed (?:bills?|charges|billing)|\bfactura rectificativa|\brefacturacion|"
    r"\bfacture (?:rectificative|corrective)|\bkorrekturrechnung|\brechnungskorrektur|\bstornorechnung|"
    r"\b(?:fattura|bolletta) (?:di )?(?:rettific|ricalcol)|"
    r"\b(?:cancell?ation|reversal) of .{0,20}\b(?:bill|invoice|statement)\b|\bcredit (?:memo|note)\b|"
    r"\bavoir\b|\brechnungsstorno|\bnota (?:de|di) credito\b|\bfactura de abono\b"
)
_IN_GENERAL = re.compile(r"\bif\b|\bmay\b|\bwill\b|\bcould\b|\bwould\b|\bcan\b|\bmust\b|\bright to\b")
"""Of what happens to other bills."""
_TAKEN_BACK = re.compile(
    r"\bcancel|\brevers(?:ed|al)|\b(?:previously|originally) billed|\bstorn|\banul|\bannul|\bcredited\b|"
    r"\boriginal (?:bill|charges)"
)
_LONGEST_NOTE = 160
_SHORTEST, _LONGEST = timedelta(days=5), timedelta(days=100)
_A_MONTH = timedelta(days=20)
"""Shorter ones are parts of a period, as where a price changes."""
_SUMMED = (
    *("electricity_consumption", "gas_consumption", "water_consumption", "demand", "measured_demand"),
    *("power_factor", "electricity_amount", "gas_amount", "water_amount", "sewer_amount"),
    *("delivery_charge", "supply_charge", "taxes", "meters"),
)
"""What is of one period each, and may be added up wrongly."""
_MOST_LISTED = 12


class BilledPeriod(NamedTuple):
    """A period on the bill, and the parts of its lines that are of it."""

    first: date
    last: date
    lines: Sequence[range]


def settle_rebilled(
    sheet: BillSheet,
    rows: Sequence[ChargeRow],
    reads: Sequence[MeterRead],
    kinds: frozenset[Commodity],
    settled: Settled,
) -> None:
    """Leave out what is of one period alone if the bill is of several; ``rebilled_periods`` are those."""
    corrects = any(
        _CORRECTS.search(text) and not _IN_GENERAL.search(text) and len(text) <= _LONGEST_NOTE
        for text in sheet.plain_lines
    )
    if not corrects and not _goes_on(reads):
        return
    billed = settled.values.get("billed_on")
    found = list(periods_of(sheet, billed if isinstance(billed, date) else None))
    periods = _billed_periods(sheet, found)
    if len(periods) < 2:
        pairs = {(read.previous, read.current) for read in reads if not read.received}
        if corrects and (len(pairs) > 1 or not any(row.cents > 0 and row.proved for row in rows)):
            _leave(settled, "the bill takes back what was billed before")
        return
    if any(one.last > other.first for one, other in pairwise(periods)):
        if corrects:
            _leave(settled, "the bill corrects periods that overlap")
        return
    span = periods[0].first, periods[-1].last
    whole = any((each.first, each.last) == span and each.labelled and each.days_agree for each in found)
    if not corrects and (whole or not _is_caught_up(periods)):
        return
    for name, day in zip(("billing_period_from", "billing_period_to"), span, strict=True):
        if whole:
            settled.keep(name, day, "a label names all periods together, with their days")
        else:
            settled.left_out[name] = _reason(periods)
            settled.drop(name, _reason(periods))
    _leave(settled, _reason(periods))
    listed = [
        {
            "billing_period_from": each.first.isoformat(),
            "billing_period_to": each.last.isoformat(),
            **_used(sheet, each, rows, reads, kinds),
        }
        for each in periods
    ]
    settled.keep("rebilled_periods", listed, "labels name them, and they do not overlap")


def _goes_on(reads: Sequence[MeterRead]) -> bool:
    """Whether a read that ends one row begins another."""
    ends = {(read.current, read.unit) for read in reads if not read.received}
    return any((read.previous, read.unit) in ends for read in reads if not read.received)


def _billed_periods(sheet: BillSheet, found: Sequence[Period]) -> list[BilledPeriod]:
    """The labelled periods by their days, without those that others are parts of."""
    places: dict[tuple[date, date], set[int]] = {}
    for each in found:
        if each.labelled and _SHORTEST <= each.last - each.first <= _LONGEST * 12:
            places.setdefault((each.first, each.last), set()).add(each.line)
    parts = {
        days: lines
        for days, lines in places.items()
        if not any(_is_within(other, days) for other in places if other != days)
        and days[1] - days[0] <= _LONGEST
    }
    starts = sorted((line, days) for days, lines in parts.items() for line in lines)
    ends = [*(line for line, _ in starts[1:]), len(sheet.lines)][: len(starts)]
    sections: dict[tuple[date, date], list[range]] = {}
    for (line, days), end in zip(starts, ends, strict=True):
        sections.setdefault(days, []).append(range(line, end))
    return [BilledPeriod(*days, sections[days]) for days in sorted(sections)]


def _is_within(one: tuple[date, date], other: tuple[date, date]) -> bool:
    return other[0] <= one[0] and one[1] <= other[1]


def _is_caught_up(periods: Sequence[BilledPeriod]) -> bool:
    """Whether periods of a month each follow each other."""
    follow = all(other.first - one.last <= timedelta(days=2) for one, other in pairwise(periods))
    return follow and all(each.last - each.first >= _A_MONTH for each in periods)


def _reason(periods: Sequence[BilledPeriod]) -> str:
    listed = ", ".join(f"{each.first} to {each.last}" for each in periods[:_MOST_LISTED])
    return f"the bill is of {len(periods)} periods: {listed}"


def _leave(settled: Settled, why: str) -> None:
    for name in _SUMMED:
        settled.drop(name, why)


def _used(
    sheet: BillSheet,
    period: BilledPeriod,
    rows: Sequence[ChargeRow],
    reads: Sequence[MeterRead],
    kinds: frozenset[Commodity],
) -> Mapping[str, object]:
    """What a period's only read makes, where its charges, the next read or the table's head agree."""
    if len(kinds) != 1:
        return {}
    (kind,) = kinds
    units, name = next((units, name) for known, units, name in USES if known is kind)
    own = list(_own(sheet, period, [each for each in reads if each.unit in units and not each.received]))
    if len({(each.previous, each.current, each.used) for each in own}) != 1:
        return {}
    read = own[0]
    others = [each for each in reads if each.line not in {one.line for one in own}]
    agrees = (
        any(_is_charged(row, read.used) for part in period.lines for row in rows if row.line in part)
        or any(read.previous == each.current or read.current == each.previous for each in others)
        or names_both(sheet, read.line)
    )
    if not agrees:
        return {}
    if kind is Commodity.ELECTRIC:
        power = 6 if read.unit == "mwh" else 3
        return {name: int(read.used.scaleb(power).to_integral_value())}
    return {name: float(read.used), f"{name}_unit": read.unit}


def _own(sheet: BillSheet, period: BilledPeriod, reads: Sequence[MeterRead]) -> Iterator[MeterRead]:
    """The reads on a period's lines, without those of what the bill takes back."""
    for part in period.lines:
        heading = sheet.plain_lines[max(0, part.start - 2) : part.start + 2]
        if not any(_TAKEN_BACK.search(text) for text in heading):
            yield from (read for read in reads if read.line in part)


def _is_charged(row: ChargeRow, used: Decimal) -> bool:
    return "product" in row.proved and row.volume is not None and row.volume.value == used
