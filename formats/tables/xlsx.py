"""Sheets of an XLSX workbook as rows of text, the way a CSV would have them, in bounded memory."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import BinaryIO, Protocol
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError, ParserCreate

from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables.rows import Rows
from meterfarm.formats.tables.workbook import Sheet, is_ole, sheets_apart, text_of

SIGNATURE = b"PK\x03\x04"
DAMAGED = "The XLSX file is cut short or damaged: download it again."
_MOST_ROWS = 1_048_576
_MOST_BYTES = 512 * 1024 * 1024
_MOST_SHARED = 64 * 1024 * 1024
_MOST_RATIO = 200
_FREE = 8 * 1024 * 1024
_MOST_MEMBERS = 1_000
_PROLOG = 64 * 1024
_MANY = 4
_CHUNK = 1 << 20
_LONGEST_FORMULA = 32 * 1024
_NO_RESULT = re.compile(
    rb"""<(\w+:)?c\b(?![^>]*t="str")[^>]*>\s*<(\w+:)?f\b([^>]*/>|[^>]*>[^<]*</(\w+:)?f>)\s*"""
    rb"""(<(\w+:)?v\s*/>|<(\w+:)?v>\s*</(\w+:)?v>)?\s*</(\w+:)?c>"""
)
"""An empty text may be a result."""
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    ExpatError,
    ParseError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class _XlsxCell(Protocol):
    """A cell as the library reads it."""

    @property
    def value(self) -> object: ...


@contextmanager
def _as_damage() -> Iterator[None]:
    """What the library raises over a damaged workbook can be about anything."""
    try:
        yield
    except FormatError:
        raise
    except _DAMAGES as exc:
        raise FormatError(DAMAGED) from exc


@contextmanager
def sheets(file: BinaryIO) -> Iterator[Sequence[Sheet]]:
    """The sheets of a workbook, as long as this is open.

    What openpyxl cannot read of an XLSX with whole parts is read by ``workbook``. Raises
    FormatError for what is no workbook, or unpacks to far more than an export holds.
    """
    found: Sequence[_XlsxSheet] = ()
    if not is_ole(file):
        with _as_damage():
            _check(file)
        with suppress(FormatError), _as_damage():
            found = _opened(file)
        if not found:
            with _as_damage():
                _check_parts(file)
    if found:
        yield [Sheet(str(each.title), _is_hidden(each), partial(_sheet, file, each)) for each in found]
        return
    with sheets_apart(file) as others:
        yield others


def _is_hidden(sheet: _XlsxSheet) -> bool:
    return getattr(sheet, "sheet_state", "visible") != "visible"


def _opened(file: BinaryIO) -> Sequence[_XlsxSheet]:
    """The sheets as openpyxl reads them, each of which has a first row."""
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")
    file.seek(0)
    book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    found = [sheet for sheet in book.worksheets if hasattr(sheet, "reset_dimensions")]
    for sheet in found:
        sheet.reset_dimensions()
        next(sheet.iter_rows(), None)
    return found


def lacks_results(file: BinaryIO) -> bool:
    """Whether any cell holds a formula without its result, as programs leave them that compute nothing."""
    with _as_damage(), zipfile.ZipFile(file) as archive:
        for each in archive.namelist():
            if "worksheets/" in each.lower() and each.lower().endswith(".xml"):
                with archive.open(each) as part:
                    rest = b""
                    while chunk := part.read(_CHUNK):
                        if _NO_RESULT.search(rest + chunk):
                            return True
                        rest = chunk[-_LONGEST_FORMULA:]
    return False


def _check(file: BinaryIO) -> None:
    """What a workbook unpacks to is bounded, and none of its parts declares entities."""
    allowed = min(_MOST_BYTES, max(_FREE, file.seek(0, 2) * _MOST_RATIO))
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        sizes = sum(each.file_size for each in members)
        shared = sum(each.file_size for each in members if "worksheets/" not in each.filename.lower())
        if len(members) > _MOST_MEMBERS or sizes > allowed or shared > _MOST_SHARED:
            raise FormatError("The XLSX file unpacks to far more than an export holds and is refused.")
        for each in members:
            if each.filename.endswith((".xml", ".rels")):
                with archive.open(each) as part:
                    start = part.read(_PROLOG).replace(b"\0", b"").upper()
                if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                    raise FormatError("The XLSX file declares entities, as no export does, and is refused.")


def _check_parts(file: BinaryIO) -> None:
    """That no part is damaged that has cells: other readers take what they find, and say nothing."""
    with zipfile.ZipFile(file) as archive:
        for each in archive.namelist():
            if each.lower().endswith(".xml") and not each.lower().startswith(("docprops/", "xl/theme/")):
                parser = ParserCreate()
                with archive.open(each) as part:
                    parser.ParseFile(part)


class _XlsxSheet(Protocol):
    title: str

    def iter_rows(self) -> Iterator[Sequence[_XlsxCell]]: ...


def _sheet(file: BinaryIO, sheet: _XlsxSheet) -> Rows:
    last = 0
    try:
        for last, cells in _rows(sheet.iter_rows()):
            yield last, cells
    except FormatError:
        with _as_damage():
            _check_parts(file)
        with sheets_apart(file) as others:
            for each in others:
                if each.name == str(sheet.title):
                    yield from (row for row in each.rows() if row[0] > last)


def _rows(rows: Iterator[Sequence[_XlsxCell]]) -> Rows:
    """Rows that aren't blank, with their numbers."""
    number = 0
    while True:
        with _as_damage():
            row = next(rows, None)
            if row is None:
                return
            number += 1
            if number > _MOST_ROWS:
                raise FormatError("The XLSX file has more rows than a sheet can have: it is damaged.")
            cells = [_text(cell) for cell in row]
        if any(cells):
            yield number, _split(cells)


def _split(cells: list[str]) -> Sequence[str]:
    """A CSV that was opened with the wrong separator keeps its lines in the first column."""
    if cells[0].count(";") >= _MANY and not any(cells[1:]):
        return cells[0].split(";")
    return cells


def _text(cell: _XlsxCell) -> str:
    value = cell.value
    return text_of(value, _format(cell) if isinstance(value, datetime) else "")


def _format(cell: _XlsxCell) -> str:
    """By the styles, which may be damaged."""
    try:
        return str(getattr(cell, "number_format", ""))
    except _DAMAGES:
        return ""
