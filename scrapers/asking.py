"""A portal's challenge put to whoever answers for the customer, and the answer brought back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from meterfarm.mfa.port import Answer, Answers, Choice, Code, NobodyToAsk, NotInTime, Resend
from meterfarm.records import Challenge, Factor, Outcome
from meterfarm.scrapers.clock import VisitClock
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.page import BrowserPage
from meterfarm.scrapers.page.tab import Tab
from meterfarm.support.foreign_text import NAME, SENTENCE, one_line
from meterfarm.support.logs import LOOKED_AT
from meterfarm.support.redact import Secrets

_ANSWERS = 12
_AT_ONCE = 1.0


class Asking:
    """The challenges of one visit.

    ``challenged`` tells whether the portal asked for MFA, ``met`` by which factor last.
    """

    def __init__(
        self,
        portal: str,
        answers: Answers,
        secrets: Secrets,
        clock: VisitClock,
        page: BrowserPage,
        tab: Tab,
        note: Callable[..., None],
    ) -> None:
        self.challenged = False
        self.met: Factor | None = None
        self._portal = portal
        self._answers = answers
        self._secrets = secrets
        self._clock = clock
        self._page = page
        self._tab = tab
        self._note = note
        self._asked = 0

    async def must_be_answerable(self, factor: Factor, prompt: str) -> None:
        """Stop before a portal is made to send a code that nobody could enter.

        Otherwise whoever receives codes is asked to expect one: what came before is none.

        Raises:
            Stop: ``mfa_required``: nobody could enter the code.
        """
        self.met = factor
        await self._page.password_led_on()
        if not self._answers.can_answer(factor):
            raise Stop(
                Outcome.MFA_REQUIRED,
                f"{self._portal} asks: {prompt} Nobody is there to answer; run it at a terminal.",
            )
        await self._answers.expect(factor)

    async def ask(self, challenge: Challenge, unanswered: Outcome) -> Answer:
        """Put the portal's challenge to whoever answers for the customer.

        Raises:
            Stop: ``unanswered`` when nobody answers, ``mfa_expired`` when somebody was asked and did not
                answer in time, ``mfa_failed`` after too many answers.
        """
        self.challenged = True
        await self._page.password_led_on()
        self.met = challenge.factor or self.met
        self._asked += 1
        if self._asked > _ANSWERS:
            raise Stop(Outcome.MFA_FAILED, f"{self._portal} took none of {_ANSWERS} answers.")
        self._note(
            "challenge.received",
            factor=challenge.factor,
            destination=challenge.destination,
            error=challenge.error,
        )
        try:
            shown = self._shown(challenge)
            answer = await self._answered(shown)
        except NotInTime as exc:
            raise Stop(Outcome.MFA_EXPIRED, f"{self._portal}: {exc}") from exc
        except NobodyToAsk as exc:
            raise Stop(unanswered, f"{self._portal}: {exc}") from exc
        if isinstance(answer, Choice) and answer.option in shown.options:
            return Choice(challenge.options[shown.options.index(answer.option)])
        if isinstance(answer, Code):
            self._secrets.add(answer.text)
        elif isinstance(answer, Resend) and challenge.factor is not None:
            await self._answers.expect(challenge.factor)
        return answer

    async def _answered(self, challenge: Challenge) -> Answer:
        """The answer; meanwhile, unless it comes at once, the page is put to rest."""
        answering = asyncio.ensure_future(self._answers.answer(challenge))
        try:
            with self._clock.scope(), self._clock.asking():
                await asyncio.wait({answering}, timeout=_AT_ONCE)
                if not answering.done():
                    async with self._tab.at_rest():
                        await asyncio.wait({answering})
                return answering.result()
        finally:
            answering.cancel()

    def _shown(self, challenge: Challenge) -> Challenge:
        """As a person may see it: safe, short, and without what was typed, which a portal may repeat."""

        def safe(text: str, most: int) -> str:
            return one_line(self._secrets.scrub(text[:LOOKED_AT]), most)

        return replace(
            challenge,
            prompt=safe(challenge.prompt, SENTENCE),
            error=safe(challenge.error, SENTENCE),
            destination=safe(challenge.destination, NAME),
            options=[
                replace(option, label=safe(option.label, NAME), destination=safe(option.destination, NAME))
                for option in challenge.options
            ],
        )
