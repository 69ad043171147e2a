"""Speculoos Power's printed sheets: its colours and its logo."""

import math
from datetime import date

from meterfarm.fake_utility.kit.sheet import Colour, Sheet

PLUM: Colour = (51, 36, 63)
CRUST: Colour = (143, 74, 29)
BISCUIT: Colour = (181, 103, 45)
PAPER: Colour = (251, 246, 238)
CREAM: Colour = (255, 244, 223)
STEEL: Colour = (63, 111, 143)


class Paper(Sheet):
    """A sheet of Speculoos Power."""

    def __init__(self, title: str, dated: date) -> None:
        super().__init__(title, dated, "Speculoos Power")

    def logo(self, x: float, y: float, size: float) -> None:
        """The biscuit with the bolt, its middle at (x, y)."""
        unit = size / 48
        for place in range(16):
            angle = 2 * math.pi * place / 16
            self.disc(x + 18.6 * unit * math.cos(angle), y + 18.6 * unit * math.sin(angle), 4 * unit, BISCUIT)
        self.disc(x, y, 19 * unit, BISCUIT)
        bolt = ((26.5, 10), (15, 27), (22.2, 27), (20.6, 38), (33, 20.4), (25.4, 20.4))
        self.shape([(x + (px - 24) * unit, y + (py - 24) * unit) for px, py in bolt], CREAM)
