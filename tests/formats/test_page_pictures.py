"""The pages of a PDF as one picture: whole, of one width, and bounded whatever the PDF is made for."""

from __future__ import annotations

import io
import zlib
from itertools import pairwise

import pytest
from fpdf import FPDF
from PIL import Image, ImageChops

from meterfarm.formats.bills.page_pictures import pages_picture
from meterfarm.formats.bills.pages_child import BETWEEN, MOST_PAGES, TALLEST, WIDTH
from meterfarm.formats.bills.pdf import opened
from meterfarm.formats.errors import FormatError
from tests.services.printed import PDF, printed

LETTER = 1346


def _drawn(pdf: bytes) -> Image.Image:
    return Image.open(io.BytesIO(pages_picture(pdf))).convert("RGB")


def _of_pages(count: int, wide: float = 612, tall: float = 792) -> bytes:
    made = FPDF(unit="pt", format=(wide, tall))
    for _ in range(count):
        made.add_page()
        made.set_fill_color(200, 0, 0)
        made.rect(0, 0, wide, tall, style="F")
    return bytes(made.output())


def _document(*objects: bytes) -> bytes:
    """A PDF of these objects, the first its catalogue."""
    text = b"%PDF-1.7\n"
    places = []
    for number, each in enumerate(objects, start=1):
        places.append(len(text))
        text += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n" % (len(objects) + 1, len(text))
    return text + head + table + trailer + b"%%EOF\n"


def _stream(words: bytes, content: bytes) -> bytes:
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (words, len(content), content)


def _page(resources: bytes, content: bytes, *more: bytes) -> bytes:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << %b >> >>"
    return _document(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page % resources,
        _stream(b"", content),
        *more,
    )


def test_a_bill_is_drawn_as_it_looks() -> None:
    drawn = _drawn(PDF)
    assert drawn.size == (WIDTH, 2 * LETTER + BETWEEN)
    with opened(PDF) as document:
        second = document[1].render(scale=WIDTH / 612).to_pil().convert("RGB")
    shown = drawn.crop((0, LETTER + BETWEEN, WIDTH, drawn.height))
    assert ImageChops.difference(shown, second.crop((0, 0, WIDTH, LETTER))).getbbox() is None


def test_pages_stand_below_each_other_and_ten_are_drawn() -> None:
    two = _drawn(_of_pages(2))
    assert two.size == (WIDTH, 2 * LETTER + BETWEEN)
    colours = [two.getpixel((500, row)) for row in range(two.height)]
    assert sum(one != other for one, other in pairwise(colours)) == 2
    assert _drawn(_of_pages(MOST_PAGES + 3)).height == MOST_PAGES * (LETTER + BETWEEN) - BETWEEN


@pytest.mark.parametrize(("wide", "tall"), [(14_400, 14_400), (10, 14_400), (14_400, 10), (3, 3)])
def test_no_size_of_a_page_makes_a_larger_picture(wide: int, tall: int) -> None:
    drawn = _drawn(_of_pages(1, wide, tall))
    assert drawn.width == WIDTH
    assert 1 <= drawn.height <= TALLEST


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7 cut", PDF[:2000], printed("x", password="secret")])
def test_what_cannot_be_opened_is_refused(pdf: bytes) -> None:
    with pytest.raises(FormatError, match="damaged or encrypted"):
        pages_picture(pdf)


def test_a_page_that_takes_hours_is_given_up() -> None:
    """A form that draws another a hundred times, which draws another a hundred times, and so on."""
    ways = [b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /XObject << /F %d 0 R >> >>"]
    forms = [_stream(ways[0] % (6 + level), b"/F Do " * 100) for level in range(6)]
    last = _stream(b"/Type /XObject /Subtype /Form /BBox [0 0 612 792]", b"0 0 600 700 re f " * 100)
    laughs = _page(b"/XObject << /F 5 0 R >>", b"/F Do", *forms, last)
    with pytest.raises(FormatError, match="more memory or time"):
        pages_picture(laughs, seconds=1)


def test_a_picture_that_would_take_all_memory_is_left_out() -> None:
    words = b"/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /BitsPerComponent 8"
    words += b" /ColorSpace /DeviceRGB /Filter /FlateDecode"
    packed = zlib.compress(bytes(1_000_000))
    bomb = _page(
        b"/XObject << /I 5 0 R >>",
        b"612 0 0 792 0 0 cm /I Do",
        _stream(words, packed),
    )
    assert _drawn(bomb).size == (WIDTH, LETTER)
