"""Cells of a table: what a number may look like, strictly, and what stands for none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from meterfarm.formats.errors import FormatError
from meterfarm.records import Unit

BLANKS = frozenset({"", "-", "--", "n/a", "na", "#n/a", "null", "none", "nan", "n.v.t.", "no data"})
_ZERO = re.compile(r"0(?:\.0+)?[eE]-?\d{1,3}", re.ASCII)
_SMALL = re.compile(r"(-?\d\.?\d{0,17})[eE]-(\d{1,2})", re.ASCII)
"""As programs write what is close to nothing: 9.3E-4. Large numbers they have rounded."""
_MOST_KEPT = 20_000
_USUAL_DECIMALS = 6
_MOST_DECIMALS = 30
_SIGNS: dict[Unit | None, str] = {Unit.GBP: "£", Unit.EUR: "€"}
_POINT = re.compile(r"([+-]?)(\d{1,15}|[1-9]\d{0,2}(?:,\d{3}){1,4})?(?:\.(\d{0,20}))?", re.ASCII)
_COMMA = re.compile(r"([+-]?)(\d{1,15}|[1-9]\d{0,2}(?:\.\d{3}){1,4})?(?:,(\d{0,20}))?", re.ASCII)


class Number(NamedTuple):
    """``mantissa / 10**decimals``; doubtful where the comma of 1,234 might be a decimal one."""

    mantissa: int
    decimals: int
    doubtful: bool = False


class Typed(str):
    """A number that a spreadsheet keeps as one, with a decimal point whatever the texts beside it use."""

    __slots__ = ()


class NotANumber(ValueError):
    """A cell that should hold a number holds something else."""


def clean(cell: str) -> str:
    """Without what spreadsheets and web pages put around a text: spaces, ``="..."``, a leading apostrophe."""
    text = cell.replace("\xa0", " ").strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.removeprefix("'").strip()


def name(cell: str) -> str:
    """A column's name, or a label, as names are compared."""
    return " ".join(clean(cell).replace("\ufeff", "").lower().split())


def shown(text: str, most: int = 40) -> str:
    """A cell's text for a message: little of it, on one line."""
    line = " ".join(text.split()) or "(blank)"
    return line if len(line) <= most else f"{line[:most]}…"


def signs(currencies: Iterable[Unit | None]) -> str:
    """The signs that money of these currencies may have; the dollar's of one without a sign."""
    return "".join(sorted({_SIGNS.get(each, "$") for each in currencies}))


def numbers(*, comma: bool = False, money: str = "", grouped: bool = False) -> Callable[[str], Number]:
    """How cells of a column are read: with a decimal point or a comma, and if of money with one of its signs.

    Only where they may be ``grouped`` 1,234 is a thousand and more, and doubtful; else it is no number. The
    function raises NotANumber. It remembers what it read, up to a bound.
    """
    known: dict[str, Number] = {}
    pattern, point = (_COMMA, ",") if comma else (_POINT, ".")

    def read(cell: str) -> Number:
        if type(cell) is Typed:
            return _number(cell, _POINT, ".")
        found = known.get(cell)
        if found is None:
            if len(known) >= _MOST_KEPT:
                known.clear()
            text = clean(cell)
            found = _number(_amount(text, money) if money else text, pattern, point)
            if found.doubtful and not grouped:
                raise NotANumber(text)
            known[cell] = found
        return found

    return read


def _number(text: str, pattern: re.Pattern[str], point: str) -> Number:
    small = _SMALL.fullmatch(text) if "-" in text else None
    if small:
        number = _number(small[1], _POINT, ".")
        if number.decimals + int(small[2]) > _MOST_DECIMALS:
            raise NotANumber(text)
        return number._replace(decimals=number.decimals + int(small[2]))
    match = pattern.fullmatch("0" if _ZERO.fullmatch(text) else text)
    if match is None or not (match[2] or match[3]):
        raise NotANumber(text)
    whole = (match[2] or "").replace("." if point == "," else ",", "")
    decimals = match[3] or ""
    if len(decimals) > _USUAL_DECIMALS:
        decimals = decimals.rstrip("0")
    mantissa = int(whole + decimals)
    doubtful = not decimals and len(whole) - len(match[2] or "") == -1
    return Number(-mantissa if match[1] == "-" else mantissa, len(decimals), doubtful)


def _amount(text: str, signs: str) -> str:
    """Money without its currency's sign, a credit with a minus."""
    negative = False
    if text.startswith("(") and text.endswith(")"):
        negative, text = True, text[1:-1]
    if text.startswith("-"):
        negative, text = not negative, text[1:].lstrip()
    text = text.strip(f"{signs} ")
    if text.startswith("-") and not negative:
        negative, text = True, text[1:]
    if text.startswith(("-", "+")):
        raise NotANumber(text)
    return f"-{text}" if negative else text


def refused(line: int, why: str) -> FormatError:
    """An error for a line, with its reason."""
    return FormatError(f"Line {line} of the file is invalid: {why}; download it again.")


_STREET = re.compile(
    r"\d.*\b(st|street|ave|avenue|rd|road|dr|drive|ct|court|ln|lane|blvd|boulevard|way|pl|ter|cir|hwy|pkwy|apt|"
    r"suite|ste|straat|laan|weg|plein|straße|strasse|str|via|viale|piazza|rue|allée|chemin|calle)\b"
    r"|\w*(straat|laan|weg|straße|strasse)\b.*\d|\b(rue|via|viale|calle|piazza|str)\b.*\d",
    re.IGNORECASE,
)
_HOUSE = re.compile(r"\d+\w?[\s,]+[^\W\d_]{2,}.*")


def names_place(title: str) -> bool:
    """Whether a text above a table is an address or a person's name, as no meter's number is."""
    named = len(title.split()) > 1 and not any(map(str.isdigit, title))
    return named or "," in title or names_address(title)


def names_address(text: str) -> bool:
    """Whether it is the address of a house, or of a mailbox."""
    return "@" in text or bool(_HOUSE.fullmatch(text) or _STREET.search(text))
