"""Interval tables (CSV, other delimited text, XLSX) as portals hand them out.

``read_table(name, file, zone, layouts)`` recognises the layout and gives a ``Table``: its ``layout`` is the
layout's id, and iterating it yields ``Series`` as stretches, in the file's order, and ``Problem``s. It raises
FormatError at once if nothing knows the layout, and while iterating where it must stop; what was yielded
before stands. Memory does not grow with the file.

``zone`` is what the asker says (an option, or the utility's); it goes before the layout's own, except where
a format holds its own clock. A utility's own layouts are in ``utilities/<id>/layouts.py``, as ``LAYOUTS``;
whoever reads for a utility passes them as ``layouts``, and they go before those of ``formats/layouts/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import BinaryIO
from zoneinfo import ZoneInfo

from formats.gather import gather
from formats.layouts import all_layouts
from formats.nem12 import Nem, is_nem
from formats.table import Layout
from formats.table_head import Head, find, label
from formats.table_reader import TableReader, Told
from formats.table_rows import DELIMITERS, HEAD_LINES, Rows, Text
from formats.table_unknown import unknown
from formats.table_zone import zone_of
from formats.xlsx import SIGNATURE, sheets
from records import IntervalData, Problem, Series, Severity

_CHUNK = 1 << 20


class Table:
    """A table whose layout is known; iterate it once."""

    def __init__(self, layout: str, stretches: Iterator[Series | Problem]) -> None:
        self.layout = layout
        self._stretches = stretches

    def __iter__(self) -> Iterator[Series | Problem]:
        return self._stretches


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the reader was told besides the file."""

    name: str
    zone: ZoneInfo | None
    layouts: Sequence[Layout]


@dataclass(frozen=True, slots=True)
class _Found:
    """A header in the rows of a file: the ``skip``-th row, below what is told above it."""

    head: Head
    above: dict[str, str]
    skip: int


def read_table(
    name: str, file: BinaryIO, zone: ZoneInfo | None = None, layouts: Sequence[Layout] = ()
) -> Table:
    """Raises FormatError."""
    asked = _Asked(name, zone, [*layouts, *all_layouts()])
    if file.seekable() and _is_workbook(file):
        return _workbook(file, asked)
    counts = _Counts(file)
    text = Text(file)
    if is_nem(next((row for _, row in text.head_rows(",") if any(row)), [])):
        nem = Nem()
        return Table(nem.layout, nem.read(text.rows(",", even=False)))
    found, delimiter = _recognise(text, asked.layouts)
    tables = counts.of(found.head.layout.several_above)
    reader = _reader(asked, found, tables, Told(), text, grouped=delimiter == ",")
    return Table(found.head.layout.id, _stretches(reader, found, text.rows(delimiter)))


def _is_workbook(file: BinaryIO) -> bool:
    file.seek(0)
    start = file.read(len(SIGNATURE))
    file.seek(0)
    return start == SIGNATURE


def _workbook(file: BinaryIO, asked: _Asked) -> Table:
    """Every sheet that has a table; the others are told of."""
    read: list[tuple[_Found, Rows, int]] = []
    problems: list[Problem] = []
    seen: list[Sequence[str]] = []
    for sheet, rows in sheets(file):
        found = _header(islice(rows(), HEAD_LINES), asked.layouts)
        if found:
            several = found.head.layout.several_above
            tables = sum(label({}, row) == several for _, row in rows()) if several else 1
            read.append((found, rows(), tables))
        else:
            problems.append(Problem(sheet, "the sheet has no table of a known layout", Severity.NOTE))
            seen = seen or [row for _, row in islice(rows(), HEAD_LINES)]
    if not read:
        raise unknown(seen)

    def stretches() -> Iterator[Series | Problem]:
        told = Told()
        yield from problems
        for found, rows, tables in read:
            yield from _stretches(_reader(asked, found, tables, told), found, rows)

    return Table(read[0][0].head.layout.id, stretches())


def read_interval_csv(
    content: bytes, zone: ZoneInfo | None = None, layouts: Sequence[Layout] = ()
) -> IntervalData:
    """A whole table at once, its series in time order; of an interval that was restated the last stands.

    Raises FormatError, also where only part of the file could be read.
    """
    return gather(read_table("", BytesIO(content), zone, layouts))


def _reader(
    asked: _Asked,
    found: _Found,
    tables: int,
    told: Told,
    text: Text | None = None,
    *,
    grouped: bool = False,
) -> TableReader:
    layout = found.head.layout
    family = [each for each in asked.layouts if each.id == layout.id]
    zone, problems = zone_of(layout, asked.name, found.above, asked.zone)
    reader = TableReader(found.head, family, found.above, zone, tables, told=told, text=text, grouped=grouped)
    for each in problems:
        reader.remarks.add(each.what, each.where, each.severity)
    return reader


def _stretches(reader: TableReader, found: _Found, rows: Rows) -> Iterator[Series | Problem]:
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
