"""Rows out of a delimited text: whatever its encoding and delimiter, in bounded memory."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from itertools import chain, islice
from typing import BinaryIO, Protocol, TextIO, cast

from meterfarm.formats.errors import FormatError
from meterfarm.formats.sniff import looks_like_html
from meterfarm.formats.tables.remarks import Remarks

DELIMITERS = (",", ";", "\t", "|")
_LONGEST_LINE = 256 * 1024
_HEAD_BYTES = 4096
HEAD_LINES = 120
Rows = Iterator[tuple[int, Sequence[str]]]
DAMAGED = "The file is cut short or damaged: download it again."


class End(Protocol):
    """What is known of how a text ends, once its rows were read."""

    @property
    def is_cut(self) -> bool:
        """Whether its last line lacks its end."""

    @property
    def ends_quoted(self) -> bool:
        """Whether its last line ends with a whole quoted cell."""


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8 as Windows' western encoding has them, for exports of that kind."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("meterfarm-windows", _as_windows)


class Text:
    """Lines of a file, their number bounded by nothing and their length by 256 KiB.

    Raises:
        FormatError: At once, the file is empty, a web page or no text at all.
    """

    def __init__(self, file: BinaryIO) -> None:
        start = file.read(_HEAD_BYTES)
        if not start.strip(b"\x00\xef\xbb\xbf\xff\xfe \r\n\t"):
            raise FormatError("The file is empty: download it again.")
        if looks_like_html(start):
            raise FormatError(
                "The file is a web page (HTML) and no table: ask for CSV, XLSX or Green Button XML."
            )
        encoding = _encoding(start)
        errors = "strict" if encoding.startswith("utf-16") else "meterfarm-windows"
        whole = cast(BinaryIO, _Whole(start, file))
        text = TextIOWrapper(whole, encoding=encoding, errors=errors, newline="")
        self.last = ""
        self._lines = self._read(text)
        self.head = list(islice(self._lines, HEAD_LINES))

    def _read(self, text: TextIO) -> Iterator[str]:
        try:
            while line := text.readline(_LONGEST_LINE):
                if len(line) >= _LONGEST_LINE or "\x00" in line:
                    raise FormatError(DAMAGED)
                self.last = line
                yield line
        except UnicodeDecodeError as exc:
            raise FormatError(DAMAGED) from exc

    @property
    def is_cut(self) -> bool:
        """Whether the line read last lacks its end, or half of it where lines end with two characters."""
        return not self.last.endswith("\n" if self.head[0].endswith("\n") else ("\n", "\r"))

    @property
    def ends_quoted(self) -> bool:
        """Whether the line read last ends with a quoted cell that has its end."""
        return self.last.endswith('"')

    def head_rows(self, delimiter: str) -> Rows:
        """The first rows, as if the delimiter were this one."""
        try:
            yield from _numbered(iter(self.head), delimiter)
        except csv.Error:
            return

    def rows(self, delimiter: str, *, even: bool = True) -> Rows:
        """All rows, with their lines' numbers; if they are to be even, a shorter last line is refused."""
        before: tuple[int, Sequence[str]] = (0, ())
        last = before
        try:
            for row in _numbered(chain(self.head, self._lines), delimiter):
                if last[0]:
                    yield last
                before, last = last, row
        except csv.Error as exc:
            raise FormatError(DAMAGED) from exc
        if even and self.is_cut and len("".join(last[1]).strip()) > 0 and len(last[1]) < len(before[1]):
            raise FormatError(f"The file is cut short in line {last[0]}: download it again.")
        if last[0]:
            yield last


def _numbered(lines: Iterator[str], delimiter: str) -> Rows:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    for row in reader:
        yield reader.line_num, row


def _encoding(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = start[:200]
    if len(sample) > 3 and sample[1::2].count(0) > len(sample) // 3:
        return "utf-16-le"
    if len(sample) > 3 and sample[::2].count(0) > len(sample) // 3:
        return "utf-16-be"
    return "utf-8-sig"


class _Whole:
    """A file after its start was read, for TextIOWrapper."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start = start
        self._rest = rest
        self.closed = False

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def read1(self, size: int = -1) -> bytes:
        return self.read(size)

    def read(self, size: int = -1) -> bytes:
        if self._start:
            start, self._start = self._start, b""
            return start
        return self._rest.read(size)

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Whoever opened the file closes it."""


_DIGIT, _LETTER = re.compile(r"\d", re.ASCII), re.compile(r"[^\W\d_]")


def check_end(
    end: End, before: Sequence[str], last: Sequence[str], remarks: Remarks, *, ends_bare: bool
) -> None:
    """A file that is cut off ends amid a line, and may do so where all cells look well.

    ``before`` and ``last`` are its last two rows; ``ends_bare``: such files lack the last line's end.
    """
    if not end.is_cut:
        return
    whole = _is_whole(before, last, quoted=end.ends_quoted)
    if whole and ends_bare:
        remarks.ends_bare()
    else:
        remarks.cut(whole=whole)


def _is_whole(before: Sequence[str], last: Sequence[str], *, quoted: bool) -> bool:
    """Whether its last cell is as long and of the same shape as the one in the row above, ``before``.

    A stamp that rows write alike cannot have lost its end; a number or a word can, unless it is ``quoted``.
    """
    if not last or len(last) != len(before):
        return False
    shape = _shape(last[-1])
    return quoted or (shape == _shape(before[-1]) and bool(shape.strip("9a.")))


def _shape(text: str) -> str:
    return _LETTER.sub("a", _DIGIT.sub("9", text.strip()))
