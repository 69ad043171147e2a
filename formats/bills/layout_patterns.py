"""Patterns of a declared layout: the text before a value, and rows with named parts, as regular expressions.

All parts are bounded, so that a hostile line is read in time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from meterfarm.formats.errors import FormatError

_MONTH = r"[A-Za-zÀ-ÿ]{3,10}\.?"
_DAY = (
    rf"(?:\d{{1,4}}[/.-]\d{{1,2}}[/.-]\d{{1,4}}|{_MONTH} \d{{1,2}},? \d{{4}}|\d{{1,2}}\.? {_MONTH} \d{{4}})"
)
_NUMBER = r"-?(?:\d{1,3}(?: \d{3}(?!\d)){1,4}(?:[.,]\d{1,9})?|[\d.,']{0,20}\d)"
"""A blank in it has three digits behind it. All parts of a row are short: a hostile bill is read in time."""
_NAME = r"\S.{0,120}?"
_METER_PARTS = {
    **dict.fromkeys(("from", "to", "day"), _DAY),
    **dict.fromkeys(("previous", "current", "used"), _NUMBER),
    "amount": r"[-+(]?[$€£]?-?[\d.,']{0,20}\d\)?",
    "id": r"[\w-]{1,40}",
    "unit": r"[A-Za-z³]{1,12}3?",
    "tariff": _NAME,
}
_PARTS = {
    "meter": _METER_PARTS,
    "item": {
        **{"name": _NAME, "volume": _NUMBER, "unit": _METER_PARTS["unit"], "rate": rf"[$€£]?{_NUMBER}"},
        **dict.fromkeys(("from", "to", "day"), _DAY),
        "cost": rf"[-+(<]?(?:[$€£] ?)?{_NUMBER}(?:[)>-]| ?CR| ?[€£])?",
    },
    "address": {
        **{"line_1": _NAME, "line_2": _NAME, "city": r"[^\W\d_][\w .'-]{0,40}?", "state": "[A-Z]{2}"},
        **{"postal_code": r"[A-Z\d][A-Z\d-]{1,9}(?: \d[A-Z]{2}| \d[A-Z]\d)?", "day": _DAY},
        "amount": _METER_PARTS["amount"],
    },
}
"""What a named part of a row is, by what the row is of; any other is a word, and an attribute of a meter."""
_NEEDED = {"meter": ("id", "used"), "item": ("name", "cost"), "address": ("line_1", "city", "postal_code")}
_OF = {"meter": "the row of a meter", "item": "the row of a charge", "address": "an address"}
_HOLE = re.compile(r"\{(\w*)\}")
MOST_STARS, LONGEST_PATTERN = 4, 500
_REACH = (80, 80, 80, 30, 15)
"""Characters behind its first one that a ``*`` takes at most, by how many a pattern has."""
_LONGEST_LINE = 500
"""Characters of a line of a bill; what comes after is not read."""
_BEGINS = {
    "day": rf"(?={_DAY})",
    "amount": r"(?=[-+(<]?[$€£]?[ ]?[-+]?[\d.,' ]{0,24}\d[.,]\d\d(?!\d))",
    "id": r"(?=(?:[\w./-]{0,30} ?\d){4})",
}
"""How a value of each kind begins."""


def text_of(pages: Sequence[str]) -> str:
    """The lines of all pages with single blanks, each ended; of a very long one its beginning."""
    return "".join(f"{_bounded(' '.join(line.split()))}\n" for page in pages for line in page.splitlines())


def _bounded(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE].rpartition(" ")[0]


def row_values(text: str, row: str, kind: str = "meter") -> Iterator[Mapping[str, str]]:
    """The named parts of each place where a row is written so; ``kind``: ``meter``, ``item`` or ``address``.

    A meter's row may begin within a line, others at its beginning.

    Raises:
        FormatError: the row lacks a part that its kind needs, or names one twice.
    """
    require_row(row, kind)
    for match in _row(row, kind).finditer(text):
        if not match.start() or text[match.start() - 1].isspace():
            yield match.groupdict()


def require_row(row: str, kind: str) -> None:
    """Raise FormatError unless a row has the parts that its kind needs."""
    names, needed = _HOLE.findall(row), _NEEDED[kind]
    if (
        not set(needed) <= set(names)
        or len(names) != len(set(names))
        or not all(map(str.isidentifier, names))
    ):
        listed = " and ".join(f"{{{name}}}" for name in needed)
        raise FormatError(f"{_OF[kind]} needs {listed}, and each name once")
    if kind != "meter" and (unknown := sorted(set(names) - set(_PARTS[kind]))):
        raise FormatError(f"{_OF[kind]} has no part {{{unknown[0]}}}")
    if row.count("*") > MOST_STARS or len(row) > LONGEST_PATTERN:
        raise FormatError(f"{_OF[kind]} may have at most 4 * and 500 characters")


def is_attribute(name: str) -> bool:
    """Whether a part of a meter's row is none that the layout knows."""
    return name not in _METER_PARTS


@cache
def leads(pattern: str, kind: str) -> re.Pattern[str]:
    """What leads to a value of a kind: ``day``, ``amount`` or ``id``."""
    before = pattern.partition("{}")[0]
    blanks = " +:? *" if before.endswith(" ") else " *"
    return re.compile(f"{_escaped(before, 'meter', '(?:')}{blanks}{_BEGINS[kind]}")


@cache
def _row(row: str, kind: str) -> re.Pattern[str]:
    begin, end = "" if kind == "meter" else "^", "$" if row.endswith(("}", "*")) else "(?= |$)"
    return re.compile(rf"{begin}{_escaped(row, kind)}{end}", re.MULTILINE)


def _escaped(pattern: str, kind: str, group: str = "(?P<{}>") -> str:
    """A pattern's text as a regular expression: its blanks, its ``*`` and its named parts."""
    found = []
    reach = _REACH[min(pattern.count("*"), MOST_STARS)]
    for piece in re.split(r"(\{\w+\}|\*|\n| +)", pattern.strip(" ")):
        if piece.startswith("{") and piece.endswith("}"):
            found.append(f"{group.format(piece[1:-1])}{_PARTS[kind].get(piece[1:-1], '[^ ]{1,80}')})")
        elif piece == "*":
            found.append(rf"\S.{{0,{reach}}}?")
        else:
            found.append(" +" if piece.isspace() and piece != "\n" else re.escape(piece))
    return "".join(found)
