"""A company's colour on our pages, adapted so that text and edges can be seen: WCAG 2.2, level AA. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass

Rgb = tuple[int, int, int]
LIGHT_CARD, DARK_CARD = "#ffffff", "#1a211e"
"""``--card`` of ``static/site.css``: what the colour is seen on."""
TEXT, EDGE = 4.5, 3.0
"""The least contrast that text needs, and the edge of something to press."""
_BLACK, _WHITE = "#000000", "#ffffff"
_STEPS = 40
_TINT = 0.12


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
    card = DARK_CARD if dark else LIGHT_CARD
    button = _seen(colour, card, EDGE, dark) if dark else colour
    on_button = max((_BLACK, _WHITE), key=lambda text: contrast(text, button))
    text = _seen(colour, card, TEXT, dark)
    tint = _mixed(card, text, _TINT)
    return Accent(button, on_button, _seen(button, card, EDGE, dark), _seen(text, tint, TEXT, dark), tint)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _seen(colour: str, card: str, least: float, dark: bool) -> str:
    """The colour, only so much lighter (on a dark card) or darker that it has the contrast."""
    return next(each for each in _shades(colour, dark) if contrast(each, card) >= least)


def _shades(colour: str, lighter: bool) -> Iterator[str]:
    hue, lightness, saturation = rgb_to_hls(*(part / 255 for part in _rgb(colour)))
    end = 1.0 if lighter else 0.0
    yield colour
    for step in range(1, _STEPS + 1):
        parts = hls_to_rgb(hue, lightness + (end - lightness) * step / _STEPS, saturation)
        yield _hex(round(255 * part) for part in parts)


def _mixed(one: str, other: str, share: float) -> str:
    return _hex(round(a + (b - a) * share) for a, b in zip(_rgb(one), _rgb(other), strict=True))


def _hex(parts: Iterable[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in parts)


def _luminance(colour: str) -> float:
    parts = [part / 255 for part in _rgb(colour)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
