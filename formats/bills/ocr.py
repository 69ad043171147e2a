"""The words in the pictures of a PDF, by RapidOCR: an optional extra, with its models in its wheel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

from meterfarm.formats.bills.pdf import opened
from meterfarm.formats.bills.words import PageText, Word, lines_of

MOST_PAGES = 6
MOST_SECONDS = 120.0
"""A page takes some seconds of a core."""
_DOTS_PER_POINT = 150 / 72
_SURE = 0.6
"""How certain a line has to be, of 1, to be looked at at all."""


def is_installed() -> bool:
    """Whether the extra ``ocr`` is."""
    return find_spec("rapidocr_onnxruntime") is not None


@cache
def _engine() -> Any:
    from rapidocr_onnxruntime import RapidOCR  # type: ignore[import-not-found,unused-ignore]

    return RapidOCR(intra_op_num_threads=1)


def recognised_pages(pdf: bytes) -> Iterator[PageText]:
    """The first pages of a PDF as they look, with the words that are recognised.

    Raises:
        FormatError: as ``words.pages_of``.
    """
    until = time.monotonic() + MOST_SECONDS
    with opened(pdf) as document:
        for index in range(min(len(document), MOST_PAGES)):
            if time.monotonic() > until:
                return
            page = document[index]
            width, height = page.get_size()
            picture = page.render(scale=_DOTS_PER_POINT, grayscale=False).to_numpy()
            found, _ = _engine()(picture)
            words = [
                word
                for corners, text, sure in found or ()
                if float(sure) >= _SURE
                for word in _words(corners, str(text), height)
            ]
            page.close()
            yield PageText(index + 1, width, height, list(lines_of(words, index + 1)), True)


def _words(corners: list[list[float]], text: str, height: float) -> Iterator[Word]:
    """A recognised line as words: each has as much of its width as of its characters."""
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    top, bottom = min(y for _, y in corners), max(y for _, y in corners)
    each = (right - left) / max(len(text), 1)
    at = 0
    for part in text.split(" "):
        if part:
            begin, end = left + each * at, left + each * (at + len(part))
            yield Word(
                begin / _DOTS_PER_POINT,
                height - bottom / _DOTS_PER_POINT,
                end / _DOTS_PER_POINT,
                height - top / _DOTS_PER_POINT,
                part,
            )
        at += len(part) + 1
