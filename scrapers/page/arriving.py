"""What a page has turned into: a declared sign, a status that says it, or a page that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import SIGNED_OUT, Sign, Stop, stop_for_sign, stop_for_status
from meterfarm.scrapers.page.access import Access
from meterfarm.scrapers.page.sight import steady
from meterfarm.scrapers.page.window import PageWindow
from meterfarm.support.logs import safe_for_the_run

_MOST_SOUGHT, _MOST_NAMED = 50, 5
_IS_EMPTY = """() => !document.body || !(document.body.innerText.trim() ||
  document.body.querySelector("img, svg, canvas, input, button, iframe, object, embed, video"))"""


class Arriving:
    """Of one page. ``known`` are the signs that were asked for so far."""

    def __init__(self, access: Access) -> None:
        self.known: dict[Sign, None] = {}
        self._access = access
        self._shared = access.shared

    async def arrive(self, signs: Sequence[Sign]) -> Sign:
        """See ``BrowserPage``."""
        async with self._access.turn():
            return await self._arrived(await self._access.window(), signs)

    async def _arrived(self, window: PageWindow, signs: Sequence[Sign]) -> Sign:
        self._shared.register("")
        self.known.update(dict.fromkeys(signs))
        outcomes = [sign for sign in self._shared.portal.signs if isinstance(sign.means, Outcome)]
        unasked = [sign for sign in self._shared.portal.signs if sign not in (*outcomes, *signs)]
        declared = [*signs, *outcomes, *unasked]
        settle, limit = self._shared.portal.settle_seconds, self._shared.clock.timeouts.navigation
        with window.boundary("looking at the page"):
            found = await window.watch.first_sign(declared, settle, limit, unasked)
        means = found.means if found else None
        self._shared.note("page.recognised", path=urlsplit(window.page.url).path, means=means)
        if found is None:
            raise await self._stop_for_unknown(window, signs)
        if found not in signs and (meant := self._access.declared_by(found)) is not None:
            raise meant
        if (stop := stop_for_sign(self._shared.portal.name, found)) is not None:
            raise stop
        return found

    def _stop_by_status(self, window: PageWindow) -> Stop | None:
        answer = (
            window.landed
            if window.watch.reactions.arrived
            else window.watch.reactions.answer or window.landed
        )
        status, headers = (answer.status, answer.headers) if answer else (200, {})
        return stop_for_status(self._shared.portal.name, status, headers.get("retry-after"))

    async def _stop_for_unknown(self, window: PageWindow, sought: Sequence[Sign]) -> Stop:
        page = window.page
        by_status = self._stop_by_status(window)
        with window.rules.errors("looking at the page"):
            title = safe_for_the_run(await steady(page, page.title, now=self._shared.clock.now), 100)
            is_empty = await steady(page, partial(page.evaluate, _IS_EMPTY), now=self._shared.clock.now)
        if window.downloaded and not by_status:
            file = urlsplit(window.downloaded).path
            return Stop(
                Outcome.UNKNOWN_PAGE,
                f"{self._shared.portal.name} sends a file ({file}) where its script awaits a page; the "
                "script needs mending.",
            )
        path = safe_for_the_run(urlsplit(window.page.url).path, 200)
        looked_for = [sign.look for sign in dict.fromkeys((*sought, *self._shared.portal.signs))]
        self._shared.note("page.unknown", path=path, title=title, looked_for=looked_for[:_MOST_SOUGHT])
        names = ", ".join(dict.fromkeys(f"“{sign.means}”" for sign in sought[:_MOST_NAMED]))
        instead = f", not {names}" if names else ""
        what = (
            f"an empty page at {path}{instead}"
            if is_empty
            else f"a page that its script does not know (“{title}” at {path}{instead})"
        )
        return by_status or Stop(
            Outcome.UNKNOWN_PAGE, f"{self._shared.portal.name} shows {what}; the script needs mending."
        )

    async def until(self, window: PageWindow, awaited: Sequence[Sign], found: Sign | None) -> Sign:
        """The first of the signs that comes after a press that has led on, or led to ``found``."""
        outcomes = [sign for sign in self._shared.portal.signs if isinstance(sign.means, Outcome)]
        signed_out = [sign for sign in self._shared.portal.signs if sign.means == SIGNED_OUT]
        until = self._shared.clock.now() + self._shared.clock.timeouts.navigation
        while found is None or found not in awaited:
            if found in signed_out and (meant := self._access.declared_by(found)) is not None:
                raise meant
            left = until - self._shared.clock.now()
            if left <= 0:
                raise await self._stop_for_unknown(window, awaited)
            with window.boundary("looking at the page"):
                found = await window.watch.first_sign(
                    [*awaited, *outcomes, *signed_out], self._shared.portal.settle_seconds, left, signed_out
                )
            if (stop := stop_for_sign(self._shared.portal.name, found) if found else None) is not None:
                raise stop
            if found is None and (by_status := self._stop_by_status(window)) is not None:
                raise by_status
        return found
