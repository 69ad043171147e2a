"""A printed sheet: text and shapes in points on US Letter."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

from fpdf import FPDF

WIDTH, HEIGHT = 612.0, 792.0
LEFT, RIGHT = 40.0, 572.0

Colour = tuple[int, int, int]
INK: Colour = (43, 34, 51)
SOFT: Colour = (106, 96, 114)
LINE: Colour = (222, 208, 190)
WHITE: Colour = (255, 255, 255)

Align = Literal["left", "right", "center"]


class Sheet:
    """The bytes depend only on what is drawn and on `dated`: a document printed twice is the same file.

    `author` is the company. Ink and lines have its colours, if it has any.
    """

    ink: Colour = INK
    soft: Colour = SOFT
    rule: Colour = LINE

    def __init__(self, title: str, dated: date, author: str) -> None:
        self._pdf: Any = FPDF(unit="pt", format="letter")
        self._pdf.set_auto_page_break(False)
        self._pdf.set_creation_date(datetime(dated.year, dated.month, dated.day, 6, tzinfo=UTC))
        self._pdf.set_title(title)
        self._pdf.set_author(author)
        self._pdf.set_producer(f"{author} billing")
        self._pdf.set_lang("en-US")

    def page(self) -> None:
        """Begin a page."""
        self._pdf.add_page()

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 9,
        *,
        bold: bool = False,
        colour: Colour | None = None,
        align: Align = "left",
        font: str = "helvetica",
    ) -> None:
        """`y` is the baseline; `x` the left end, the right end or the middle, by `align`."""
        self._pdf.set_font(font, "B" if bold else "", size)
        self._pdf.set_text_color(*(colour or self.ink))
        if align != "left":
            width = self._pdf.get_string_width(words)
            x -= width if align == "right" else width / 2
        self._pdf.text(x, y, words)

    def row(
        self,
        y: float,
        label: str,
        value: str,
        *,
        left: float,
        right: float,
        size: float = 9,
        bold: bool = False,
    ) -> None:
        """A label, and its value at the right end of the same line."""
        self.text(left, y, label, size, bold=bold)
        self.text(right, y, value, size, bold=bold, align="right")

    def box(
        self, x: float, y: float, width: float, height: float, fill: Colour | None, edge: Colour | None = None
    ) -> None:
        """A rectangle."""
        if fill:
            self._pdf.set_fill_color(*fill)
        if edge:
            self._pdf.set_draw_color(*edge)
            self._pdf.set_line_width(0.7)
        self._pdf.rect(x, y, width, height, style=("D" if edge else "") + ("F" if fill else ""))

    def line(self, y: float, left: float = LEFT, right: float = RIGHT, *, dashed: bool = False) -> None:
        """A line across the page."""
        self._pdf.set_draw_color(*(self.soft if dashed else self.rule))
        self._pdf.set_line_width(0.7)
        if dashed:
            self._pdf.set_dash_pattern(dash=4, gap=3)
        self._pdf.line(left, y, right, y)
        if dashed:
            self._pdf.set_dash_pattern()

    def shape(self, points: Sequence[tuple[float, float]], fill: Colour) -> None:
        """A filled polygon."""
        self._pdf.set_fill_color(*fill)
        self._pdf.polygon(points, style="F")

    def disc(self, x: float, y: float, radius: float, fill: Colour) -> None:
        """A filled circle."""
        self._pdf.set_fill_color(*fill)
        self._pdf.ellipse(x - radius, y - radius, 2 * radius, 2 * radius, style="F")

    def output(self) -> bytes:
        """The PDF's bytes."""
        return bytes(self._pdf.output())
