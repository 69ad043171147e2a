"""Answers that somebody types, at a terminal or as lines from a program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from meterfarm.mfa.port import Answer, Choice, Code, NobodyToAsk, Resend
from meterfarm.records import Challenge, Factor, FactorOption

RESEND = "resend"
_EMPTY_ANSWERS = 3

Ask = Callable[[Challenge], Awaitable[str | None]]
"""Shows a challenge and gives the line typed in reply; None when there is no more input."""


class Person:
    """Puts a challenge to somebody through ``ask``, until they give an answer that can be sent.

    A line is the code or answer itself; the name, number or label of a factor where there is a choice; or
    ``resend`` where the portal can send a code again.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def can_answer(self, factor: Factor) -> bool:
        """Always: whoever sits there is asked."""
        return bool(factor)

    def answers_itself(self, option: FactorOption) -> bool:
        """Never."""
        return False

    async def expect(self, factor: Factor) -> None:
        """A person sees for themselves what is new."""

    async def answer(self, challenge: Challenge) -> Answer:
        """What the person types or chooses.

        Raises:
            NobodyToAsk: the input ended.
        """
        for _ in range(_EMPTY_ANSWERS):
            line = await self._ask(challenge)
            if line is None:
                break
            answer = parse_answer(challenge, line)
            if not isinstance(answer, str):
                return answer
            challenge = challenge.asked_again(answer)
        raise NobodyToAsk(f"The portal asks: {challenge.prompt} No answer was given.")


def parse_answer(challenge: Challenge, line: str) -> Answer | str:
    """What a line of input means as an answer to ``challenge``, or a sentence on why it is none."""
    text = line.strip()
    if not text:
        return "The answer was empty; nothing was sent to the portal."
    if challenge.options:
        option = _named(challenge, text)
        if option is None:
            offered = ", ".join(option.factor.value for option in challenge.options)
            return f"That is none of the portal's choices; answer with one of: {offered}."
        return Choice(option)
    if challenge.can_resend and text.casefold() == RESEND:
        return Resend()
    return Code(text)


def _named(challenge: Challenge, text: str) -> FactorOption | None:
    for number, option in enumerate(challenge.options, start=1):
        if text.casefold() in {option.factor.value, option.label.casefold(), str(number)}:
            return option
    return None
