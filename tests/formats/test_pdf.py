"""PDF text keeps visual lines together; what is no whole PDF is named for what it is."""

from __future__ import annotations

from io import BytesIO

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from pypdfium2 import PdfDocument

from meterfarm.formats.bills.pdf import check_pdf, pdf_text
from meterfarm.formats.errors import FormatError


def printed(pages: int = 1, password: str | None = None, owner: str = "owner") -> bytes:
    pdf = FPDF()
    if password is not None:
        pdf.set_encryption(owner, password)
    for number in range(1, pages + 1):
        pdf.add_page()
        _cell(pdf, 10, 20, "Account number", size=9)
        _cell(pdf, 120, 60, "Amount due", style="B", size=14)
        _cell(pdf, 70, 20.4, "123456789012345", style="B", size=11)
        _cell(pdf, 160, 60.3, "-$12.34", size=10)
        _cell(pdf, 10, 25, f"Page {number} of {pages}", size=9)
        _cell(pdf, 10, 26 + 4, "gypsy", size=9)
    return bytes(pdf.output())


def _cell(pdf: FPDF, left: float, top: float, text: str, *, style: str = "", size: int) -> None:
    pdf.set_font("helvetica", style=style, size=size)
    pdf.set_xy(left, top)
    pdf.cell(40, 5, text)


WHOLE = printed()


def without_pages() -> bytes:
    file = BytesIO()
    document = PdfDocument.new()
    document.save(file)
    document.close()
    return file.getvalue()


def test_label_and_value_stand_on_one_line_whatever_their_fonts_and_the_order_of_drawing() -> None:
    assert pdf_text(printed(2)) == [
        f"Account number 123456789012345\nPage {number} of 2\ngypsy\nAmount due -$12.34" for number in (1, 2)
    ]


def test_a_word_that_changes_font_stays_one_word() -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=10)
    pdf.text(20, 20, "Specu")
    right = 20 + pdf.get_string_width("Specu")
    pdf.set_font("helvetica", style="B", size=10)
    pdf.text(right, 20, "loos Power")
    assert pdf_text(bytes(pdf.output())) == ["Speculoos Power"]


def test_an_empty_page_has_an_empty_text() -> None:
    pdf = FPDF()
    pdf.add_page()
    assert pdf_text(bytes(pdf.output())) == [""]


def test_a_pdf_that_only_forbids_printing_is_read() -> None:
    assert "Account number" in pdf_text(printed(password=""))[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"<!DOCTYPE html><html></html>", "a web page instead of a PDF"),
        (b"  <html><body>%PDF-</body></html>", "a web page instead of a PDF"),
        (b'{"error": "gone"}', "not a PDF"),
        (WHOLE[: len(WHOLE) // 2], "cut short"),
        (b"%PDF-1.7\nnothing\n%%EOF", "damaged"),
        (printed(password="secret"), "encrypted"),
        (without_pages(), "no pages"),
    ],
)
def test_broken_files_are_refused_in_one_sentence(content: bytes, sentence: str) -> None:
    for reader in (check_pdf, pdf_text):
        with pytest.raises(FormatError, match=sentence) as caught:
            reader(content)
        assert len(str(caught.value)) < 120


def test_a_whole_pdf_passes() -> None:
    check_pdf(WHOLE)
    check_pdf(b"\n" + WHOLE + b"\n\n")


@given(st.integers(0, WHOLE.rindex(b"%%EOF") + 4))
def test_a_file_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(FormatError):
        check_pdf(WHOLE[:length])


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=12))
def test_damage_never_raises_anything_else(place: int, damage: bytes) -> None:
    try:
        pages = pdf_text(WHOLE[:place] + damage + WHOLE[place + len(damage) :])
    except FormatError:
        return
    assert len(pages) == 1
