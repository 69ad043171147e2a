"""Numbers as bills print them: money, quantities with units; a point or a comma before the decimals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from meterfarm.records import Unit

_DOT = r"(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d\d)+,\d{3}|\d{1,3}(?:'\d{3})+|\d+)"
_COMMA = r"(?:\d{1,3}(?:\.\d{3})+|\d{1,3}(?: \d{3})+|\d{1,3}(?:'\d{3})+|\d+)"
CENTS = (
    r"¢|c€|(?:cts?|[Cc]ents?|[pc])(?=\s?/|\s(?:per|pro|par)\b)|cts?\b|[Cc]ents?\b|p\b(?!\.)|[Rr]p\b|"
    r"öre\b|øre\b"
)
"""Hundredths of a currency's unit, as they follow a price."""
_MONEY = (
    r"(?<![\w.,/%])(?P<open>\(?)(?P<sign>[-+]?)\s?(?P<symbol>[$€£₹]|Rs\.?|CHF|EUR|USD|Fr\.)?\s?(?P<sign2>[-+]?)\s?"
    r"(?P<number>{number})(?P<close>\)?)\s?(?P<symbol2>[$€£]|CHF|EUR|Euro|euro)?"
    r"(?P<after>\s?(?:CR|Cr|cr|CREDIT|credit|in credit|DR)\b|-(?![\d\w]))?(?!\d)(?![.,']\d)(?!\s?(?:%|/\d|"
    r"{cents}))"
)
DOT_MONEY = re.compile(_MONEY.format(number=rf"{_DOT}?\.\d\d", cents=CENTS))
COMMA_MONEY = re.compile(_MONEY.format(number=rf"{_COMMA},\d\d", cents=CENTS))
_DOT_NUMBER = re.compile(rf"(?<![\w.,/:'])-?\$?\s?-?(?:{_DOT}(?:\.\d+)?|\.\d+)(?!\d|[:/.,]\d)")
_COMMA_NUMBER = re.compile(rf"(?<![\w.,/:'])-?(?:{_COMMA}(?:,\d+)?)(?!\d|[:/.,]\d)")

_UNITS: dict[str, tuple[Unit, int]] = {
    "kwh": (Unit.WH, 3),
    "onkwh": (Unit.WH, 3),
    "offkwh": (Unit.WH, 3),
    "mwh": (Unit.WH, 6),
    "therms": (Unit.THERM, 0),
    "therm": (Unit.THERM, 0),
    "ccf": (Unit.CCF, 0),
    "hcf": (Unit.CCF, 0),
    "m3": (Unit.M3, 0),
    "m³": (Unit.M3, 0),
    "mc": (Unit.M3, 0),
    "smc": (Unit.M3, 0),
    "gj": (Unit.JOULE, 9),
    "gal": (Unit.US_GALLON, 0),
    "gallons": (Unit.US_GALLON, 0),
    "kgal": (Unit.US_GALLON, 3),
    "kvarh": (Unit.VARH, 3),
    "kw": (Unit.W, 3),
    "kva": (Unit.VA, 3),
    "kvar": (Unit.VAR, 3),
}
"""The record's unit of what bills write, and the power of ten to it."""
_UNIT_NAMES = "|".join(sorted((re.escape(name) for name in _UNITS), key=len, reverse=True))
UNIT = re.compile(rf"(?<![a-z0-9/])(?P<unit>{_UNIT_NAMES})(?![a-z0-9³])", re.IGNORECASE)
_MOST_DIGITS = 15


class Money(NamedTuple):
    """An amount in cents, and where in its text it stands. ``marked``: with a currency's sign."""

    cents: int
    start: int
    end: int
    marked: bool
    signed: bool


class Amount(NamedTuple):
    """A number with its unit, None where none follows, and where it stands in its text."""

    value: Decimal
    unit: str
    start: int
    end: int


def has_decimal_comma(text: str) -> bool | None:
    """Whether amounts have a comma before their decimals; None if the text has both, or none."""
    commas = len(re.findall(r"\d,\d\d(?![\d,.])", text)) + 2 * len(re.findall(r"\.\d{3},\d\d(?!\d)", text))
    dots = len(re.findall(r"\d\.\d\d(?![\d,./])", text)) + 2 * len(re.findall(r",\d{3}\.\d\d(?!\d)", text))
    if commas > 3 * dots:
        return True
    return False if dots > 3 * commas else None


class NumberStyle:
    """Reads numbers of one bill: with a decimal comma, or a decimal point."""

    def __init__(self, *, comma: bool) -> None:
        self.comma = comma
        self._money = COMMA_MONEY if comma else DOT_MONEY
        self._number = _COMMA_NUMBER if comma else _DOT_NUMBER

    def money(self, text: str) -> list[Money]:
        """The amounts of money in a text: those with two decimals."""
        if "," not in text and "." not in text:
            return []
        return [
            found for match in self._money.finditer(text) if (found := self._one_money(match)) is not None
        ]

    def _one_money(self, match: re.Match[str]) -> Money | None:
        digits = re.sub(r"\D", "", match["number"])
        if len(digits) > _MOST_DIGITS:
            return None
        cents = int(digits)
        after = (match["after"] or "").strip().lower()
        is_negative = "-" in (match["sign"], match["sign2"]) or after in ("cr", "credit", "in credit", "-")
        is_negative |= bool(match["open"] and match["close"])
        marked = bool(match["symbol"] or match["symbol2"])
        signed = bool(match["sign"] or match["sign2"] or after or (match["open"] and match["close"]))
        start = match.start("open") if match["open"] and match["close"] else match.start("sign")
        return Money(-cents if is_negative else cents, start, match.end(), marked, signed)

    def amounts(self, text: str) -> list[Amount]:
        """The numbers in a text, each with the unit that follows it at once."""
        found = []
        for match in self._number.finditer(text):
            raw = match[0].replace("$", "").replace("'", "").replace(" ", "")
            raw = raw.replace(".", "").replace(",", ".") if self.comma else raw.replace(",", "")
            if sum(map(str.isdigit, raw)) > _MOST_DIGITS or raw.startswith("--"):
                continue
            rest = text[match.end() : match.end() + 12]
            unit = re.match(rf"\s?(?P<unit>{_UNIT_NAMES})(?![a-z0-9³/])", rest, re.IGNORECASE)
            end = match.end() + (unit.end() if unit else 0)
            found.append(Amount(Decimal(raw), unit["unit"].lower() if unit else "", match.start(), end))
        return found


def unit_of(name: str) -> tuple[Unit, int] | None:
    """The record's unit of a name on a bill, and the power of ten to it."""
    return _UNITS.get(name.lower())


def rounded(value: Decimal) -> int:
    """A product in cents, half up."""
    return int(
        (value * 100 + (Decimal("0.5") if value >= 0 else Decimal("-0.5"))).to_integral_value("ROUND_DOWN")
    )


def sum_of(cents: Iterable[int]) -> int:
    """Of amounts."""
    return sum(cents)
