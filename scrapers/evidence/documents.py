"""The HTML that a browser shows, with its open shadow trees; of a page, its frames, and other windows."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Frame, Page

LONGEST_HTML = 2_000_000
LONGEST_OTHER = 500_000
MARGIN = 10_000
"""Characters beyond the longest HTML: a secret at its edge is found whole before it is cut."""
MOST_ELEMENTS = 50_000
_MOST_OTHERS = 10
_AROUND_SECONDS = 3.0
_ONE_SECONDS = 1.0

_HTML = """limits => {
  const roots = [document];
  let count = 0;
  for (const root of roots) {
    const elements = root.querySelectorAll("*");
    if ((count += elements.length) > limits.elements) return null;
    for (const element of elements) if (element.shadowRoot) roots.push(element.shadowRoot);
  }
  const doctype = document.doctype ? new XMLSerializer().serializeToString(document.doctype) : "";
  const html = document.documentElement, inner = html.getHTML({shadowRoots: roots.slice(1)});
  const shell = html.cloneNode(false).outerHTML, end = shell.lastIndexOf("</");
  return (doctype + shell.slice(0, end) + inner + shell.slice(end)).slice(0, limits.characters);
}"""


async def html_of(frame: Frame, longest: int) -> str | None:
    """A document as it is now, cut after ``longest`` characters and a margin; None for too many elements.

    Raises:
        playwright.async_api.Error: it does not say.
    """
    limits = {"elements": MOST_ELEMENTS, "characters": longest + MARGIN}
    html: str | None = await frame.evaluate(_HTML, limits)
    return html and html.encode("utf-8", "replace").decode()  # a script may leave half a character


async def look_around(page: Page, seen: dict[str, str]) -> None:
    """Enter into ``seen``, by the names of their files, the frames of the page, and the windows that are open
    beside it with theirs, as far as they answer."""
    frames = [("frame", frame) for frame in page.frames[1:]]
    windows = [window for window in page.context.pages if window is not page]
    frames += [("window", frame) for window in windows for frame in window.frames]
    with suppress(TimeoutError):
        async with asyncio.timeout(_AROUND_SECONDS):
            for number, (kind, frame) in enumerate(frames[:_MOST_OTHERS], start=1):
                if html := await other_html(frame):
                    seen[f"{kind}-{number}.html"] = html


async def other_html(frame: Frame) -> str:
    """A document beside the page's, below the path of its address; "" for one that does not answer."""
    with suppress(PlaywrightError, TimeoutError):
        async with asyncio.timeout(_ONE_SECONDS):
            html = await html_of(frame, LONGEST_OTHER)
            path = urlsplit(frame.url).path.replace("--", "- -")
            return f"<!-- {path} -->\n{html or ''}"
    return ""
