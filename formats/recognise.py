"""What a file is, judged by its bytes and never by its name, and the reader that goes with it.

::

    ZIP      -> every member, as the file it is        (an XLSX is a ZIP too, and read as a table)
    XML      -> Green Button
    PDF      -> a bill, which a utility's layout reads
    XLSX     -> a table of intervals
    text     -> a table of intervals
    the rest -> unknown, which says what it is instead
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO
from zoneinfo import ZoneInfo

from formats import archive
from formats.errors import FormatError
from formats.green_button import stream_green_button
from formats.interval_csv import read_table
from formats.sniff import looks_like_html, looks_like_json
from formats.table import Layout
from records import Problem, Series, Severity

ESPI = "espi"
"""The layout of Green Button."""
HEAD = 8_192
"""Bytes that are looked at."""
_Stretches = Iterable[Series | Problem]

_PDF_WITHIN = 1_024
_ENOUGH = 40
_UTF_8, _WIDE = b"\xef\xbb\xbf", {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_ESPI = re.compile("espi|Interval(Block|Reading)|UsagePoint|ReadingType|MeterReading|UsageSummary")
_SHEET = "xl/workbook.xml"
_BESIDE = (
    *(".xsl", ".xslt", ".xsd", ".dtd", ".css", ".js", ".md", ".db"),
    *(".png", ".jpg", ".gif", ".svg", ".ico"),
)
_BESIDE_NAMES = ("readme", "license", "licence", "desktop.ini", ".ds_store", "._")
_ELSE = (
    (b"\xd0\xcf\x11\xe0", "is an Excel file of before 2007 (XLS): save it as XLSX or CSV and read that"),
    (b"\x1f\x8b", "is packed with gzip: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive: unpack it first"),
    (b"Rar!", "is a RAR archive: unpack it first"),
    (b"PAR1", "is a Parquet file, which is not read back: read the export that it was made from"),
    (b"\x89PNG", "is a picture: ask the utility for an export of the data"),
    (b"\xff\xd8\xff", "is a picture: ask the utility for an export of the data"),
)


class Kind(StrEnum):
    """What a file turned out to be."""

    GREEN_BUTTON = "green_button"
    INTERVAL_CSV = "interval_csv"
    BILL = "bill"
    UNKNOWN = "unknown"


class Contents:
    """What a document says, as it is read: iterate it once. ``layout`` is known from then on, "" if none is.

    Iterating raises FormatError where reading has to stop; what came before stands.
    """

    def __init__(self, read: Callable[[], tuple[str, _Stretches]]) -> None:
        self.layout = ""
        self._read = read

    def __iter__(self) -> Iterator[Series | Problem]:
        self.layout, stretches = self._read()
        yield from stretches


@dataclass(frozen=True, slots=True)
class Found:
    """A document: the file, or one in a ZIP, which has a name there (``member``).

    A bill has no contents: its text is for a utility's layout. ``certain`` is False of a kind that only its
    contents can prove.
    """

    member: str
    kind: Kind
    certain: bool
    contents: Contents
    file: BinaryIO


def recognise(
    name: str, file: BinaryIO, zone: ZoneInfo | None = None, layouts: Sequence[Layout] = ()
) -> Iterator[Found]:
    """What ``file``, which can be sought in, holds: itself, or each member of a ZIP.

    Each document is to be read before the next one is asked for. Raises FormatError if the file is empty or a
    damaged ZIP; what is wrong with other files, their ``contents`` say.
    """
    head = _head(file)
    if _is_empty(head):
        raise FormatError("The file is empty: download it again.")
    if not _is_archive(head, file):
        yield _document("", name, file, zone, layouts)
        return
    for member, inner in archive.spooled(file):
        yield _member(member, inner, zone, layouts)


def _is_archive(head: bytes, file: BinaryIO) -> bool:
    """Whether it is a ZIP but no XLSX."""
    return archive.is_zip(head) and _SHEET not in archive.member_names(file)


def _member(member: str, file: BinaryIO, zone: ZoneInfo | None, layouts: Sequence[Layout]) -> Found:
    if member.lower().endswith(_BESIDE) or member.lower().startswith(_BESIDE_NAMES):
        note = Problem("", "The file is no interval data by its name, and was left alone.", Severity.NOTE)
        return Found(member, Kind.UNKNOWN, True, _only(note), file)
    head = _head(file)
    if _is_empty(head):
        return Found(member, Kind.UNKNOWN, True, _refused("is empty: download it again"), file)
    try:
        nested = _is_archive(head, file)
    except FormatError as exc:
        return Found(member, Kind.UNKNOWN, True, _raised(exc), file)
    if nested:
        return Found(
            member, Kind.UNKNOWN, True, _refused("is a ZIP in a ZIP: unpack it, and read that"), file
        )
    return _document(member, member, file, zone, layouts)


def _document(
    member: str, name: str, file: BinaryIO, zone: ZoneInfo | None, layouts: Sequence[Layout]
) -> Found:
    head = _head(file)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return Found(member, Kind.BILL, True, _only(), file)
    if archive.is_zip(head):
        return Found(member, Kind.INTERVAL_CSV, False, _table(name, file, zone, layouts), file)
    text = _text(head)
    for mark, what in _ELSE:
        if head.startswith(mark):
            return Found(member, Kind.UNKNOWN, True, _refused(what), file)
    if looks_like_html(text.encode()):
        page = "is a web page (HTML), perhaps of a sign-in or an error: download the export again"
        return Found(member, Kind.UNKNOWN, True, _refused(page), file)
    if text.lstrip().startswith("<"):
        return Found(member, Kind.GREEN_BUTTON, _names_espi(text), _green_button(file), file)
    if looks_like_json(text.encode()):
        json = "is JSON, which is not read: ask the utility for CSV, XLSX or Green Button XML"
        return Found(member, Kind.UNKNOWN, True, _refused(json), file)
    if "\0" in text:
        binary = "is neither text nor XML, XLSX, ZIP or PDF: ask the utility for one of these"
        return Found(member, Kind.UNKNOWN, True, _refused(binary), file)
    return Found(member, Kind.INTERVAL_CSV, False, _table(name, file, zone, layouts), file)


def _green_button(file: BinaryIO) -> Contents:
    return Contents(lambda: (ESPI, stream_green_button(file)))


def _table(name: str, file: BinaryIO, zone: ZoneInfo | None, layouts: Sequence[Layout]) -> Contents:
    def read() -> tuple[str, _Stretches]:
        table = read_table(name, file, zone, layouts)
        return table.layout, table

    return Contents(read)


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    return head


def _is_empty(head: bytes) -> bool:
    return len(head) < HEAD and not head.strip()


def _text(head: bytes) -> str:
    """As far as it can be told from the first bytes; UTF-16 also without its mark."""
    for mark, encoding in _WIDE.items():
        if head.startswith(mark):
            return head[2:].decode(encoding, "replace")
    if not any(head[1:_ENOUGH:2]):
        return head.decode("utf-16-le", "replace")
    if not any(head[0:_ENOUGH:2]):
        return head.decode("utf-16-be", "replace")
    return head.removeprefix(_UTF_8).decode("latin-1")


def _names_espi(text: str) -> bool:
    return _ESPI.search(text) is not None


def _refused(what: str) -> Contents:
    return _raised(FormatError(f"The file {what}."))


def _raised(error: FormatError) -> Contents:
    def read() -> tuple[str, _Stretches]:
        raise error

    return Contents(read)


def _only(*problems: Problem) -> Contents:
    return Contents(lambda: ("", problems))
