"""What is said of a table whose layout nobody declared: its header, and never a row, which is somebody's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.cells import clean, name, shown
from meterfarm.formats.tables.columns import is_number
from meterfarm.formats.tables.rows import DELIMITERS
from meterfarm.formats.tables.what import names_address

_MOST = 160
_STAMP = re.compile(r".*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d\d|\d{4}-\d\d|\b\d{8}\b).*")
_WORDS = re.compile(
    r"\b(date|day|days|time|hour|hours|start|end|from|to|meter|interval|period|unit|units|uom|usage|use|read|"
    r"reading|readings|value|consumption|demand|energy|power|cost|charge|charges|amount|delivered|received|"
    r"import|export|net|generation|kwh|wh|kw|therms?|ccf|m3|quality|type|direction|channel|timestamp|"
    r"datum|zeit|uhrzeit|tijd|tijdstip|van|tot|verbrauch|verbruik|wert|einheit|afname|injectie|data|ora|consumo|"
    r"valore|heure|jour|consommation|valeur|fecha|hora|valor)\b",
    re.IGNORECASE,
)
_LABELS = re.compile(r"(account|customer|service|billing)?[ _]?(holder|name|address|number|id)?:?")


def unknown(rows: Sequence[Sequence[str]]) -> FormatError:
    """``rows`` are the first of a file."""
    header = " | ".join(_header(rows))
    if not header:
        return FormatError(
            "The file's layout is not known, and no header of a table was found in it: "
            "docs/formats.md lists what is read."
        )
    return FormatError(
        f"The table's layout is not known: its header seems to be “{shown(header, _MOST)}”; "
        "declare it as docs/formats.md shows."
    )


def holds_data(lines: Sequence[str]) -> bool:
    """Whether any line has several cells, with a number or a time among them: prose has none."""
    for delimiter in DELIMITERS:
        rows = (line.split(delimiter) for line in lines)
        if any(len(row) > 1 and any(_is_data(cell.strip(' "')) for cell in row) for row in rows):
            return True
    return False


def _header(rows: Sequence[Sequence[str]]) -> Sequence[str]:
    """The row of words above the most rows of data; of equals, the one of most cells."""
    filled = [[shown(text) for cell in row if (text := clean(cell))] for row in rows]
    filled = [row for row in filled if row]
    best: Sequence[str] = ()
    most = (0, 0)
    below = 0
    for row in reversed(filled):
        if any(map(_is_data, row)):
            below += 1
            continue
        weight = (below, len(row))
        below = 0
        if _may_head(row) and weight > most:
            best, most = row, weight
    return best


def _is_data(cell: str) -> bool:
    return is_number(cell) or _STAMP.fullmatch(cell) is not None


def _may_head(row: Sequence[str]) -> bool:
    """Whether it has several words such as headers have, no address, and is no label with what it labels."""
    labels = len(row) == 2 and _LABELS.fullmatch(name(row[0]))
    words = any(map(_WORDS.search, row)) and not any(map(names_address, row))
    return len(row) > 1 and not labels and words
