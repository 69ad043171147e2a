"""Interval tables (CSV, other delimited text, XLSX) as portals hand them out.

``read_table(name, file, zone, layouts)`` recognises the layout and gives a ``Table``: its ``layout`` is the
layout's id, and iterating it yields ``Series`` as batches, in the file's order, and ``Issue``s. It raises
FormatError at once if nothing knows the layout, and while iterating where it must stop; what was yielded
before stands. Memory does not grow with the file.

``zone`` is what the asker says (an option, or the utility's); it goes before the layout's own, except where
a format holds its own clock. A utility's own layouts are in ``utilities/<id>/layouts.py``, as ``LAYOUTS``;
whoever reads for a utility passes them as ``layouts``, and they go before those in the folder ``layouts``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, islice
from typing import BinaryIO
from zoneinfo import ZoneInfo

from meterfarm.formats.batches import gather
from meterfarm.formats.errors import FormatError
from meterfarm.formats.sniff import looks_like_html, text_of_head
from meterfarm.formats.tables.channels import FileSeries
from meterfarm.formats.tables.head import Head, find, label, unknown
from meterfarm.formats.tables.layout import Layout
from meterfarm.formats.tables.layouts import all_layouts
from meterfarm.formats.tables.markup import is_xml_workbook, page_sheet, xml_sheets
from meterfarm.formats.tables.nem12 import Nem, is_nem
from meterfarm.formats.tables.reader import TableReader
from meterfarm.formats.tables.rows import DELIMITERS, HEAD_LINES, End, Rows, Text
from meterfarm.formats.tables.workbook import OLE, Sheet
from meterfarm.formats.tables.xlsx import SIGNATURE, lacks_results, sheets
from meterfarm.formats.tables.zone import zone_of
from meterfarm.records import IntervalData, Issue, Series, Severity

_CHUNK = 1 << 20
_HEAD = 4096
_FURTHEST = 65_536


class Table:
    """A table of a known layout; iterate it once."""

    def __init__(self, layout: str, batches: Iterator[Series | Issue]) -> None:
        self.layout = layout
        self._batches = batches

    def __iter__(self) -> Iterator[Series | Issue]:
        return self._batches


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the reader is given besides the file."""

    name: str
    zone: ZoneInfo | None
    layouts: Sequence[Layout]


@dataclass(frozen=True, slots=True)
class _Found:
    """A header in the rows of a file: the ``skip``-th row, with the labelled lines above it."""

    head: Head
    above: dict[str, str]
    skip: int


def read_table(
    name: str, file: BinaryIO, zone: ZoneInfo | None = None, layouts: Sequence[Layout] = ()
) -> Table:
    """The table in a file. ``name`` is the file's, which may give the zone; ``layouts`` go before ours.

    Raises:
        FormatError: The layout is unknown; while the table is iterated, a row cannot be read.
    """
    asked = _Asked(name, zone, [*layouts, *all_layouts()])
    if file.seekable():
        start = _start(file)
        if start.startswith((SIGNATURE, OLE)):
            late = _formulas(file) if start.startswith(SIGNATURE) else iter(())
            return _workbook(asked, sheets(file), late)
        if is_xml_workbook(start):
            return _workbook(asked, nullcontext(xml_sheets(file)))
        if looks_like_html(text_of_head(start).encode()):
            return _page(asked, page_sheet(file))
    counts = _Counts(file)
    text = Text(file)
    if is_nem(next((row for _, row in text.head_rows(",") if any(row)), [])):
        nem = Nem()
        return Table(nem.layout, nem.read(text.rows(",", even=False)))
    found, delimiter = _recognise(text, asked.layouts)
    tables = counts.of(found.head.layout.several_above)
    reader = _reader(asked, found, tables, FileSeries(), text, grouped=delimiter == ",")
    return Table(found.head.layout.id, _batches(reader, found, text.rows(delimiter)))


def _start(file: BinaryIO) -> bytes:
    file.seek(0)
    start = file.read(_HEAD)
    file.seek(0)
    return start


def _page(asked: _Asked, sheet: Sheet) -> Table:
    if _header(islice(sheet.rows(), HEAD_LINES), asked.layouts) is None:
        raise FormatError(
            "The file is a web page (HTML) without a table of a known layout: look at it in a browser; "
            "what is read is CSV, XLSX and Green Button XML."
        )
    return _workbook(asked, nullcontext([sheet]))


def _formulas(file: BinaryIO) -> Iterator[Issue]:
    if lacks_results(file):
        what = "cells hold formulas without results: open the workbook in a spreadsheet program and save it"
        yield Issue("", what)


def _workbook(
    asked: _Asked, opened: AbstractContextManager[Sequence[Sheet]], late: Iterable[Issue] = ()
) -> Table:
    """Every sheet that has a table; the others are mentioned, and last what is ``late``."""
    with ExitStack() as stack:
        found = stack.enter_context(opened)
        tables = [(each, _header(islice(each.rows(), HEAD_LINES), asked.layouts)) for each in found]
        layout = next((table.head.layout.id for _, table in tables if table), "")
        if not layout:
            rows = (list(islice(each.rows(), HEAD_LINES)) for each in found)
            raise unknown([row for _, row in next(filter(None, rows), [])])
        return Table(layout, chain(_of_sheets(tables, asked, stack.pop_all()), late))


def _near(rows: Rows) -> Rows:
    """Rows of a sheet, as long as they stand together as those of a table do."""
    before = 0
    for number, cells in rows:
        if number - before > _FURTHEST:
            raise FormatError(
                f"The sheet has a row {number - before:,} below the one before it, and is refused: "
                "save the rows that have readings as CSV."
            )
        before = number
        yield number, cells


def _of_sheets(
    tables: Sequence[tuple[Sheet, _Found | None]], asked: _Asked, opened: ExitStack
) -> Iterator[Series | Issue]:
    with opened:
        series = FileSeries()
        for sheet, found in tables:
            if found is None:
                yield Issue(sheet.name, "sheet without a table of a known layout", Severity.NOTE)
        for sheet, found in tables:
            if found is None:
                continue
            if sheet.hidden:
                yield Issue(sheet.name, "hidden sheet was read")
            several = found.head.layout.several_above
            count = sum(label({}, row) == several for _, row in sheet.rows()) if several else 1
            yield from _batches(_reader(asked, found, count, series, sheet.end), found, _near(sheet.rows()))


def read_interval_csv(
    content: bytes, zone: ZoneInfo | None = None, layouts: Sequence[Layout] = ()
) -> IntervalData:
    """A whole table at once, its series in time order; of an interval that was restated the last stands.

    Raises:
        FormatError: The layout is unknown, or only a part of the file could be read.
    """
    return gather(read_table("", BytesIO(content), zone, layouts))


def _reader(
    asked: _Asked,
    found: _Found,
    tables: int,
    series: FileSeries,
    end: End | None = None,
    *,
    grouped: bool = False,
) -> TableReader:
    layout = found.head.layout
    family = [each for each in asked.layouts if each.id == layout.id]
    zone, issues = zone_of(layout, asked.name, found.above, asked.zone)
    reader = TableReader(
        found.head, family, found.above, zone, tables, series=series, end=end, grouped=grouped
    )
    for each in issues:
        reader.remarks.add(each.what, each.where, each.severity)
    return reader


def _batches(reader: TableReader, found: _Found, rows: Rows) -> Iterator[Series | Issue]:
    for _ in range(found.skip):
        next(rows)
    yield from reader.read(rows)


def _recognise(text: Text, layouts: Sequence[Layout]) -> tuple[_Found, str]:
    for delimiter in DELIMITERS:
        found = _header(text.head_rows(delimiter), layouts)
        if found:
            return found, delimiter
    raise unknown([row for _, row in text.head_rows(_likely(text.head))])


def _header(rows: Rows, layouts: Sequence[Layout]) -> _Found | None:
    above: dict[str, str] = {}
    for skip, (_, cells) in enumerate(rows, 1):
        head = find(cells, layouts, above)
        if head:
            return _Found(head, above, skip)
        label(above, cells)
    return None


def _likely(lines: Sequence[str]) -> str:
    return max(DELIMITERS, key=lambda each: sum(line.count(each) for line in lines))


class _Counts:
    """How often a label stands in a file that can be read twice."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def of(self, text: str) -> int:
        if not text or not self._file.seekable():
            return 1
        here = self._file.tell()
        self._file.seek(0)
        spelt = {text.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be")}
        wanted = re.compile(b"|".join(map(re.escape, spelt)), re.IGNORECASE)
        count, rest = 0, b""
        while chunk := self._file.read(_CHUNK):
            content = rest + chunk
            ends = [found.end() for found in wanted.finditer(content)]
            count += len(ends)
            rest = content[max([*ends[-1:], len(content) - 2 * len(text) + 1, 0]) :]
        self._file.seek(here)
        return max(1, count)
