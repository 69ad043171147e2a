"""The text of a PDF, and whether a file is one at all.

PDFium is not thread-safe, not even over different documents: call this module from one thread of a process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ctypes import Array, c_ushort
from typing import NamedTuple

import pypdfium2
from pypdfium2 import raw

from meterfarm.formats.errors import Encrypted, FormatError
from meterfarm.formats.sniff import looks_like_html

_TAIL = 2048
_SAME_LINE = 0.5  # of the lower box's height: how far two boxes of one line overlap at least
_SAME_WORD = 0.22  # of the higher box: how far two boxes of one word stand apart at most


class _Box(NamedTuple):
    """A run of text and its place in points, from the page's lower left corner."""

    left: float
    bottom: float
    right: float
    top: float
    text: str


def check_pdf(content: bytes) -> None:
    """Raise FormatError unless ``content`` is a whole PDF with a page; Encrypted if it wants a password."""
    with opened(content):
        pass


def pdf_text(content: bytes) -> list[str]:
    """A text for each page: its visual lines from top to bottom, each from left to right, blanks collapsed.

    Raises:
        FormatError: As ``check_pdf``, or a page cannot be read.
    """
    with opened(content) as document:
        return ["\n".join(_lines(_boxes(document, number))) for number in range(len(document))]


@contextmanager
def opened(pdf: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """The document of a PDF that is whole. Raises FormatError, Encrypted, as ``check_pdf``."""
    if not pdf.strip():
        raise FormatError("The PDF is empty: download it again.")
    if looks_like_html(pdf):
        raise FormatError("The file is a web page instead of a PDF: download it again.")
    if b"%PDF-" not in pdf[:1024]:
        raise FormatError("The file is not a PDF: check what the portal offers there.")
    if b"%%EOF" not in pdf[-_TAIL:]:
        raise FormatError("The PDF is cut short, its end is missing: download it again.")
    try:
        document = pypdfium2.PdfDocument(pdf)
    except pypdfium2.PdfiumError as exc:
        # PDFium's code may be that of an earlier failure: it gives none for a document without pages.
        if exc.err_code == raw.FPDF_ERR_PASSWORD and b"/Encrypt" in pdf:
            raise Encrypted("The PDF is encrypted: it opens only with a password.") from exc
        raise FormatError("The PDF is damaged or has no pages: download it again.") from exc
    try:
        yield document
    finally:
        document.close()


def _boxes(document: pypdfium2.PdfDocument, number: int) -> list[_Box]:
    try:
        page = document[number].get_textpage()
        buffer = (c_ushort * (2 * page.count_chars() + 1))()
        return [_box(page, page.get_rect(index), buffer) for index in range(page.count_rects())]
    except pypdfium2.PdfiumError as exc:
        raise FormatError(f"Page {number + 1} of the PDF is damaged: download it again.") from exc


def _box(
    page: pypdfium2.PdfTextPage, corners: tuple[float, float, float, float], buffer: Array[c_ushort]
) -> _Box:
    """The characters within ``corners``, by one call into PDFium where pypdfium2's own method makes two."""
    left, bottom, right, top = corners
    length = raw.FPDFText_GetBoundedText(page, left, top, right, bottom, buffer, len(buffer))
    text = memoryview(buffer)[:length].tobytes().decode("utf-16-le", errors="replace")
    return _Box(left, bottom, right, top, text.rstrip("\0"))


def _lines(boxes: Iterable[_Box]) -> Iterator[str]:
    line: list[_Box] = []
    for box in sorted(boxes, key=lambda each: each.bottom + each.top, reverse=True):
        if line and not _on_one_line(line[0], box):
            yield _joined(line)
            line = []
        line.append(box)
    if line:
        yield _joined(line)


def _on_one_line(one: _Box, other: _Box) -> bool:
    overlap = min(one.top, other.top) - max(one.bottom, other.bottom)
    return overlap > _SAME_LINE * min(one.top - one.bottom, other.top - other.bottom)


def _joined(line: list[_Box]) -> str:
    first, *others = sorted(line)
    text, last = first.text, first
    for box in others:
        height = max(box.top - box.bottom, last.top - last.bottom)
        text += (" " if box.left - last.right > _SAME_WORD * height else "") + box.text
        last = box
    return " ".join(text.split())
