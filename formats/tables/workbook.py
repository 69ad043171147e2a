"""Workbooks of every kind that spreadsheet programs open, read in a process of its own, within bounds.

XLSX is read here only if ``xlsx`` cannot: with styles, dates or names of parts that are odd, which do nothing
to the cells. XLS, XLSB and ODS always are. The process gets no environment, and takes no more memory, time or
output than ``workbook_child`` says.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, cast

from meterfarm.formats.archive import member_names
from meterfarm.formats.errors import FormatError
from meterfarm.formats.tables import workbook_child
from meterfarm.formats.tables.cells import Typed
from meterfarm.formats.tables.rows import End, Rows

OLE = b"\xd0\xcf\x11\xe0"
_HEAD = 256
_LARGEST = 96 * 1024 * 1024
_WAIT = 60.0
_MOST_OUTPUT = 64 * 1024
_LIMITS = re.compile(b"memory allocation of|MemoryError|capacity overflow|File too large")
_READ: dict[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "seconds": lambda seconds: timedelta(seconds=float(seconds)),
}
ENCRYPTED = "The workbook is encrypted: open it with the password and save it without one."
DAMAGED = "The workbook is cut short or damaged: download it again."
_REFUSALS = {workbook_child.PASSWORD: ENCRYPTED, workbook_child.DAMAGED: DAMAGED}


class ZipKind(StrEnum):
    """What a ZIP is by the names of its parts."""

    FILES = "files"
    WORKBOOK = "workbook"
    DOCUMENT = "document"
    """Another document of an office program."""


def kind_of_zip(file: BinaryIO) -> ZipKind:
    """Names are compared as office programs do, which care neither for case nor for the kind of slash.

    Raises:
        FormatError: The ZIP is damaged.
    """
    names = {each.lower().replace("\\", "/").strip("/") for each in member_names(file)}
    if {"mimetype", "content.xml"} <= names:
        return ZipKind.WORKBOOK if _is_ods(file) else ZipKind.DOCUMENT
    if "[content_types].xml" not in names:
        return ZipKind.WORKBOOK if "xl/workbook.xml" in names else ZipKind.FILES
    sheets = any(each.startswith("xl/") or each.endswith(("workbook.xml", "workbook.bin")) for each in names)
    return ZipKind.WORKBOOK if sheets else ZipKind.DOCUMENT


def _is_ods(file: BinaryIO) -> bool:
    """By the type that the first part has, unpacked and within the first bytes of the file."""
    file.seek(0)
    return b"spreadsheet" in file.read(_HEAD)


class Sheet(NamedTuple):
    """``rows`` reads from the first one on, as often as it is called."""

    name: str
    hidden: bool
    rows: Callable[[], Rows]
    end: End | None = None
    """None where each cell says what column it stands in, and rows what row they are."""


@contextmanager
def sheets_apart(file: BinaryIO) -> Iterator[Sequence[Sheet]]:
    """The sheets of a workbook, as long as this is open. Raises FormatError."""
    if file.seek(0, 2) > _LARGEST:
        raise FormatError("The workbook is larger than 96 MB: save the sheet that has the readings as CSV.")
    file.seek(0)
    with cast(BinaryIO, tempfile.TemporaryFile()) as copy, tempfile.TemporaryFile() as written:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        try:
            _run(copy, written)
        except FormatError as exc:
            raise (_reason(copy) if str(exc) == DAMAGED else None) or exc from exc.__cause__
        yield [
            Sheet(str(name), not visible, partial(_rows, written, place))
            for place, (name, visible) in enumerate(_sheets(written))
        ]


def is_ole(file: BinaryIO) -> bool:
    """Whether it is a container as Office of before 2007 writes them, and of today for what is encrypted."""
    file.seek(0)
    return file.read(len(OLE)) == OLE


def _run(workbook: IO[bytes], written: IO[bytes]) -> None:
    with tempfile.TemporaryFile() as complaints:
        try:
            done = subprocess.run(  # noqa: S603 - our own file, and nothing of anybody's among the arguments
                [sys.executable, "-I", str(Path(workbook_child.__file__))],
                stdin=workbook,
                stdout=written,
                stderr=complaints,
                env={},
                cwd="/",
                timeout=_WAIT,
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise _too_much() from exc
        if done.returncode in _REFUSALS:
            raise FormatError(_REFUSALS[done.returncode])
        complaints.seek(0)
        limited = done.returncode < 0 or _LIMITS.search(complaints.read(_MOST_OUTPUT))
    if done.returncode:
        raise _too_much() if limited else FormatError(DAMAGED)


def _reason(workbook: BinaryIO) -> FormatError | None:
    """Why a container of Office's cannot be read, by the names of the streams in it."""
    if not is_ole(workbook):
        return None
    workbook.seek(0)
    content = workbook.read(_LARGEST)
    if "EncryptedPackage".encode("utf-16-le") in content:
        return FormatError(ENCRYPTED)
    streams = [each.encode("utf-16-le") in content for each in ("Root Entry", "Workbook", "Book")]
    if streams[0] and not any(streams[1:]):
        return FormatError("The file is of Microsoft Office and holds no workbook: ask for CSV or XLSX.")
    return FormatError("The workbook (XLS) is cut short or damaged: download it again.")


def _too_much() -> FormatError:
    """Reading it was ended by a limit."""
    return FormatError(
        "The workbook takes more memory or time than is allowed, and is refused: "
        "save the sheet that has the readings as CSV."
    )


def _sheets(written: IO[bytes]) -> Sequence[tuple[str, bool]]:
    written.seek(0)
    found: list[tuple[str, bool]] = json.loads(written.readline())
    return found


def _rows(written: IO[bytes], place: int) -> Rows:
    """Reads on from where it was, so that several can read in turn."""
    written.seek(0)
    written.readline()
    at = written.tell()
    while True:
        written.seek(at)
        line = written.readline()
        at = written.tell()
        if not line:
            return
        sheet, number, cells = json.loads(line)
        if sheet == place:
            yield number, [_text(each) for each in cells]


def _text(cell: object) -> str:
    if isinstance(cell, list):
        kind, value = cell
        return text_of(_READ[kind](value))
    return text_of(cell)


def text_of(value: object, shown_as: str = "") -> str:
    """``shown_as`` is the number format; without one a midnight is a day alone."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return Typed(f"{Decimal(format(value, '.15g')):f}")  # Excel keeps 15 digits; the rest is noise
    if isinstance(value, datetime):
        return _stamp(value, shown_as)
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
