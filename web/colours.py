"""A company's colour on our pages, adapted so that text and edges can be seen: WCAG 2.2, level AA. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Rgb = tuple[int, int, int]
LIGHT_CARD, DARK_CARD = "#ffffff", "#1a211e"
"""``--card`` of ``static/site.css``: what the colour is seen on."""
TEXT, EDGE = 4.5, 3.0
"""The least contrast that text needs, and the edge of something to press."""
_BLACK, _WHITE = "#000000", "#ffffff"
_STEPS = 40
_TINT = 0.1


@dataclass(frozen=True, slots=True)
class Accent:
    """The colour in one theme. ``button`` has ``on_button`` written on it and ``edge`` around it; ``text`` is
    for links, marks and the focus; ``tint`` lies behind it."""

    button: str
    on_button: str
    edge: str
    text: str
    tint: str


def accent(colour: str, *, dark: bool) -> Accent:
    """What a theme makes of a colour as #0b6b4f: the button keeps it, unless a dark page would swallow it."""
    card, away = (DARK_CARD, _WHITE) if dark else (LIGHT_CARD, _BLACK)
    button = _seen(colour, card, EDGE, away) if dark else colour
    on_button = max((_BLACK, _WHITE), key=lambda text: contrast(text, button))
    tint = _mixed(card, colour, _TINT)
    text = _seen(colour, card, TEXT, away)
    return Accent(button, on_button, _seen(button, card, EDGE, away), _seen(text, tint, TEXT, away), tint)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _seen(colour: str, card: str, least: float, away: str) -> str:
    """The colour, as little nearer to black or white as gives the contrast."""
    return next(each for each in _towards(colour, away) if contrast(each, card) >= least)


def _towards(colour: str, away: str) -> Iterator[str]:
    return (_mixed(colour, away, step / _STEPS) for step in range(_STEPS + 1))


def _mixed(one: str, other: str, share: float) -> str:
    mixed = (round(a + (b - a) * share) for a, b in zip(_rgb(one), _rgb(other), strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _luminance(colour: str) -> float:
    parts = [part / 255 for part in _rgb(colour)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
