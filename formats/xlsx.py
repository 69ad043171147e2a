"""Sheets of an XLSX workbook as rows of text, the way a CSV would have them, in bounded memory."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import BinaryIO, Protocol
from xml.etree.ElementTree import ParseError

from formats.errors import FormatError
from formats.table_cells import Typed
from formats.table_rows import Rows

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
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
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


class _Cell(Protocol):
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


def sheets(file: BinaryIO) -> Iterator[tuple[str, Callable[[], Rows]]]:
    """Each sheet's name, and what reads its rows from the first one, as often as it is called.

    Raises FormatError for what is no workbook, or unpacks to far more than an export holds.
    """
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")
    with _as_damage():
        _check(file)
        file.seek(0)
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        found = [sheet for sheet in book.worksheets if hasattr(sheet, "reset_dimensions")]
    for sheet in found:
        sheet.reset_dimensions()
        yield str(sheet.title), partial(_sheet, sheet)


def _check(file: BinaryIO) -> None:
    """What a workbook unpacks to is bounded, and none of its parts declares entities."""
    file.seek(0, 2)
    allowed = min(_MOST_BYTES, max(_FREE, file.tell() * _MOST_RATIO))
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        sizes = sum(each.file_size for each in members)
        shared = sum(each.file_size for each in members if not each.filename.startswith("xl/worksheets/"))
        if len(members) > _MOST_MEMBERS or sizes > allowed or shared > _MOST_SHARED:
            raise FormatError("The XLSX file unpacks to far more than an export holds and is refused.")
        for each in members:
            if each.filename.endswith((".xml", ".rels")):
                with archive.open(each) as part:
                    start = part.read(_PROLOG).replace(b"\0", b"").upper()
                if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                    raise FormatError("The XLSX file declares entities, as no export does, and is refused.")


class _Sheet(Protocol):
    def iter_rows(self) -> Iterator[Sequence[_Cell]]: ...


def _sheet(sheet: _Sheet) -> Rows:
    return _rows(sheet.iter_rows())


def _rows(rows: Iterator[Sequence[_Cell]]) -> Rows:
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


def _text(cell: _Cell) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return Typed(f"{Decimal(format(value, '.15g')):f}")  # Excel keeps 15 digits; the rest is noise
    if isinstance(value, datetime):
        return _stamp(value, str(getattr(cell, "number_format", "")))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return _clock(
            timedelta(
                hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
            )
        )
    if isinstance(value, timedelta):
        return _clock(value)
    return str(value)


def _stamp(value: datetime, shown_as: str) -> str:
    """To the second, since Excel's days are fractions; a day alone if that is what the sheet shows."""
    exact = (value + timedelta(milliseconds=500)).replace(microsecond=0)
    if exact.time() == time() and "h" not in shown_as.lower():
        return exact.date().isoformat()
    return exact.isoformat(" ")


def _clock(value: timedelta) -> str:
    seconds = round(value.total_seconds())
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
