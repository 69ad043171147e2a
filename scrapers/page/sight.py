"""What a browser page shows: the declared signs on it, also while it loads, navigates or changes in place.

They are looked for in the page and in its frames that are to be seen, in open shadow roots too. Of a sign
that stood there when a control was pressed it is known whether it was written again since.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Frame, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from meterfarm.scrapers.outcomes import Sign
from meterfarm.scrapers.page.looking import LOOK, REMEMBER

T = TypeVar("T")
_NAVIGATES = re.compile(
    r"context was destroyed|Cannot find context|because of a navigation|page is navigating"
    r"|[Ff]rame (was|got) detached|navigated or closed|interrupted by another navigation"
)
_STEADY_SECONDS = 10.0
_MARGIN_SECONDS = 5.0
_FRAME_SECONDS = 0.5
"""For all frames together: one with a script that does not yield keeps nobody from seeing the others."""
_MOST_FRAMES = 12
_BREATH = 0.01
_LONGEST_TEXT = 200_000
_LONGEST_URL = 10_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a document showed at one moment; ``document`` is another number for each document."""

    url: str = ""
    headings: Sequence[str] = ()
    text: str = ""
    roles: Sequence[tuple[str, str]] = ()
    document: float = -1.0

    def shows(self, sign: Sign) -> bool:
        """Whether ``sign`` was to be seen in it, whatever its address."""
        return sign.is_shown(headings=self.headings, text=self.text, roles=self.roles)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of some signs, by their numbers: those that are ``shown``, in order, those of them that
    are ``new`` since the press, and when the others were last written ``again`` (epoch milliseconds).

    ``document`` is the page's own; ``known`` is what the next look compares with.
    """

    shown: Sequence[int]
    new: Sequence[int]
    again: Mapping[int, float]
    document: float
    known: Sequence[str]


@dataclass(slots=True)
class Sight:
    """Looks at one page. ``before`` is what it and its frames showed before the last press: signs that stood
    there then and did not go away since are stale, as long as it is the same document. ``gone`` are those
    that went. Frames are looked into if their address ``is_allowed``.
    """

    page: Page
    is_allowed: Callable[[str], bool] = bool
    before: Mapping[Frame, Snapshot] = field(default_factory=dict)
    gone: set[Sign] = field(default_factory=set)

    async def remember(self) -> None:
        """Take down what is shown now, before a press."""
        self.gone = set()
        main = self.page.main_frame
        found = await steady(self.page, lambda: main.evaluate(REMEMBER, _LONGEST_TEXT))
        in_frames, _ = await self._of_frames(lambda frame: frame.evaluate(REMEMBER, _LONGEST_TEXT))
        self.before = {frame: _snapshot(seen) for frame, seen in {main: found, **in_frames}.items()}

    async def look(
        self, signs: Sequence[Sign], known: Sequence[str], seconds: float, *, eager: bool = False
    ) -> Sighting | None:
        """Which of ``signs`` are shown, as soon as something else is to be seen than in the sighting that is
        ``known``, and after ``seconds`` at the latest; of a document that still loads none are, unless
        ``eager``. None while the page navigates or does not answer.
        """
        main = self.page.main_frame
        in_frames, is_whole = await self._of_frames(
            lambda frame: frame.evaluate(LOOK, self._asked(frame, signs, eager=eager))
        )
        asked = self._asked(main, signs, eager=eager)
        if known and [seen["key"] for seen in in_frames.values()] == list(known[1:]):
            asked |= {"known": known[0], "milliseconds": seconds * 1000}
        try:
            async with asyncio.timeout(seconds + _MARGIN_SECONDS):
                found = await main.evaluate(LOOK, asked)
                seen = await self._sighting(signs, {main: found, **in_frames})
        except TimeoutError:
            return None
        except PlaywrightError as exc:
            if not is_navigating(exc):
                raise
            await asyncio.sleep(_BREATH)
            return None
        if is_whole:
            self.gone |= {sign for number, sign in enumerate(signs) if number not in seen.shown}
        return seen

    def fresh(self, signs: Sequence[Sign], seen: Sighting) -> Sign | None:
        """The first sign that is shown and did not stand there before the press."""
        return next((signs[number] for number in seen.shown if number in seen.new), None)

    def renewed(self, signs: Sequence[Sign], seen: Sighting, since: float) -> Sign | None:
        """The first sign with a text or role that was written again after ``since`` (epoch milliseconds)."""
        return next((signs[number] for number in seen.shown if seen.again.get(number, 0.0) > since), None)

    def is_same_document(self, seen: Sighting) -> bool:
        """Whether the page still shows the document that was looked at."""
        before = self.before.get(self.page.main_frame)
        return before is not None and seen.document == before.document

    def _asked(self, frame: Frame, signs: Sequence[Sign], *, eager: bool) -> dict[str, Any]:
        before = self.before.get(frame, Snapshot())
        return {
            "signs": [
                {"heading": sign.heading, "text": sign.text, "role": sign.role, "gone": sign.gone}
                for sign in signs
            ],
            "old": [
                number for number, sign in enumerate(signs) if (sign.text or sign.role) and before.shows(sign)
            ],
            "document": before.document,
            "known": "",
            "eager": eager,
            "milliseconds": 0,
        }

    async def _sighting(self, signs: Sequence[Sign], places: Mapping[Frame, dict[str, Any]]) -> Sighting:
        """What the page and its frames show together."""
        main = self.page.main_frame
        held = {number for seen in places.values() for number in seen["held"]}
        new: dict[int, bool] = {}
        again: dict[int, float] = {}
        for frame, seen in places.items():
            page_url = None if frame is main else places[main]["url"]
            here = [
                number
                for number in seen["shown"]
                if number not in held and _is_at(signs[number], seen["url"], page_url)
            ]
            if here and await _is_seen(frame):
                for number in here:
                    new[number] = new.get(number, False) or not self._is_stale(frame, seen, signs[number])
                    again[number] = max(again.get(number, 0.0), seen["again"].get(str(number), 0.0))
        return Sighting(
            sorted(new),
            [number for number, is_new in new.items() if is_new],
            again,
            places[main]["document"],
            [seen["key"] for seen in places.values()],
        )

    def _is_stale(self, frame: Frame, seen: Mapping[str, Any], sign: Sign) -> bool:
        before = self.before.get(frame)
        if before is None or before.document != seen["document"] or sign in self.gone:
            return False
        main = self.page.main_frame
        page_url = None if frame is main else self.before[main].url
        return before.shows(sign) and _is_at(sign, before.url, page_url)

    async def _of_frames(self, ask: Callable[[Frame], Awaitable[Any]]) -> tuple[dict[Frame, Any], bool]:
        """What the frames within the page give, and whether all did; a page without any costs nothing."""
        frames = [frame for frame in self.page.frames[1:] if self.is_allowed(frame.url)][:_MOST_FRAMES]
        if not frames:
            return {}, True
        asking = {frame: asyncio.ensure_future(ask(frame)) for frame in frames}
        try:
            await asyncio.wait(asking.values(), timeout=_FRAME_SECONDS)
        finally:
            for asked in asking.values():
                asked.cancel()
        came = {
            frame: asked.result()
            for frame, asked in asking.items()
            if asked.done() and not asked.cancelled() and asked.exception() is None
        }
        return came, len(came) == len(frames)


def _snapshot(seen: Mapping[str, Any]) -> Snapshot:
    roles = [(role, name) for role, name in seen["roles"]]
    return Snapshot(seen["url"], seen["headings"], seen["text"], roles, seen["document"])


def _is_at(sign: Sign, url: str, page_url: str | None) -> bool:
    """Whether the address is the sign's. What a frame shows may go by its page's address as well (then
    ``page_url``); a frame that shows nothing of the sign has to be on its host, or any ``/`` would do.
    """
    if sign.pointer:
        return False
    if page_url is None or (sign.host and not sign.is_of_content):
        return _fits(sign, url)
    return sign.is_of_content and (_fits(sign, url) or _fits(sign, page_url))


def _fits(sign: Sign, url: str) -> bool:
    parts = urlsplit(url[:_LONGEST_URL])
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return sign.is_at(host=parts.hostname or "", path=parts.path, fragment=fragment)


async def _is_seen(frame: Frame) -> bool:
    """Whether a person sees it: portals renew their sessions in frames that nobody sees."""
    with suppress(PlaywrightError, TimeoutError):
        async with asyncio.timeout(_FRAME_SECONDS):
            while (parent := frame.parent_frame) is not None:
                if not await (await frame.frame_element()).is_visible():
                    return False
                frame = parent
            return True
    return False


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
