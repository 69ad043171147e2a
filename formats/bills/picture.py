"""Pages of a PDF as pictures, with boxes around words, and a legend beside them."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pypdfium2

from meterfarm.formats.bills.places import Mark
from meterfarm.formats.bills.words import PageText
from meterfarm.formats.errors import FormatError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

_SCALE = 1.7
"""Dots of a point, about 122 an inch: print of 6 points can be read."""
_LONGEST = 1_700
"""Dots of a page's longer side at most, however large the page is."""
_COLOURS = 160
"""Of the picture: a third of the bytes."""
_LEGEND = 520
_MOST_LINES = 150
_PAD, _LEADING = 18, 21
_TEXT, _SMALL, _TITLE = 16, 13, 21
_LETTERS = 62
_INK, _DIM, _RULE, _PAPER = "#1a202c", "#5a6675", "#cbd5e0", "#f7f9fb"


class Tagged(NamedTuple):
    """A mark with its colour and the text beside its box, "" for none."""

    mark: Mark
    colour: str
    tag: str = ""


class LegendLine(NamedTuple):
    """A line of the legend, broken where it is too long. ``number`` is that of a tag, "" for none."""

    text: str
    colour: str = _INK
    number: str = ""
    heading: bool = False
    small: bool = False


def drawn_page(
    document: pypdfium2.PdfDocument, page: PageText, tagged: Sequence[Tagged], legend: Sequence[LegendLine]
) -> Image:
    """A page with its marks, and the legend right of it.

    Raises:
        FormatError: the page cannot be drawn.
    """
    from PIL import Image as images
    from PIL import ImageDraw as drawing

    try:
        scale = min(_SCALE, _LONGEST / max(page.width, page.height))
        rendered = document[page.number - 1]
        bitmap = rendered.render(scale=scale)
        picture = bitmap.to_pil().convert("RGB")
        place = _placing(page, scale, bitmap.get_posconv(rendered))
        boxes = [place(mark[3:]) for mark, _, _ in tagged]
        words = [place(word[:4]) for line in page.lines for cell in line.cells for word in cell.words]
        rendered.close()
    except pypdfium2.PdfiumError as exc:
        raise FormatError(f"Page {page.number} of the PDF cannot be drawn: download it again.") from exc
    lines = list(_broken(legend))[:_MOST_LINES]
    tall = max(picture.height, 2 * _PAD + sum(_height(each) for each in lines))
    whole = images.new("RGB", (picture.width + _LEGEND, tall), _PAPER)
    whole.paste(picture, (0, 0))
    draw = drawing.Draw(whole, "RGBA")
    draw.line([(picture.width, 0), (picture.width, tall)], fill=_RULE, width=2)
    _boxes(draw, tagged, boxes, words, picture.width)
    _legend(draw, lines, picture.width + _PAD)
    return whole.quantize(_COLOURS)


_Box = tuple[float, float, float, float]


def _boxes(
    draw: ImageDraw, tagged: Sequence[Tagged], boxes: Sequence[_Box], words: Sequence[_Box], width: int
) -> None:
    for (_, colour, _), box in zip(tagged, boxes, strict=True):
        draw.rectangle(box, outline=colour, width=2, fill=f"{colour}22")
    taken = [*boxes, *words]
    font = _font(_SMALL)
    for (_, colour, tag), box in zip(tagged, boxes, strict=True):
        if not tag:
            continue
        rooms = [
            (*_room(draw.textlength(text, font=font) + 8, box, taken, width), text)
            for text in dict.fromkeys((tag, tag.partition(" ")[0]))
        ]
        _, room, text = min(rooms, key=lambda each: each[0])
        draw.rounded_rectangle(room, radius=3, fill=colour)
        draw.text((room[0] + 4, room[1]), text, fill="white", font=font)
        taken.append(room)


def _placing(page: PageText, scale: float, seen: pypdfium2.PdfPosConv) -> Callable[[_Box], _Box]:
    """From a place on the page to the box around it in the picture, which is the turned crop box of the page.

    Recognised words stand where they were seen.
    """

    def dots(x: float, y: float) -> tuple[float, float]:
        return (x * scale, (page.height - y) * scale) if page.has_pictures else seen.to_bitmap(x, y)

    def box(place: _Box) -> _Box:
        (x, y), (other_x, other_y) = dots(*place[:2]), dots(*place[2:])
        return min(x, other_x) - 3, min(y, other_y) - 2, max(x, other_x) + 3, max(y, other_y) + 2

    return box


def _room(wide: float, box: _Box, taken: Sequence[_Box], width: int) -> tuple[float, _Box]:
    """Where a tag goes: beside its box, where it hides least of others; and how much that is."""
    left, top, right, bottom = box
    tall = _SMALL + 4.0
    middle = (top + bottom - tall) / 2
    places = [
        *((left - wide - 1, middle), (right + 1, middle), (left, top - tall - 1), (left, bottom + 1)),
        *((right - wide, top - tall - 1), (right - wide, bottom + 1)),
    ]
    rooms = [(x, y, x + wide, y + tall) for x, y in places]

    def hides(room: _Box) -> float:
        outside = room[0] < 0 or room[2] > width or room[1] < 0
        return 1e6 * outside + sum(_overlap(room, other) for other in taken)

    best = min(rooms, key=hides)
    return hides(best), best


def _overlap(one: _Box, other: _Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0) * max(down, 0)


def _broken(legend: Sequence[LegendLine]) -> Sequence[LegendLine]:
    found: list[LegendLine] = []
    for line in legend:
        letters = _LETTERS - (12 if line.heading else 0) + (10 if line.small else 0)
        parts = textwrap.wrap(_plain(line.text), letters - (4 if line.number else 0)) or [""]
        found.append(line._replace(text=parts[0]))
        found += [line._replace(text=part, number=" " if line.number else "") for part in parts[1:]]
    return found


def _height(line: LegendLine) -> int:
    return _LEADING + 18 if line.heading else _LEADING - 3 if line.small else _LEADING


def _legend(draw: ImageDraw, lines: Sequence[LegendLine], left: int) -> None:
    top = _PAD
    for line in lines:
        size = _TITLE if line.heading else _SMALL if line.small else _TEXT
        at = top + (8 if line.heading else 0)
        shift = 0
        if line.number.strip():
            font = _font(_SMALL)
            wide = max(draw.textlength(line.number, font=font) + 8, 24)
            draw.rounded_rectangle((left, at, left + wide, at + _SMALL + 5), radius=3, fill=line.colour)
            draw.text((left + 4, at + 1), line.number, fill="white", font=font)
        if line.number:
            shift = 34
        colour = _DIM if line.small else _INK if line.number or line.heading else line.colour
        draw.text((left + shift, at), line.text, fill=colour, font=_font(size))
        top += _height(line)


def _plain(text: str) -> str:
    """What Pillow's own font has letters for: the page beside it shows how it is written."""
    bare = unicodedata.normalize("NFKD", text.translate(_INSTEAD)).encode("ascii", "ignore")
    return bare.decode() or "?"


_INSTEAD = str.maketrans({"€": "EUR", "£": "GBP ", "ß": "ss", "“": '"', "”": '"'})


def _font(size: int) -> ImageFont | FreeTypeFont:
    from PIL import ImageFont as fonts

    return fonts.load_default(size)
