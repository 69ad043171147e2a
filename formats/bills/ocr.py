"""The words in the pictures of a PDF, by RapidOCR: an optional extra that has its models in its wheel."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from math import sqrt
from typing import Any, NamedTuple

import pypdfium2

from meterfarm.formats.bills.pdf import opened
from meterfarm.formats.bills.words import PageText, Word, lines_of
from meterfarm.formats.errors import FormatError

MOST_PAGES = 6
MOST_SECONDS = 120.0
"""A page takes some seconds of a core."""
_DOTS_PER_POINT = 150 / 72
_MOST_DOTS = 8_000_000
"""Of a page's picture; a page of A3 has half as many. A larger one is drawn smaller."""
_SURE = 0.6
"""How certain a line has to be, of 1, to be looked at at all."""


def is_installed() -> bool:
    """Whether the extra ``ocr`` is."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR  # type: ignore[import-not-found,unused-ignore]

    one_core = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "Global.log_level": "critical"}
    return RapidOCR(params=one_core)


def recognised_pages(pdf: bytes) -> Iterator[PageText]:
    """The first pages of a PDF as they look, with the words that are recognised.

    Raises:
        FormatError: it is no whole PDF, it wants a password (Encrypted), or a page cannot be drawn.
    """
    for number, picture in enumerate(page_pictures(pdf), start=1):
        found = _engine()(picture.dots)
        lines = zip(found.boxes, found.txts, found.scores, strict=True) if len(found) else ()
        words = [
            word
            for corners, text, sure in lines
            if float(sure) >= _SURE
            for word in _words([(float(x), float(y)) for x, y in corners], str(text), picture)
        ]
        yield PageText(number, picture.width, picture.height, list(lines_of(words, number)), True)


class PagePicture(NamedTuple):
    """A page as it looks; its size in points, and how many dots of its picture a point has."""

    width: float
    height: float
    scale: float
    dots: Any


def page_pictures(pdf: bytes) -> Iterator[PagePicture]:
    """The first pages, each drawn when it is asked for, as long as there is time. Raises FormatError."""
    until = time.monotonic() + MOST_SECONDS
    with opened(pdf) as document:
        for index in range(min(len(document), MOST_PAGES)):
            if time.monotonic() > until:
                return
            try:
                yield _picture(document, index)
            except pypdfium2.PdfiumError as exc:
                raise FormatError(f"Page {index + 1} of the PDF is damaged: download it again.") from exc


def _picture(document: pypdfium2.PdfDocument, index: int) -> PagePicture:
    page = document[index]
    width, height = page.get_size()
    scale = min(_DOTS_PER_POINT, sqrt(_MOST_DOTS / max(width * height, 1)))
    dots = page.render(scale=scale, grayscale=False).to_numpy()
    page.close()
    return PagePicture(width, height, scale, dots)


def _words(corners: Sequence[tuple[float, float]], text: str, picture: PagePicture) -> Iterator[Word]:
    """A recognised line as words: each has as much of its width as of its characters."""
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    top, bottom = min(y for _, y in corners), max(y for _, y in corners)
    each = (right - left) / max(len(text), 1)
    at = 0
    for part in text.split(" "):
        if part:
            begin, end = left + each * at, left + each * (at + len(part))
            yield Word(
                begin / picture.scale,
                picture.height - bottom / picture.scale,
                end / picture.scale,
                picture.height - top / picture.scale,
                part,
            )
        at += len(part) + 1
