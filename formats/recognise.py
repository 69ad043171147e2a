"""What a file is, judged by its bytes and never by its name, and the reader that goes with it.

::

    gzip     -> the file in it
    ZIP      -> every member, as the file it is        (an XLSX is a ZIP too, and read as a table)
    XML      -> Green Button, or a workbook of 2003
    PDF      -> a bill, which a utility's layout reads
    workbook -> a table of intervals
    HTML     -> a table of intervals, if there is one in it
    text     -> a table of intervals
    the rest -> unknown, with an error that names what it is instead

Pages for people beside the data in a ZIP (HTML, prose) are left alone, with a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO
from zoneinfo import ZoneInfo

from meterfarm.formats import archive
from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.green_button import stream_green_button
from meterfarm.formats.espi.href import Href
from meterfarm.formats.sniff import looks_like_html, looks_like_json, text_of_head
from meterfarm.formats.tables.head import holds_data
from meterfarm.formats.tables.interval_csv import read_table
from meterfarm.formats.tables.layout import Layout
from meterfarm.formats.tables.markup import is_xml_workbook
from meterfarm.formats.tables.workbook import OLE, ZipKind, kind_of_zip
from meterfarm.records import Issue, Series, Severity

ESPI = "espi"
"""The layout of Green Button."""
HEAD = 8_192
"""Bytes that are looked at."""
_Batches = Iterable[Series | Issue]

_PDF_WITHIN = 1_024
_TAR_AT = 257
_ESPI = re.compile("espi|Interval(Block|Reading)|UsagePoint|ReadingType|MeterReading|UsageSummary")
_PAGES = (".html", ".htm", ".xhtml", ".txt", ".rtf", ".doc", ".docx", ".odt")
_BESIDE = (
    *(".xsl", ".xslt", ".xsd", ".dtd", ".css", ".js", ".md", ".db"),
    *(".png", ".jpg", ".gif", ".svg", ".ico"),
)
_BESIDE_NAMES = ("readme", "license", "licence", "desktop.ini", ".ds_store", "._")
_ELSE = (
    (b"\x1f\x8b", "is a gzip in a gzip, or damaged: unpack it first"),
    (b"{\\rtf", "is a document (RTF) and no table: ask the utility for CSV, XLSX or Green Button XML"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive: unpack it first"),
    (b"Rar!", "is a RAR archive: unpack it first"),
    (b"BZh91AY&SY", "is compressed (bzip2): unpack it first"),
    (b"\xfd7zXZ\0", "is compressed (xz): unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed (Zstandard): unpack it first"),
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

    def __init__(self, read: Callable[[], tuple[str, _Batches]]) -> None:
        self.layout = ""
        self._read = read

    def __iter__(self) -> Iterator[Series | Issue]:
        self.layout, batches = self._read()
        yield from batches


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

    Each document is to be read before the next one is asked for.

    Raises:
        FormatError: The file is empty or a damaged ZIP; the ``contents`` of other files raise it themselves.
    """
    head = _head(file)
    if _is_empty(head):
        raise FormatError("The file is empty: download it again.")
    if archive.is_gzip(head):
        with archive.gunzipped(file) as inner:
            yield _member("", archive.without_gz(name), inner, zone, layouts)
        return
    if not _is_archive(head, file):
        yield _document("", name, file, zone, layouts)
        return
    pages: set[int] = set()
    meters: dict[str, Href] = {}
    for place, (member, inner) in enumerate(archive.spooled(file)):
        if _is_page(member, inner):
            pages.add(place)
        elif archive.is_gzip(_head(inner)):
            yield from _gzip(member, inner, zone, layouts)
        else:
            yield _member(member, member, inner, zone, layouts, meters)
    yield from _pages(pages, file, zone, layouts)


def _gzip(member: str, file: BinaryIO, zone: ZoneInfo | None, layouts: Sequence[Layout]) -> Iterator[Found]:
    with ExitStack() as stack:
        try:
            inner = stack.enter_context(archive.gunzipped(file))
        except FormatError as exc:
            yield Found(member, Kind.UNKNOWN, True, _raised(exc), file)
            return
        yield _member(member, archive.without_gz(member), inner, zone, layouts)


def _pages(
    pages: Collection[int], file: BinaryIO, zone: ZoneInfo | None, layouts: Sequence[Layout]
) -> Iterator[Found]:
    """What people may read beside the data; alone in a ZIP they may be the data."""
    alone = len(pages) == len(archive.file_names(file))
    for place, (member, inner) in enumerate(archive.spooled(file) if pages else ()):
        if place in pages and alone:
            yield _member(member, member, inner, zone, layouts)
        elif place in pages:
            note = "The file is a page for people, and was not read."
            yield Found(member, Kind.UNKNOWN, True, _only(Issue("", note, Severity.NOTE)), inner)


def _is_page(member: str, file: BinaryIO) -> bool:
    """Whether it is a page for people by its name and by what is in it."""
    if not member.lower().endswith(_PAGES):
        return False
    head = _head(file)
    if archive.is_zip(head) or head.startswith((OLE, b"{\\rtf")) or looks_like_html(head):
        return not (archive.is_zip(head) and kind_of_zip(file) is ZipKind.WORKBOOK)
    return member.lower().endswith(".txt") and not holds_data(text_of_head(head).splitlines())


def _is_archive(head: bytes, file: BinaryIO) -> bool:
    """Whether it is a ZIP but no workbook, nor another document of Office's."""
    return archive.is_zip(head) and kind_of_zip(file) is ZipKind.FILES


def _member(
    member: str,
    name: str,
    file: BinaryIO,
    zone: ZoneInfo | None,
    layouts: Sequence[Layout],
    meters: dict[str, Href] | None = None,
) -> Found:
    if member.lower().endswith(_BESIDE) or member.lower().startswith(_BESIDE_NAMES):
        note = Issue("", "The file is not interval data by its name, and was not read.", Severity.NOTE)
        return Found(member, Kind.UNKNOWN, True, _only(note), file)
    head = _head(file)
    if _is_empty(head):
        return Found(member, Kind.UNKNOWN, True, _refused("is empty: download it again"), file)
    try:
        nested = _is_archive(head, file)
    except FormatError as exc:
        return Found(member, Kind.UNKNOWN, True, _raised(exc), file)
    if nested:
        what = f"is a ZIP in a {'ZIP' if member else 'gzip'}: unpack it, and read that"
        return Found(member, Kind.UNKNOWN, True, _refused(what), file)
    return _document(member, name, file, zone, layouts, meters)


def _document(
    member: str,
    name: str,
    file: BinaryIO,
    zone: ZoneInfo | None,
    layouts: Sequence[Layout],
    meters: dict[str, Href] | None = None,
) -> Found:
    head = _head(file)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return Found(member, Kind.BILL, True, _only(), file)
    text = text_of_head(head)
    if archive.is_zip(head) and kind_of_zip(file) is not ZipKind.WORKBOOK:
        what = "is a document of an office program and no workbook: ask for CSV, XLSX or Green Button XML"
        return Found(member, Kind.UNKNOWN, True, _refused(what), file)
    if (
        archive.is_zip(head)
        or head.startswith(OLE)
        or is_xml_workbook(head)
        or looks_like_html(text.encode())
    ):
        return Found(member, Kind.INTERVAL_CSV, False, _table(name, file, zone, layouts), file)
    if head[_TAR_AT:].startswith(b"ustar"):
        return Found(member, Kind.UNKNOWN, True, _refused("is a TAR archive: unpack it first"), file)
    for mark, what in _ELSE:
        if head.startswith(mark):
            return Found(member, Kind.UNKNOWN, True, _refused(what), file)
    if text.lstrip().startswith("<"):
        return Found(member, Kind.GREEN_BUTTON, _names_espi(text), _green_button(file, zone, meters), file)
    if looks_like_json(text.encode()):
        json = "is JSON, which is not read: ask the utility for CSV, XLSX or Green Button XML"
        return Found(member, Kind.UNKNOWN, True, _refused(json), file)
    if "\0" in text:
        binary = "is neither text nor XML, XLSX, ZIP or PDF: ask the utility for one of these"
        return Found(member, Kind.UNKNOWN, True, _refused(binary), file)
    return Found(member, Kind.INTERVAL_CSV, False, _table(name, file, zone, layouts), file)


def _green_button(file: BinaryIO, zone: ZoneInfo | None, meters: dict[str, Href] | None) -> Contents:
    return Contents(lambda: (ESPI, stream_green_button(file, zone, meters)))


def _table(name: str, file: BinaryIO, zone: ZoneInfo | None, layouts: Sequence[Layout]) -> Contents:
    def read() -> tuple[str, _Batches]:
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


def _names_espi(text: str) -> bool:
    return _ESPI.search(text) is not None


def _refused(what: str) -> Contents:
    return _raised(FormatError(f"The file {what}."))


def _raised(error: FormatError) -> Contents:
    def read() -> tuple[str, _Batches]:
        raise error

    return Contents(read)


def _only(*issues: Issue) -> Contents:
    return Contents(lambda: ("", issues))
