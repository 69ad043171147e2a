"""Demand in kW, billed and measured, and the power factor: where labels and charges leave no doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from meterfarm.formats.bills.generic.amounts import unit_of
from meterfarm.formats.bills.generic.dates import dates_in
from meterfarm.formats.bills.generic.found import Settled
from meterfarm.formats.bills.generic.labels import Field, plain
from meterfarm.formats.bills.generic.money.charges import ChargeRow
from meterfarm.formats.bills.generic.sheet import BillSheet, Label, Region
from meterfarm.records import Unit

_BILLED = re.compile(r"\bbill(?:ed|ing)\b")
_MEASURED = re.compile(r"\b(?:actual|metered|measured|recorded|registered)\b")
_LARGEST = re.compile(r"\b(?:peak|max)")
_PARTIAL = re.compile(
    r"\b(?:on|off|mid|part|super|non)-?\s?peak\b|\btime.related\b|\bfacilit|\btier\b|\bblock\b|\bfirst\b|"
    r"\bnext\b|\bover\b|\bexcess\b|\bcoincident\b|\bsubstation\b"
)
"""Of a part of the demand, or of one of several."""
_OTHER = re.compile(
    r"\bcontract|\bminimum\b|\bratchet|\bannual|\byear\b|\bprior\b|\bprevious\b|\blast\b|\bhistor|\bmonths\b|"
    r"\baverage\b|\bavg\b|\breserved?\b|\breactive\b|\bkvar?\b|\bresponse\b|\bsubscribed\b|\bhighest\b|"
    r"\bif\b|\btarget\b|\bbelow\b|\bless than\b|\brequired?\b|\bcorrect"
)
"""Of another time, or no demand at all."""
_NO_VALUE = re.compile(
    r"^\s*(?:charges?|rates?|costs?|adj|credits?|management|side|multiplier|reads?|reading|date|time)\b"
)
_MULTIPLIED = re.compile(r"\bmult(?:iplier)?\b|\bmeter (?:constant|factor)\b|\bct ratio\b")
_LONGEST = 110
_FARTHEST = 25
_FACTOR = re.compile(
    r"^[\s:=.()-]*(?<![\d.])(?P<number>\d{1,3}(?:\.\d{1,5})?|\.\d{1,5})\s?(?P<percent>%?)\s?"
    r"(?:lag(?:ging)?|lead(?:ing)?)?[\s).]*$"
)
_BARE = re.compile(r"[\d.,']+(?: ?kw)?")
_LOWEST_FACTOR = Decimal("0.3")
"""Nothing that runs has a lower one."""


_IS_BILLED = frozenset({"charged", "billed", "demand"})
"""Kinds of claims that are not of what was measured."""


class DemandClaim(NamedTuple):
    """A figure in kW: what it is of, ``charged``, ``billed``, ``measured``, ``largest`` or ``demand``."""

    kind: str
    value: Decimal
    line: int
    has_unit: bool


def settle_demand(sheet: BillSheet, rows: Sequence[ChargeRow], settled: Settled) -> None:
    """Demand that was billed and that was measured. Of dollars only: elsewhere power is contracted in kW."""
    if sheet.numbers is None or sheet.currency not in ("USD", "CAD"):
        return
    claims = list(_charged(rows))
    for kind, found in _labelled(sheet):
        if isinstance(found, str):
            settled.leave("demand" if kind in _IS_BILLED else "measured_demand", found)
        else:
            claims.append(found)
    if not claims:
        return
    least = _least_possible(settled)
    if any(_is_partial(text) for text in sheet.plain_lines):
        for name in ("demand", "measured_demand"):
            settled.leave(name, "the bill has demands of times of day, or of parts of it")
        return
    _settle_billed(claims, settled, least)
    _settle_measured(claims, settled, least, needs_more=bool(_MULTIPLIED.search(sheet.text)))


def _is_partial(text: str) -> bool:
    return bool(_PARTIAL.search(text) and re.search(r"\bkw\b|\bdemand\b", text) and re.search(r"\d", text))


def _charged(rows: Sequence[ChargeRow]) -> Iterator[DemandClaim]:
    """What charges were made of: kW times a rate is the cost."""
    for row in rows:
        volume, text = row.volume, plain(row.text)
        if "product" not in row.proved or volume is None or volume.unit != "kw" or volume.value <= 0:
            continue
        if "demand" in text and not _OTHER.search(text):
            yield DemandClaim("charged", volume.value, row.line, True)


def _labelled(sheet: BillSheet) -> Iterator[tuple[str, DemandClaim | str]]:
    """The kind that each label is of with its figure, or why that is not read."""
    for label in sheet.labels_of(Field.DEMAND):
        cell = sheet.plains[label.line][label.cell]
        if len(cell) > _LONGEST or label.start > _FARTHEST or _OTHER.search(cell):
            continue
        if _NO_VALUE.search(cell[label.end :]):
            continue
        found = _value_of(sheet, label)
        kind = _kind(label.text)
        if isinstance(found, str):
            yield kind, found
        elif found is not None:
            value, region, has_unit = found
            yield kind, DemandClaim(kind, value, region.line, has_unit)


def _kind(text: str) -> str:
    if _BILLED.search(text):
        return "billed"
    if _MEASURED.search(text):
        return "measured"
    return "largest" if _LARGEST.search(text) else "demand"


def _value_of(sheet: BillSheet, label: Label) -> tuple[Decimal, Region, bool] | str | None:
    """The number that a label is of, and whether it is in kW by itself or by its label; or why it is none."""
    cell = sheet.plains[label.line][label.cell]
    for region in sheet.regions(label):
        if _OTHER.search(region.plain) or sheet.numbers is None:
            return None
        found = [each for each in sheet.numbers.amounts(region.text) if each.value > 0]
        if not found:
            continue
        first = found[0]
        after = sheet.plains[region.line][region.cell + 1 : region.cell + 2]
        in_kw = first.unit == "kw" or bool(re.search(r"\bkw\b", cell)) or after == ["kw"]
        if first.start > _FARTHEST or first.unit not in ("", "kw") or "$" in region.text:
            return None
        if first.unit != "kw" and (len(found) > 1 or dates_in(region.plain)):
            return "what stands beside its label is no figure, or more than one"
        if any(other != first.value for other in _beside(sheet, label, region)):
            return "further figures stand in its row or column"
        return first.value, region, in_kw
    return None


def _beside(sheet: BillSheet, label: Label, region: Region) -> Iterator[Decimal]:
    """Further numbers of a value's row or column: those of other times of day, months or meters."""
    if sheet.numbers is None or region.how == "same":
        return
    texts = sheet.plains[region.line][region.cell + 1 :]
    if region.how == "below":
        texts = [each.plain for each in sheet.regions(label) if each.how == "below"]
    for text in texts:
        if _BARE.fullmatch(text.strip()):
            yield from (each.value for each in sheet.numbers.amounts(text))


def _least_possible(settled: Settled) -> Decimal:
    """The kW at which the use of the bill's days would be steady: no demand is lower."""
    used, unit = (
        settled.values.get("electricity_consumption"),
        settled.values.get("electricity_consumption_unit"),
    )
    first, last = settled.values.get("billing_period_from"), settled.values.get("billing_period_to")
    known = unit_of(str(unit))
    if not (isinstance(used, Decimal) and isinstance(first, date) and isinstance(last, date)):
        return Decimal()
    if known is None or known[0] is not Unit.WH:
        return Decimal()
    return used.scaleb(known[1] - 3) / (24 * ((last - first).days + 1))


def _settle_billed(claims: Sequence[DemandClaim], settled: Settled, least: Decimal) -> None:
    charged = {each.value for each in claims if each.kind == "charged"}
    labelled = {each.value for each in claims if each.kind == "billed"}
    others = {each.value for each in claims if each.kind == "demand"}
    in_kw = any(each.has_unit for each in claims if each.kind in ("billed", "charged"))
    if len(charged | labelled) > 1:
        settled.leave("demand", "labels and charges name several demands")
    elif not charged | labelled:
        settled.leave("demand", "nothing says which demand was billed")
    elif not in_kw:
        settled.leave("demand", "it may be no figure in kW")
    else:
        (value,) = charged | labelled
        if not labelled and others - {value}:
            settled.leave("demand", "labels and charges name several demands")
        elif value < least:
            settled.leave("demand", "the use of these days needs a higher demand")
        else:
            proofs = ["a charge is made of it"] if charged else []
            proofs += ["its label names no other"] if labelled else []
            settled.keep("demand", value, *proofs)


def _settle_measured(
    claims: Sequence[DemandClaim], settled: Settled, least: Decimal, *, needs_more: bool
) -> None:
    """``needs_more``: a bill with a multiplier may show what a dial had, so something has to agree."""
    certain = [each for each in claims if each.kind == "measured"]
    found = [*certain, *(each for each in claims if each.kind == "largest")]
    values = {each.value for each in found}
    if not found:
        return
    if len(values) > 1:
        settled.leave("measured_demand", "the bill shows several demands")
        return
    (value,) = values
    agrees = value == settled.values.get("demand") or len({each.line for each in found}) > 1
    if not any(each.has_unit for each in found):
        settled.leave("measured_demand", "it may be no figure in kW")
    elif value < least:
        settled.leave("measured_demand", "the use of these days needs a higher demand")
    elif not agrees and (needs_more or not certain):
        settled.leave("measured_demand", "nothing else on the bill agrees with it")
    else:
        proofs = ["its label names no other"] if certain else []
        proofs += ["it is what was billed, or stands twice"] if agrees else []
        settled.keep("measured_demand", value, *proofs)


def settle_power_factor(sheet: BillSheet, settled: Settled) -> None:
    """The power factor, as a part of one, where its label names one alone."""
    found: set[Decimal] = set()
    for label in sheet.labels_of(Field.POWER_FACTOR):
        cell = sheet.plains[label.line][label.cell]
        before, after = cell[: label.start], cell[label.end :]
        if _OTHER.search(cell) or _NO_VALUE.search(after) or len(cell) > _LONGEST or len(before) > _FARTHEST:
            continue
        for region in sheet.regions(label):
            if not re.search(r"\d", region.plain):
                continue
            if (value := _factor(region.plain)) is not None:
                found.add(value)
            else:
                settled.leave("power_factor", "what stands beside its label is none")
            break
    if len(found) == 1 and "power_factor" not in settled.left_out:
        settled.keep("power_factor", found.pop(), "its label names no other")
    elif found:
        settled.leave("power_factor", "the bill shows several")


def _factor(text: str) -> Decimal | None:
    match = _FACTOR.match(text)
    if match is None:
        return None
    value = Decimal(match["number"])
    if match["percent"] or value > 1:
        value /= 100
    elif "." not in match["number"]:
        return None
    return value if _LOWEST_FACTOR <= value <= 1 else None
