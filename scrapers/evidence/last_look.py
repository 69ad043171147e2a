"""What a page shows at the end of a failed run: its HTML, and a picture if there is no secret to be seen.

The HTML has the open shadow trees, and that of frames and other windows is kept beside it.

All of it is bounded, in time and size: a page may grow without end, or answer no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from playwright.async_api import CDPSession, FloatRect, Frame, Locator, Page
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.evidence.documents import LONGEST_HTML, MOST_ELEMENTS, html_of, look_around
from meterfarm.support.redact import Secrets

_MOST_FRAMES = 20
_WIDEST, _HIGHEST = 2_000, 6_000
_PICTURE_MS = 8_000
_BLANK_MS = 500
_TEXT_NODE = 3
_NEVER_DRAWN = frozenset({"META", "SCRIPT", "STYLE", "LINK", "BASE"})

_SIZE = """() => [Math.max(document.documentElement.scrollWidth, innerWidth),
  Math.max(document.documentElement.scrollHeight, innerHeight)]"""
_BLANK = "field => { field.value = ''; }"


@dataclass(slots=True)
class PageEvidence:
    """``html`` is not scrubbed yet, and ``others`` neither: frames and windows by the names of their files.
    ``left_out`` says of what is missing why."""

    html: str = ""
    others: dict[str, str] = field(default_factory=dict)
    picture: bytes = b""
    left_out: str = ""


async def look(page: Page, filled: Sequence[Locator], secrets: Secrets, seen: PageEvidence) -> None:
    """Enter into ``seen`` what the page shows, as far as it comes; who calls sets the limit of time."""
    html = await html_of(page.main_frame, LONGEST_HTML)
    await look_around(page, seen.others)
    if html is None:
        seen.left_out = f"the page has more than {MOST_ELEMENTS:,} elements"
        return
    seen.html = html
    await _blank(filled)
    if await _shows_a_secret(page, secrets):
        seen.left_out = "no picture: a secret is to be seen in it"
        return
    width, height = await page.evaluate(_SIZE)
    clip: FloatRect = {"x": 0, "y": 0, "width": min(width, _WIDEST), "height": min(height, _HIGHEST)}
    seen.picture = await page.screenshot(mask=filled, full_page=True, clip=clip, timeout=_PICTURE_MS)


async def _blank(filled: Sequence[Locator]) -> None:
    """Nothing more is done with the page: what was typed need not stand in it, nor be in the picture."""
    for each in filled[-_MOST_FRAMES:]:
        with suppress(PlaywrightError):
            if await each.count() == 1:
                await each.evaluate(_BLANK, timeout=_BLANK_MS)


async def _shows_a_secret(page: Page, secrets: Secrets) -> bool:
    """Whether any of the page's texts, values and attributes has one, in shadow trees and frames too.

    The browser lists what there is, so that no script of the page learns what is looked for.
    """
    frames = page.frames
    if len(frames) > _MOST_FRAMES:
        return True
    parts: list[Page | Frame] = [page, *frames[1:]]
    for frame in parts:
        session = await _session(page, frame)
        if session is None:
            continue
        try:
            found = await session.send("DOMSnapshot.captureSnapshot", {"computedStyles": []})
        finally:
            with suppress(PlaywrightError):
                await session.detach()
        if any(secrets.holds(text) for text in _texts(found)):
            return True
    return False


async def _session(page: Page, frame: Page | Frame) -> CDPSession | None:
    """A line to the frame; None for one that lives in its parent's process, and is seen there."""
    try:
        return await page.context.new_cdp_session(frame)
    except PlaywrightError:
        if frame is page:
            raise
        return None


def _texts(found: dict[str, Any]) -> Iterator[str]:
    """Values, attributes and texts of each document, then its texts one after the other: they may be split.

    Not what no picture shows, where portals keep tokens that are cookies too: hidden fields, scripts, and
    what the head says of the page.
    """
    strings: Sequence[str] = found["strings"]
    for document in found["documents"]:
        nodes, shown = document["nodes"], document["layout"]["text"]
        hidden = {number for number in range(len(nodes["nodeName"])) if _is_hidden(strings, nodes, number)}
        seen = [number for number in range(len(nodes["nodeName"])) if number not in hidden]
        fields = dict(zip(nodes["inputValue"]["index"], nodes["inputValue"]["value"], strict=True))
        values = [fields[number] for number in fields.keys() - hidden]
        texts = [
            nodes["nodeValue"][number]
            for number in seen
            if nodes["nodeType"][number] == _TEXT_NODE and nodes["parentIndex"][number] not in hidden
        ]
        attributes = chain.from_iterable(nodes["attributes"][number] for number in seen)
        yield "\n".join(
            _strings(strings, chain(texts, values, nodes["textValue"]["value"], attributes, shown))
        )
        yield "".join(_strings(strings, texts))
        yield "".join(_strings(strings, shown))


def _is_hidden(strings: Sequence[str], nodes: dict[str, Any], number: int) -> bool:
    """Whether an element is a hidden field, or one that is never drawn."""
    name = strings[nodes["nodeName"][number]].upper()
    if name != "INPUT":
        return name in _NEVER_DRAWN
    texts = [strings[each].casefold() for each in nodes["attributes"][number] if each >= 0]
    return dict(zip(texts[::2], texts[1::2], strict=False)).get("type") == "hidden"


def _strings(strings: Sequence[str], numbers: Iterable[int]) -> Iterator[str]:
    return (strings[number] for number in numbers if number >= 0)
