"""What becomes of a page that was opened, or on which a control was pressed.

What follows a press is a race: of declared signs, of answers, of navigations, and of the browser's own word
that it does not send the form. Signs are looked at before anything is called a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress

from playwright.async_api import BrowserContext, Locator, Page
from playwright.async_api import Error as PlaywrightError

from meterfarm.records import Outcome
from meterfarm.scrapers.boundaries import translated
from meterfarm.scrapers.clock import VisitClock
from meterfarm.scrapers.outcomes import SIGNED_OUT, Sign, Stop, stop_for_sign
from meterfarm.scrapers.page.json_answers import JsonAnswers
from meterfarm.scrapers.page.reactions import Reactions
from meterfarm.scrapers.page.refused_form import FormWatch
from meterfarm.scrapers.page.sight import Sight, Sighting, steady

_GLANCE_SECONDS = 0.25
_UNANSWERED_SECONDS = 1.0
_PLACES = 8
_PATIENCE, _MOST_PATIENCE = 10.0, 5.0
"""By how many times what looks are late a page has to rest longer, and for how many seconds at most: where
the machine is busy, so is the page, and its silence shows nothing yet."""


class Watch:
    """Watches one page. ``limit`` is in seconds, for whatever comes of a press or an address, as ``clock``
    counts them: not while our own limits hold the page's requests back."""

    def __init__(
        self,
        portal: str,
        context: BrowserContext,
        page: Page,
        is_allowed: Callable[[str], bool],
        clock: VisitClock,
    ) -> None:
        self.reactions = Reactions(context, page, is_allowed, clock.now)
        self._now = clock.now
        self._in_place_seconds = clock.timeouts.in_place
        self._portal = portal
        self._page = page
        self._sight = Sight(page, is_allowed)
        self._answers = JsonAnswers(page, is_allowed, self.reactions.changed.set)
        self._is_allowed = is_allowed
        self._in_place = self._is_refused = False
        self._doing = "opening a page"
        self._late = 0.0

    def opened(self) -> None:
        """The page is about to be opened anew."""
        self.reactions.opened()
        self._answers.forget()
        self._in_place = False

    async def will_be_typed_into(self, doing: str) -> None:
        """What comes of typing may be what comes of a press: some pages send a form when it is complete."""
        self._is_refused = False
        await self._sight.remember()
        self.reactions.pressed()
        self._answers.forget()
        self._in_place, self._doing = True, doing

    async def press(
        self,
        button: Locator,
        signs: Sequence[Sign],
        doing: str,
        limit: float,
        milliseconds: float,
        scrub: Callable[[str], str],
    ) -> Sign | None:
        """Press ``button`` and wait for what comes first; a sign that came up in place, or None.

        Raises:
            Stop: the browser refuses the form, what was asked broke off, or nothing comes of it.
            playwright.async_api.Error: the button could not be pressed.
        """
        self._is_refused = False
        await self._sight.remember()
        form = await steady(self._page, lambda: FormWatch.of(button, milliseconds), now=self._now)
        self.reactions.pressed()
        self._answers.forget()
        self._in_place, self._doing = True, doing
        unpressed: PlaywrightError | None = None
        try:
            await button.click(timeout=milliseconds)
        except PlaywrightError as exc:
            unpressed = exc
        return await self._reaction(signs, limit, form, unpressed, scrub)

    async def _reaction(
        self,
        signs: Sequence[Sign],
        limit: float,
        form: FormWatch,
        unpressed: PlaywrightError | None,
        scrub: Callable[[str], str],
    ) -> Sign | None:
        reactions, began = self.reactions, self._now()
        shown: Sequence[int] = ()
        async with aclosing(self._glances(signs, limit)) as glances:
            async for seen in glances:
                shown = seen.shown if seen is not None else shown
                if found := self._fresh(signs, seen):
                    return found
                if reactions.has_led_on:
                    refused = await self._refusal(form, scrub)
                    if refused is None:
                        return None
                    if reactions.is_quiet:
                        raise refused
                    continue
                elapsed = self._now() - began
                if elapsed < _UNANSWERED_SECONDS or reactions.waits:
                    continue
                if refused := await self._refusal(form, scrub):
                    raise refused
                if not reactions.sent and (unpressed is not None or elapsed >= self._in_place_seconds):
                    says = (signs[number] for number in shown)
                    if declared := next((sign for sign in says if isinstance(sign.means, Outcome)), None):
                        return declared
                if reactions.failure:
                    raise translated(self._portal, self._doing, reactions.failure)
                if unpressed is not None:
                    raise unpressed
        if reactions.has_led_on:
            return None
        if found := await self.sign_now(signs):
            return found
        raise self._came_to_nothing()

    async def _refusal(self, form: FormWatch, scrub: Callable[[str], str]) -> Stop | None:
        """How the run ends if the browser did not send the form, whatever else the page sent at the press."""
        refused = None if self.reactions.has_left else await form.stop(self._portal, scrub)
        self._is_refused = refused is not None
        return refused

    @property
    def has_sent(self) -> bool:
        """Whether the last press may have sent what was typed."""
        return bool(self.reactions.sent) and not self._is_refused

    def _came_to_nothing(self) -> Stop:
        late = f"{self._portal} did not answer in time while {self._doing}"
        if self.reactions.sent:
            return Stop(Outcome.PORTAL_DOWN, f"{late}.")
        return Stop(Outcome.LAYOUT_CHANGED, f"{late}, which sent nothing; the script needs mending.")

    async def declared(self, signs: Sequence[Sign]) -> Stop | None:
        """The end of the run that the page declares as it is now, even if it still loads."""
        found = await self.sign_now(signs)
        return stop_for_sign(self._portal, found) if found else None

    async def sign_now(self, signs: Sequence[Sign]) -> Sign | None:
        """The first of the signs that the page carries as it is now, even if it still loads."""
        with suppress(PlaywrightError):
            return self._fresh(signs, await self._sight.look(signs, (), 0, eager=True))
        return None

    async def first_sign(
        self, signs: Sequence[Sign], settle: float, limit: float, unasked: Sequence[Sign] = ()
    ) -> Sign | None:
        """The first of ``signs`` that the page carries, within ``settle`` seconds of what happened last.

        A sign that stood there before the press counts only when nothing else comes, and not after an error
        of the server's; one of ``unasked``, like that of the sign-in page shown anew, which may yet say why,
        when the page came to rest. None for a page that came to rest without any.

        Raises:
            Stop: an answer or a document that was awaited did not come.
        """
        reactions, began = self.reactions, self._now()
        last: Sighting | None = None
        async with aclosing(self._glances(signs, limit)) as glances:
            async for seen in glances:
                last = seen or last
                found = self._fresh(signs, seen)
                is_early = self._in_place and found in unasked
                if found and not is_early:
                    return found
                rests = self._now() - max(began, reactions.last)
                if seen and rests >= self._settle(settle, seen) and not reactions.waits:
                    break
                if is_early and rests >= max(settle, self._in_place_seconds):
                    break
        if found := await self._elsewhere(signs) or self._fresh(signs, last):
            return found
        if reactions.waits or last is None or not last.shown:
            return await self._late_sign(signs)
        return None if self._met_an_error else signs[last.shown[0]]

    async def _elsewhere(self, signs: Sequence[Sign]) -> Sign | None:
        """An outcome that is declared in a window which the press opened."""
        outcomes = [sign for sign in signs if isinstance(sign.means, Outcome)]
        for window in self.reactions.windows[:_PLACES] if self._in_place else ():
            with suppress(PlaywrightError):
                seen = await Sight(window, self._is_allowed).look(outcomes, (), _GLANCE_SECONDS, eager=True)
                if seen is not None and seen.shown:
                    return outcomes[seen.shown[0]]
        return None

    async def _late_sign(self, signs: Sequence[Sign]) -> Sign | None:
        """What a page says that still loads, or for which something else is awaited."""
        seen = await self._sight.look(signs, (), 0, eager=True)
        if found := self._fresh(signs, seen):
            return found
        if self.reactions.failure:
            raise translated(self._portal, self._doing, self.reactions.failure)
        if self.reactions.waits:
            raise Stop(Outcome.PORTAL_DOWN, f"{self._portal} did not answer in time while {self._doing}.")
        return None

    @property
    def _met_an_error(self) -> bool:
        """Whether the server's answer in place was an error of its own, or that it is asked too much."""
        answer = self.reactions.answer
        is_error = answer is not None and (answer.status >= 500 or answer.status == 429)
        return is_error and not self.reactions.arrived

    @property
    def _has_been_answered(self) -> bool:
        """Whether what the press asked was answered in place, and the page has made of it what it does."""
        reactions = self.reactions
        rests = self._now() - reactions.last
        return bool(
            reactions.answered
            and not reactions.waits
            and not self._met_an_error
            and rests >= _UNANSWERED_SECONDS
        )

    def _settle(self, settle: float, seen: Sighting) -> float:
        settle += min(self._late * _PATIENCE, _MOST_PATIENCE)
        if self._met_an_error:
            return settle
        if self._in_place and self._sight.is_same_document(seen):
            return max(settle, self._in_place_seconds)
        return settle

    def _fresh(self, signs: Sequence[Sign], seen: Sighting | None) -> Sign | None:
        found = self._sight.fresh(signs, seen) if seen is not None else None
        if found is None and seen is not None and self._has_been_answered:
            found = self._sight.renewed(signs, seen, self.reactions.answered_at)
        return found or next((sign for sign in signs if self._is_said(sign)), None)

    def _is_said(self, sign: Sign) -> bool:
        """Whether a dialog of the page had it, or an answer to its scripts. That the session has ended is no
        word of a page's: its scripts may renew it, or lead to where one signs in."""
        if sign.pointer:
            return sign.means != SIGNED_OUT and self._answers.carry(sign)
        return bool(sign.text) and any(
            sign.fits(path="", headings=(), text=text) for text in self.reactions.spoken
        )

    async def _glances(self, signs: Sequence[Sign], limit: float) -> AsyncGenerator[Sighting | None]:
        """What is seen whenever anything happens; None where it cannot be seen just then."""
        until = self._now() + limit
        known: Sequence[str] = ()
        looking: asyncio.Task[Sighting | None] | None = None
        began = self._late = 0.0
        try:
            while self._now() < until:
                self.reactions.changed.clear()
                if looking is None:
                    began = self._now()
                    looking = asyncio.create_task(self._sight.look(signs, known, _GLANCE_SECONDS))
                await self._either(looking)
                seen = None
                if looking.done():
                    seen, looking = looking.result(), None
                    self._late = max(self._late, self._now() - began - _GLANCE_SECONDS)
                    known = seen.known if seen is not None else ()
                await self._answers.read(signs)
                yield seen
        finally:
            if looking is not None:
                looking.cancel()

    async def _either(self, looking: asyncio.Task[Sighting | None]) -> None:
        changing = asyncio.create_task(self.reactions.changed.wait())
        try:
            await asyncio.wait(
                {looking, changing}, timeout=_GLANCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changing.cancel()
