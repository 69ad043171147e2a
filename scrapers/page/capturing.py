"""Pressing a control that hands over a file, and waiting for it."""

from __future__ import annotations

import asyncio
from typing import Any

from meterfarm.records import Document, Outcome
from meterfarm.scrapers.http.body import Limit
from meterfarm.scrapers.outcomes import SIGNED_OUT, ItemFailed
from meterfarm.scrapers.page.access import Access
from meterfarm.scrapers.page.capture import HandOver
from meterfarm.scrapers.page.control import Control
from meterfarm.scrapers.page.pressing import Pressing
from meterfarm.scrapers.page.window import PageWindow

_LOOK_SECONDS = 0.1
_QUIET_SECONDS = 1.5
"""So long after a script has got a file it may yet hand it over."""


class Capturing:
    """Of one page."""

    def __init__(self, access: Access, pressing: Pressing) -> None:
        self._access = access
        self._pressing = pressing
        self._shared = access.shared

    async def capture(self, control: Control, limit: Limit) -> Document:
        """See ``BrowserPage.download``."""
        async with self._access.turn():
            window = await self._access.window()
            with window.rules.errors(f"downloading by {control.what}"):
                async with HandOver(window, limit, self._shared.scratch) as hand_over:
                    pressing = asyncio.ensure_future(self._pressing.pressed(window, control, ()))
                    try:
                        document = await self._handed_over(window, hand_over, pressing, limit, control.what)
                    finally:
                        pressing.cancel()
                        await asyncio.wait({pressing})
                        if not pressing.cancelled():
                            pressing.exception()
        self._shared.note("file.captured", bytes=len(document.content))
        return document

    async def _handed_over(
        self, window: PageWindow, hand_over: HandOver, pressing: asyncio.Task[Any], limit: Limit, what: str
    ) -> Document:
        now, nothing = self._shared.clock.now, 2 * self._shared.clock.timeouts.in_place
        until, looks_at, portal = now() + limit.seconds, 0.0, self._shared.portal.name
        waiting: set[asyncio.Future[Any]] = {hand_over.file, pressing}
        while not hand_over.file.done():
            await asyncio.wait(waiting, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if pressing.done() and pressing in waiting and not hand_over.file.done():
                waiting.discard(pressing)
                stop = pressing.exception()
                if stop is not None and not hand_over.fetched:
                    raise await self._instead(window, hand_over) or stop
            quiet = now() - max(hand_over.last, window.watch.reactions.last)
            is_still = not (hand_over.is_busy or window.watch.reactions.waits)
            is_quiet = is_still and quiet > _QUIET_SECONDS and not hand_over.file.done()
            if is_quiet and now() > looks_at:
                await hand_over.look_closer()  # a script may have made a file of what it has got
                if hand_over.fetched and not hand_over.file.done():
                    return hand_over.fetched[-1]
                looks_at = now() + _QUIET_SECONDS
            elif ((is_quiet and quiet > nothing) or now() > until) and not hand_over.file.done():
                nothing_came = f"{portal} hands over no file after {what} was pressed."
                raise await self._instead(window, hand_over) or ItemFailed(nothing_came)
        return hand_over.file.result()

    async def _instead(self, window: PageWindow, hand_over: HandOver) -> Exception | None:
        """What the page, or a window that it opened, says instead of handing over a file."""
        portal = self._shared.portal
        outcomes = [sign for sign in portal.signs if isinstance(sign.means, Outcome)]
        signed_out = [sign for sign in portal.signs if sign.means == SIGNED_OUT]
        found = await window.watch.first_sign([*outcomes, *signed_out], 0, _LOOK_SECONDS)
        if (declared := self._access.declared_by(found)) is not None:
            return declared
        refused = next((answers.refused for answers in hand_over.answers if answers.refused), None)
        if refused is not None:
            return ItemFailed(f"{portal.name} answers HTTP {refused[0]} to {refused[1]}.")
        return None
