"""Tables that spreadsheet programs open though they are markup: HTML, and XML Spreadsheet 2003.

Portals name both ``.xls``. Of an HTML page all tables are read as rows one below the other. Nothing that such
a file names is fetched, entities of its own are not filled in, and memory does not grow with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import BinaryIO, cast

from lxml import etree

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.rows import Rows
from meterfarm.formats.tables.workbook import Sheet, text_of

_HEAD = 4096
_TAIL = 64 * 1024
_MOST_CELLS = 20_000
_MOST_SHEETS = 50
_MOST_NESTED = 50
_MOST_ROWS = 1_048_576
_LONGEST = 64 * 1024
_CELLS = ("td", "th")
_NAMESPACE = "urn:schemas-microsoft-com:office:spreadsheet"
_SS = f"{{{_NAMESPACE}}}"
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*(?!utf-?16|utf-?32|ucs)\w", re.IGNORECASE)
_DAMAGED = "The XML workbook is cut short or damaged: download it again."
_TOO_WIDE = "The table has more cells in a row than a sheet can have, and is refused."


@dataclass(frozen=True, slots=True)
class PageEnd:
    """How a page ends; browsers show what there is of one that is cut off."""

    is_cut: bool
    ends_quoted: bool = False


def is_xml_workbook(start: bytes) -> bool:
    """Whether a file's first bytes are those of XML Spreadsheet 2003."""
    text = start.replace(b"\0", b"")
    return _NAMESPACE.encode() in text and b"Workbook" in text


def page_sheet(file: BinaryIO) -> Sheet:
    """All tables of a page as one."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL))
    tail = file.read().replace(b"\0", b"").lower()
    cut = tail.rfind(b"</table") <= max(tail.rfind(each) for each in (b"<td", b"<th", b"<tr"))
    return Sheet("", False, partial(_page_rows, file), PageEnd(is_cut=cut))


def _page_rows(file: BinaryIO) -> Rows:
    file.seek(0)
    start = file.read(_HEAD)
    file.seek(0)
    encoding = None if _CHARSET.search(start) or start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    events = etree.iterparse(file, events=("start", "end"), html=True, encoding=encoding, no_network=True)
    grids = [_Grid()]
    number = 0
    try:
        for event, element in events:
            tag = str(element.tag)
            if event == "start":
                if tag == "table" and len(grids) < _MOST_NESTED:
                    grids.append(_Grid())
                continue
            grid = grids[-1]
            if tag in _CELLS:
                grid.add("".join(element.itertext()), element.get("colspan"), element.get("rowspan"))
            elif tag == "tr":
                number += 1
                if any(grid.row) and not grid.holds_table:
                    yield number, grid.row
                grid.row, grid.holds_table = [], False
            elif tag == "table" and len(grids) > 1:
                grids.pop()
                grids[-1].holds_table = True
            if tag not in _CELLS and not _within_cell(element):
                _forget(element)
    except etree.LxmlError as exc:
        raise FormatError("The web page (HTML) is damaged: download it again.") from exc


def _within_cell(element: etree._Element) -> bool:
    return next(element.iterancestors(*_CELLS), None) is not None


class _Grid:
    """The row at hand, and cells of rows above that reach into it."""

    def __init__(self) -> None:
        self.row: list[str] = []
        self.holds_table = False
        self._reach: dict[int, tuple[int, str]] = {}

    def add(self, text: str, columns: str | None, rows: str | None) -> None:
        self._fill()
        place, high = len(self.row), _span(rows)
        self.row.append(" ".join(text.split()))
        self.row += [""] * (_span(columns) - 1)
        if len(self.row) > _MOST_CELLS:
            raise FormatError(_TOO_WIDE)
        for each in range(place, len(self.row)) if high > 1 else ():
            self._reach[each] = (high - 1, self.row[each])
        self._fill()

    def _fill(self) -> None:
        while len(self.row) in self._reach:
            place = len(self.row)
            left, text = self._reach.pop(place)
            self.row.append(text)
            if left > 1:
                self._reach[place] = (left - 1, text)


def _span(text: str | None) -> int:
    return max(1, int(text)) if text and text.isascii() and text.isdigit() and len(text) < 6 else 1


def _forget(element: etree._Element) -> None:
    """What was read of a tree is not kept."""
    element.clear(keep_tail=False)
    while element.getprevious() is not None:
        parent = element.getparent()
        if parent is None:
            return
        del parent[0]


def xml_sheets(file: BinaryIO) -> Sequence[Sheet]:
    """The sheets of a workbook in XML Spreadsheet 2003. Raises FormatError."""
    names: list[tuple[str, bool]] = []
    for event, element in _parsed(file, "Worksheet", "Row", "WorksheetOptions"):
        if event == "start" and element.tag == f"{_SS}Worksheet":
            names.append((element.get(f"{_SS}Name", ""), False))
            if len(names) > _MOST_SHEETS:
                raise FormatError(f"The workbook has more than {_MOST_SHEETS} sheets: save one as CSV.")
        elif event == "end" and str(element.tag).endswith("}WorksheetOptions") and names:
            hidden = any(str(each.text or "").startswith("SheetHidden") for each in element.iter())
            names[-1] = (names[-1][0], hidden)
        if event == "end":
            _forget(element)
    return [
        Sheet(name, hidden, partial(_xml_rows, file, place)) for place, (name, hidden) in enumerate(names)
    ]


def _xml_rows(file: BinaryIO, sheet: int) -> Rows:
    place, number = -1, 0
    for event, element in _parsed(file, "Worksheet", "Row"):
        if element.tag == f"{_SS}Worksheet":
            place += event == "start"
            if place > sheet:
                return
        elif event == "end" and place == sheet:
            number = _index(element) or number + 1
            if number > _MOST_ROWS:
                raise FormatError(_DAMAGED)
            cells = list(_xml_cells(element))
            if any(cells):
                yield number, cells
        if event == "end":
            _forget(element)


def _xml_cells(row: etree._Element) -> Iterator[str]:
    at = 0
    for cell in row.iterchildren(f"{_SS}Cell"):
        place = (_index(cell) or at + 1) - 1
        if place >= _MOST_CELLS or place < at:
            raise FormatError(_TOO_WIDE if place >= at else _DAMAGED)
        yield from [""] * (place - at)
        yield _value(cell)
        across = _span(cell.get(f"{_SS}MergeAcross"))
        merged = across if cell.get(f"{_SS}MergeAcross") else 0
        yield from [""] * min(merged, _MOST_CELLS)
        at = place + 1 + merged


def _index(element: etree._Element) -> int:
    text = element.get(f"{_SS}Index")
    return _span(text) if text else 0


def _value(cell: etree._Element) -> str:
    data = cell.find(f"{_SS}Data")
    if data is None:
        return ""
    text, kind = "".join(cast(Iterable[str], data.itertext())), data.get(f"{_SS}Type", "String")
    try:
        if kind == "Number":
            return text_of(float(text))
        if kind == "DateTime":
            stamp = datetime.fromisoformat(text)
            return text_of(stamp.time() if stamp.year < 1901 else stamp, "h")
    except (ValueError, OverflowError, ArithmeticError) as exc:
        raise FormatError(_DAMAGED) from exc
    return text[:_LONGEST]


def _parsed(file: BinaryIO, *tags: str) -> Iterator[tuple[str, etree._Element]]:
    file.seek(0)
    wanted = [f"{{*}}{tag}" for tag in tags]
    parser = etree.iterparse(
        file, events=("start", "end"), tag=wanted, no_network=True, resolve_entities=False, load_dtd=False
    )
    try:
        for event, element in parser:
            if element.getroottree().docinfo.doctype:
                raise FormatError("The XML workbook declares a document type, and is refused.")
            yield str(event), element
    except etree.LxmlError as exc:
        raise FormatError(_DAMAGED) from exc
