"""Whether the last row of a table that lacks its line's end lacks some of its last cell as well."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from formats.table_cells import clean

NUMERIC = re.compile(r"[-+$€£(]*\d[\d.,)]*", re.ASCII)
"""What looks like an amount, of whatever."""


def may_lack_digits(before: Sequence[str], last: Sequence[str], amounts: Container[int]) -> bool:
    """A line that breaks off within its last number looks like one with fewer decimals, or a smaller one.

    ``before`` is the row above, ``amounts`` has the places of amounts.
    """
    text = clean(last[-1]) if last else ""
    whole = text.isdigit() and text != "0" and len(last) - 1 in amounts
    return whole or _decimals(last) < _decimals(before)


def _decimals(cells: Sequence[str]) -> int:
    """Of the last cell, if it is a number."""
    text = clean(cells[-1]) if cells else ""
    if not NUMERIC.fullmatch(text):
        return 0
    _, point, decimals = text.replace(",", ".").rpartition(".")
    return len(decimals) if point else 0
