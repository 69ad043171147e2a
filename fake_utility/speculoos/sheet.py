"""A printed sheet: text and shapes in points on US Letter, in the portal's colours."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

from fpdf import FPDF

WIDTH, HEIGHT = 612.0, 792.0
LEFT, RIGHT = 40.0, 572.0

Colour = tuple[int, int, int]
INK: Colour = (43, 34, 51)
SOFT: Colour = (106, 96, 114)
PLUM: Colour = (51, 36, 63)
CRUST: Colour = (143, 74, 29)
BISCUIT: Colour = (181, 103, 45)
PAPER: Colour = (251, 246, 238)
LINE: Colour = (222, 208, 190)
CREAM: Colour = (255, 244, 223)
STEEL: Colour = (63, 111, 143)
WHITE: Colour = (255, 255, 255)

Align = Literal["left", "right", "center"]


class Sheet:
    """The bytes depend only on what is drawn and on `dated`: a document printed twice is the same file."""

    def __init__(self, title: str, dated: date) -> None:
        self._pdf: Any = FPDF(unit="pt", format="letter")
        self._pdf.set_auto_page_break(False)
        self._pdf.set_creation_date(datetime(dated.year, dated.month, dated.day, 6, tzinfo=UTC))
        self._pdf.set_title(title)
        self._pdf.set_author("Speculoos Power")
        self._pdf.set_producer("Speculoos Power billing")
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
        colour: Colour = INK,
        align: Align = "left",
        font: str = "helvetica",
    ) -> None:
        """`y` is the baseline; `x` the left end, the right end or the middle, by `align`."""
        self._pdf.set_font(font, "B" if bold else "", size)
        self._pdf.set_text_color(*colour)
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
        self._pdf.set_draw_color(*(SOFT if dashed else LINE))
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

    def logo(self, x: float, y: float, size: float) -> None:
        """The biscuit with the bolt, its middle at (x, y)."""
        unit = size / 48
        for place in range(16):
            angle = 2 * math.pi * place / 16
            self.disc(x + 18.6 * unit * math.cos(angle), y + 18.6 * unit * math.sin(angle), 4 * unit, BISCUIT)
        self.disc(x, y, 19 * unit, BISCUIT)
        bolt = ((26.5, 10), (15, 27), (22.2, 27), (20.6, 38), (33, 20.4), (25.4, 20.4))
        self.shape([(x + (px - 24) * unit, y + (py - 24) * unit) for px, py in bolt], CREAM)

    def output(self) -> bytes:
        """The PDF's bytes."""
        return bytes(self._pdf.output())
