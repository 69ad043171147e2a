"""What a bill is of: electricity, gas, water; by its words, its units, and what stands near a figure."""

from __future__ import annotations

import re

from meterfarm.formats.bills.generic.sheet import BillSheet
from meterfarm.records import Commodity

ELECTRIC_UNITS = frozenset({"kwh", "onkwh", "offkwh", "mwh"})
GAS_UNITS = frozenset({"therms", "therm", "ccf", "m3", "m³", "mc", "smc", "gj"})
WATER_UNITS = frozenset({"hcf", "ccf", "gal", "gallons", "kgal", "m3", "m³", "mc"})
USES = (
    (Commodity.ELECTRIC, ELECTRIC_UNITS, "electricity_consumption"),
    (Commodity.GAS, GAS_UNITS, "gas_consumption"),
    (Commodity.WATER, WATER_UNITS, "water_consumption"),
)
"""Each with its units and the name of the field of what was used."""
GAS_OR_WATER = frozenset({"m3", "m³", "mc", "ccf"})
GAS_OR_ELECTRIC = frozenset({"kwh"})
"""Units that two commodities on a bill may have."""
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
_KINDS = (
    (Commodity.WATER, re.compile(r"\bwater\b|\bsewer|\beau\b|\bacqua\b|\bagua\b|\bwasser")),
    (Commodity.GAS, re.compile(r"\bgas\b|\bgaz\b|\berdgas")),
    (Commodity.ELECTRIC, re.compile(r"\belectric|\bkwh\b|\bstrom\b|\belectri")),
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


_KINDS_BY_WORD = (*_KINDS[:2], (Commodity.ELECTRIC, re.compile(r"\belectric|\bstrom\b|\bluce\b|\bluz\b")))
"""Where kWh are of gas, too."""


def kind_near(sheet: BillSheet, line: int, *, by_word: bool = False) -> Commodity | None:
    """What the nearest line that names one commodity alone is of, from this one upwards, on the page.

    ``by_word``: kWh are no name of one.
    """
    kinds = _KINDS_BY_WORD if by_word else _KINDS
    page = sheet.lines[line].page
    for index in range(line, max(-1, line - 30), -1):
        if sheet.lines[index].page != page:
            return None
        named = [kind for kind, pattern in kinds if pattern.search(sheet.plain_lines[index])]
        if len(named) == 1:
            return named[0]
    return None
