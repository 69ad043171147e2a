"""The pages on which Speculoos Power verifies who signs in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from meterfarm.mfa.port import Choice, Code, Resend
from meterfarm.records import Challenge, Factor, FactorOption, Outcome
from meterfarm.scrapers.outcomes import Sign, Stop
from meterfarm.support.alike import alike

if TYPE_CHECKING:
    from meterfarm.scrapers.page.control import Control
    from meterfarm.scrapers.visit import Visit

_CHOICE = Sign("choice", heading="How should we verify it's you?")
_SEND = Sign("send", heading="Verify it's you")
_CODE = Sign("code", heading="Enter your verification code")
_QUESTION = Sign("question", heading="Security question")
CHALLENGES: Sequence[Sign] = (_CHOICE, _SEND, _CODE, _QUESTION)

_ASKED = re.compile(r"We\s+sent\s+a\s+code\s+by|from\s+your\s+authenticator\s+app", re.IGNORECASE)
# not caught: it counts only where the sentence above is worded otherwise, as after a redesign
_A_QUESTION = re.compile(r"\?\s*$")
_DESTINATION = re.compile(r"\bto (.{1,200}?)\.(?= |$)", re.IGNORECASE)
_WAYS = {"text message": Factor.SMS, "e-mail": Factor.EMAIL, "authenticator": Factor.TOTP}
_EXPIRED = "Your code has expired."
_EXPIRED_CODES = 3


class Verification:
    """The challenges of one sign-in, page by page."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._page = visit.page
        self._expired = 0

    async def step(self, found: Sign) -> None:
        """Do what the page that ``found`` names asks for. Raises ``Stop`` when it cannot be done."""
        if found is _CHOICE:
            await self._choose()
        elif found is _SEND:
            await self._send()
        elif found is _CODE:
            await self._enter_code()
        elif found is _QUESTION:
            await self._answer_question()
        else:
            raise self._back_at_sign_in()

    async def _choose(self) -> None:
        challenge = Challenge(prompt=_CHOICE.heading, options=await self._options())
        answer = await self._visit.ask(challenge)
        if not isinstance(answer, Choice):
            raise Stop(Outcome.MFA_REQUIRED, f"Speculoos Power asks: {_CHOICE.heading} No choice was made.")
        await self._visit.must_be_answerable(answer.option.factor, answer.option.label)
        await self._page.check(self._page.role("radio", answer.option.label))
        await self._press("Continue")

    async def _options(self) -> Sequence[FactorOption]:
        options = []
        for radio in await self._page.role("radio").all():
            value = await radio.value()
            if value in {factor.value for factor in Factor}:
                label = await radio.label_text()
                options.append(FactorOption(Factor(value), label, label.rpartition(" to ")[2]))
        return options

    async def _send(self) -> None:
        words = await self._page.text("We will send a code by").first.text()
        factor, destination = _way(words)
        await self._visit.must_be_answerable(factor, f"a code that it sends to {destination}.")
        await self._press("Send code")

    async def _enter_code(self) -> None:
        words = await self._asked()
        factor, destination = _way(words)
        challenge = Challenge(
            prompt=words,
            factor=factor,
            destination=destination,
            can_resend=factor in {Factor.SMS, Factor.EMAIL},
            **await self._last_try(),
        )
        await self._answer(challenge, self._page.label("Verification code"), "Verify")

    async def _asked(self) -> str:
        """What the page asks for, in its own words."""
        asked = self._page.text(_ASKED)
        return await (asked if await asked.count() else self._page.text(_A_QUESTION)).first.text()

    async def _answer_question(self) -> None:
        field = self._page.css("input[name=answer]")
        challenge = Challenge(
            prompt=await field.label_text(), factor=Factor.QUESTION, **await self._last_try()
        )
        await self._answer(challenge, field, "Continue")

    async def _answer(self, challenge: Challenge, field: Control, button: str) -> None:
        answer = await self._visit.ask(challenge, unanswered=self._outcome_without_answer(challenge))
        if isinstance(answer, Resend):
            await self._press("Resend code")
        elif isinstance(answer, Code):
            await self._page.fill(field, answer.text)
            await self._page.check(self._page.label("Remember this device"))
            await self._press(button)

    def _outcome_without_answer(self, challenge: Challenge) -> Outcome:
        if alike(challenge.error).startswith(alike(_EXPIRED)):
            self._expired += 1
            if self._expired >= _EXPIRED_CODES:
                raise Stop(
                    Outcome.MFA_EXPIRED,
                    f"Speculoos Power says: {challenge.error} Run it again with a new code.",
                )
            return Outcome.MFA_EXPIRED
        return Outcome.MFA_FAILED if challenge.error else Outcome.MFA_REQUIRED

    async def _last_try(self) -> LastTry:
        stated = self._page.css("[data-attempts-left]")
        left = await stated.first.attribute("data-attempts-left") if await stated.count() else ""
        errors = await self._page.css("[role=alert]").texts()
        return {
            "error": errors[0] if errors else "",
            "attempts_left": int(left) if left.isdecimal() else None,
        }

    async def _press(self, name: str) -> None:
        await self._page.press(self._page.button(name))

    def _back_at_sign_in(self) -> Stop:
        if self._visit.challenged:
            return Stop(Outcome.MFA_EXPIRED, "Speculoos Power closed the verification; sign in again.")
        return Stop(Outcome.UNKNOWN_PAGE, "Speculoos Power went back to its sign-in page without saying why.")


class LastTry(TypedDict):
    """What the page says of the answer before this one."""

    error: str
    attempts_left: int | None


def _way(words: str) -> tuple[Factor, str]:
    """How and where to a code is sent; a question by no way."""
    factor = next((factor for way, factor in _WAYS.items() if alike(way) in alike(words)), Factor.QUESTION)
    found = _DESTINATION.search(words) if factor in {Factor.SMS, Factor.EMAIL} else None
    return factor, found[1] if found else ""
