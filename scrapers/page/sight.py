"""What a browser page shows: the declared signs on it, also while it loads, navigates or changes in place."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Frame, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from meterfarm.scrapers.outcomes import Sign

T = TypeVar("T")
_NAVIGATES = re.compile(
    r"context was destroyed|Cannot find context|because of a navigation|page is navigating"
    r"|[Ff]rame (was|got) detached|navigated or closed|interrupted by another navigation"
)
_STEADY_SECONDS = 10.0
_MARGIN_SECONDS = 5.0
_BREATH = 0.01
_LONGEST_TEXT = 200_000

_READ = """
  const squeeze = text => (text || "").replace(/\\s+/g, " ").trim();
  const read = () => {
    const roots = [document];
    for (const root of roots)
      for (const element of root.querySelectorAll("*"))
        if (element.shadowRoot) roots.push(element.shadowRoot);
    const headings = roots.flatMap(root => [...root.querySelectorAll("h1, h2")])
      .filter(heading => heading.checkVisibility()).map(heading => squeeze(heading.textContent));
    const shadows = roots.slice(1).flatMap(root => [...root.children].map(child => child.innerText));
    const text = squeeze([document.body && document.body.innerText, ...shadows].join(" "));
    return {path: location.pathname, headings, text, document: performance.timeOrigin};
  };
"""
_LOOK = f"""async ({{signs, known, eager, milliseconds}}) => {{
  {_READ}
  const shown = () => {{
    if (document.readyState === "loading" && !eager) return [];
    const page = read();
    return signs.flatMap((sign, number) =>
      (!sign.path || new RegExp(sign.path).test(page.path)) &&
      (!sign.heading || page.headings.includes(sign.heading)) &&
      (!sign.text || page.text.includes(sign.text)) ? [number] : []);
  }};
  const until = performance.now() + milliseconds;
  for (;;) {{
    const now = shown();
    if (now.join() !== known.join() || performance.now() >= until)
      return {{shown: now, document: performance.timeOrigin}};
    await new Promise(done => setTimeout(done, 50));
  }}
}}"""
_SNAPSHOT = (
    f"longest => {{ {_READ} const page = read(); return {{...page, text: page.text.slice(0, longest)}}; }}"
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a document showed at one moment; ``document`` is another number for each document."""

    path: str = ""
    headings: Sequence[str] = ()
    text: str = ""
    document: float = -1.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """The numbers of the signs that were shown, in order, and the document that showed them."""

    shown: Sequence[int]
    document: float


@dataclass(slots=True)
class Sight:
    """Looks at one page. ``before`` is what it showed before the last press: signs that stood there then and
    did not go away since are stale, as long as it is the same document. ``gone`` are those that went."""

    page: Page | Frame
    before: Snapshot = Snapshot()
    gone: set[Sign] = field(default_factory=set)

    async def remember(self) -> None:
        """Take down what is shown now, before a press."""
        self.gone = set()
        found = await steady(self.page, lambda: self.page.evaluate(_SNAPSHOT, _LONGEST_TEXT))
        self.before = Snapshot(**found)

    async def look(
        self, signs: Sequence[Sign], known: Sequence[int], seconds: float, *, eager: bool = False
    ) -> Sighting | None:
        """Which of ``signs`` are shown, as soon as these are others than ``known`` and after ``seconds`` at
        the latest; of a document that still loads none are, unless ``eager``. None while the page navigates
        or does not answer.
        """
        looks = [{"path": sign.path, "heading": sign.heading, "text": sign.text} for sign in signs]
        asked = {"signs": looks, "known": list(known), "eager": eager, "milliseconds": seconds * 1000}
        try:
            async with asyncio.timeout(seconds + _MARGIN_SECONDS):
                found = await self.page.evaluate(_LOOK, asked)
        except TimeoutError:
            return None
        except PlaywrightError as exc:
            if not is_navigating(exc):
                raise
            await asyncio.sleep(_BREATH)
            return None
        seen = Sighting(found["shown"], found["document"])
        self.gone |= {sign for number, sign in enumerate(signs) if number not in seen.shown}
        return seen

    def fresh(self, signs: Sequence[Sign], seen: Sighting) -> Sign | None:
        """The first sign that is shown and did not stand there before the press."""
        return next((signs[number] for number in seen.shown if not self._is_stale(signs[number], seen)), None)

    def is_same_document(self, seen: Sighting) -> bool:
        """Whether the page still shows the document that was looked at."""
        return seen.document == self.before.document

    def _is_stale(self, sign: Sign, seen: Sighting) -> bool:
        before = self.before
        if not self.is_same_document(seen) or sign in self.gone:
            return False
        return sign.fits(path=before.path, headings=before.headings, text=before.text)


def is_navigating(error: PlaywrightError) -> bool:
    """Whether something was asked of a document that was just leaving: the next can be asked again."""
    return _NAVIGATES.search(str(error)) is not None


async def steady(
    page: Page | Frame,
    ask: Callable[[], Awaitable[T]],
    seconds: float = _STEADY_SECONDS,
    now: Callable[[], float] = time.monotonic,
) -> T:
    """What ``ask`` gives, asked again while the page navigates."""
    until = now() + seconds
    while True:
        try:
            return await ask()
        except PlaywrightError as exc:
            left = until - now()
            if left <= 0 or not is_navigating(exc):
                raise
            with suppress(PlaywrightTimeout):
                await page.wait_for_load_state("domcontentloaded", timeout=left * 1000)
            await asyncio.sleep(_BREATH)
