"""The pictures of pages that are recognised: bounded, and of a damaged page a sentence."""

from __future__ import annotations

import re

import pytest
from fpdf import FPDF

from meterfarm.formats.bills.ocr import page_pictures
from meterfarm.formats.errors import FormatError


def _pdf(width: float, height: float) -> bytes:
    made = FPDF(unit="pt", format=(width, height))
    made.add_page()
    made.rect(10, 10, 50, 50, style="F")
    return bytes(made.output())


@pytest.mark.parametrize(("width", "height"), [(612, 792), (14_400, 14_400), (14_400, 3)])
def test_the_picture_of_a_page_is_bounded_however_large_the_page_is(width: float, height: float) -> None:
    (picture,) = page_pictures(_pdf(width, height))
    assert (picture.width, picture.height) == (width, height)
    rows, columns, *_ = picture.dots.shape
    assert rows * columns < 8_200_000
    assert columns == pytest.approx(width * picture.scale, abs=2)
    assert rows == pytest.approx(height * picture.scale, abs=2)


def test_a_page_that_cannot_be_drawn_is_a_sentence() -> None:
    lost = re.sub(rb"/Kids \[\d+ 0 R", b"/Kids [9 0 R", _pdf(612, 792), count=1)
    with pytest.raises(FormatError, match=r"^Page 1 of the PDF is damaged: download it again\.$"):
        list(page_pictures(lost))
