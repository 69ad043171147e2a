"""The words of a PDF with their places on the page, in lines and cells, as the eye groups them.

PDFium is not thread-safe, not even over different documents: call this module from one thread of a process.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from ctypes import byref, c_ushort
from typing import NamedTuple

import pypdfium2
from pypdfium2 import raw

from meterfarm.formats.bills.pdf import opened
from meterfarm.formats.errors import FormatError

MOST_PAGES = 400
MOST_CHARACTERS = 60_000
"""Of one page; a page of small print has some 8,000."""
MOST_SECONDS = 30.0
_SAME_WORD = 0.20  # of the height: how far characters of one word stand apart at most
_OVERPRINTED = 0.22  # of the height: how far a character may reach back over the one before it
_SAME_LINE = 0.5  # of the lower height: how far words of one line overlap at least
_SAME_CELL = 1.1  # of the height: how far words of one cell stand apart at most
_SMALLEST, _HIGHEST = 2.0, 90.0


class Word(NamedTuple):
    """Characters without a blank, and their place in points from the page's lower left corner."""

    left: float
    bottom: float
    right: float
    top: float
    text: str

    @property
    def height(self) -> float:
        """Of the font, roughly."""
        return self.top - self.bottom

    @property
    def middle(self) -> float:
        """Half way up."""
        return (self.top + self.bottom) / 2


class TextCell(NamedTuple):
    """Words of a line that stand close together."""

    left: float
    bottom: float
    right: float
    top: float
    text: str
    words: Sequence[Word]


class TextLine(NamedTuple):
    """What stands at one height of a page, from left to right."""

    page: int
    cells: Sequence[TextCell]
    text: str

    @property
    def middle(self) -> float:
        """The height at which it stands."""
        return (self.cells[0].top + self.cells[0].bottom) / 2


class PageText(NamedTuple):
    """A page: its number from 1, its size in points, and its lines from top to bottom."""

    number: int
    width: float
    height: float
    lines: Sequence[TextLine]
    has_pictures: bool = False


def pages_of(pdf: bytes) -> Iterator[PageText]:
    """The pages of a PDF, each read when it is asked for.

    Raises:
        FormatError: it is no whole PDF, it wants a password (Encrypted), a page cannot be read, or it has
            more pages or text than a bill has.
    """
    until = time.monotonic() + MOST_SECONDS
    with opened(pdf) as document:
        if len(document) > MOST_PAGES:
            raise FormatError(f"The PDF has {len(document)} pages, more than {MOST_PAGES}: split it.")
        for index in range(len(document)):
            if time.monotonic() > until:
                raise FormatError(f"Reading the PDF took more than {MOST_SECONDS:g} s: split it.")
            yield _page(document, index)


def _page(document: pypdfium2.PdfDocument, index: int) -> PageText:
    try:
        page = document[index]
        text = page.get_textpage()
        count = text.count_chars()
        if count > MOST_CHARACTERS:
            raise FormatError(f"Page {index + 1} has more text than a bill has: {count} characters.")
        words = list(_words(text, count))
        pictures = not words and any(
            raw.FPDFPageObj_GetType(raw.FPDFPage_GetObject(page, place)) == raw.FPDF_PAGEOBJ_IMAGE
            for place in range(min(raw.FPDFPage_CountObjects(page), 200))
        )
        width, height = page.get_size()
        text.close()
        page.close()
    except pypdfium2.PdfiumError as exc:
        raise FormatError(f"Page {index + 1} of the PDF is damaged: download it again.") from exc
    return PageText(index + 1, width, height, list(lines_of(words, index + 1)), pictures)


def _words(text: pypdfium2.PdfTextPage, count: int) -> Iterator[Word]:
    """The words in the order of the file. What is printed twice, to look bold, is there once."""
    box, handle = raw.FS_RECTF(), text.raw
    box_of = raw.FPDFText_GetLooseCharBox
    pointer = byref(box)
    letters: list[str] = []
    left = bottom = right = top = last_left = 0.0
    seen: set[tuple[str, int, int]] = set()

    def is_new(text: str) -> bool:
        key = (text, round(left / 3), round(bottom / 3))
        return key not in seen and not seen.add(key)  # type: ignore[func-returns-value]

    for place, code in enumerate(_codes(handle, count)):
        if code <= 32 or code in _BLANKS:
            if letters:
                text_of = "".join(letters)
                letters.clear()
                if is_new(text_of):
                    yield Word(left, bottom, right, top, text_of)
            continue
        if code in _INVISIBLE or 0xD800 <= code < 0xE000 or not box_of(handle, place, pointer):
            continue
        x, y, x_end, y_end = box.left, box.bottom, box.right, box.top
        height = y_end - y
        if not _SMALLEST <= height <= _HIGHEST:
            continue
        char = chr(code)
        if letters:
            gap = x - right
            if y == bottom and y_end == top:
                on_line = True
            else:
                lower = min(height, top - bottom)
                on_line = min(top, y_end) - max(bottom, y) > _SAME_LINE * lower
            if on_line and char == letters[-1] and abs(x - last_left) < 0.12 * height:
                continue
            if not on_line or gap > _SAME_WORD * height or gap < -_OVERPRINTED * height:
                text_of = "".join(letters)
                letters.clear()
                if is_new(text_of):
                    yield Word(left, bottom, right, top, text_of)
        if not letters:
            left, bottom, top, right = x, y, y_end, x_end
        else:
            if y < bottom:
                bottom = y
            if y_end > top:
                top = y_end
            if x_end > right:
                right = x_end
        last_left = x
        letters.append(char if code < 0x60 else _PLAIN.get(char, char))
    if letters and is_new("".join(letters)):
        yield Word(left, bottom, right, top, "".join(letters))


def _codes(handle: object, count: int) -> Sequence[int]:
    """The code of each character: all at once, where none lacks one and none takes two units."""
    buffer = (c_ushort * (count + 1))()
    if raw.FPDFText_GetText(handle, 0, count, buffer) == count + 1:
        return buffer[:count]
    return [raw.FPDFText_GetUnicode(handle, place) for place in range(count)]


_BLANKS = frozenset({0x7F, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000})
_INVISIBLE = frozenset({0xAD, 0x200B, 0x200C, 0x200D, 0xFEFF, 0xFFFE, 0xFFFF})
_PLAIN = {
    **dict.fromkeys(map(chr, (0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212, 0xFE63, 0xFF0D)), "-"),
    **dict.fromkeys(map(chr, (0x2018, 0x2019, 0x201B, 0x02BC, 0x2032, 0x0060, 0x00B4)), "'"),
    **dict.fromkeys(map(chr, (0x201C, 0x201D, 0x201E, 0x201F, 0x2033)), '"'),
    chr(0xD7): "x",
    chr(0xFB00): "ff",
    chr(0xFB01): "fi",
    chr(0xFB02): "fl",
}
"""Dashes, quotation marks, the times sign and ligatures in plain characters."""


def lines_of(words: Iterable[Word], page: int) -> Iterator[TextLine]:
    """The lines of a page's words, from top to bottom."""
    ordered = sorted(words, key=lambda each: (-each.bottom - each.top, each.left))
    group: list[Word] = []
    for word in ordered:
        if group and not _on_one_line(group, word):
            yield _line(group, page)
            group = []
        group.append(word)
    if group:
        yield _line(group, page)


def _on_one_line(group: Sequence[Word], word: Word) -> bool:
    _, bottom, _, top, _ = word
    for _, other_bottom, _, other_top, _ in (group[-1], group[0]):
        if bottom == other_bottom and top == other_top:
            continue
        overlap = min(other_top, top) - max(other_bottom, bottom)
        lower = min(other_top - other_bottom, top - bottom)
        if overlap <= _SAME_LINE * lower or abs(other_top + other_bottom - top - bottom) > 1.2 * lower:
            return False
    return True


def _line(group: list[Word], page: int) -> TextLine:
    group.sort()
    cells: list[TextCell] = []
    current: list[Word] = []
    for word in group:
        if current:
            right = current[-1].right if len(current) < 2 else max(current[-1].right, current[-2].right)
            gap = word.left - right
            if gap > _SAME_CELL * max(min(word.height, current[-1].height), 4.0):
                cells.append(_cell(current))
                current = []
        current.append(word)
    cells.append(_cell(current))
    return TextLine(page, cells, " ".join(cell.text for cell in cells))


def _cell(words: Sequence[Word]) -> TextCell:
    return TextCell(
        words[0].left,
        min(each.bottom for each in words),
        max(each.right for each in words),
        max(each.top for each in words),
        " ".join(each.text for each in words),
        tuple(words),
    )
