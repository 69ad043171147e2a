"""The port a utility's script awaits when a portal challenges the customer.

A channel (a person, an authenticator's secret...) implements ``Answers``. What it may say is an ``Answer``: a
``Code`` to type in, a ``Choice`` of factor, or ``Resend``. A channel that has nobody to ask says so with
``NobodyToAsk`` *before* the portal is made to send anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from meterfarm.records import Challenge, Factor, FactorOption


@dataclass(frozen=True, slots=True)
class Code:
    """A code or an answer, to be typed in verbatim. It never shows in a repr."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """The factor the customer prefers, one of the challenge's own options."""

    option: FactorOption


@dataclass(frozen=True, slots=True)
class Resend:
    """The customer wants the code sent once more."""


Answer = Code | Choice | Resend


class NobodyToAsk(Exception):
    """No channel can answer this challenge; the customer has to come back. The text is for the user."""


class NotInTime(NobodyToAsk):
    """Somebody was asked, and nobody answered in time."""


class Answers(Protocol):
    """Whoever can answer a challenge."""

    def can_answer(self, factor: Factor) -> bool:
        """Whether an answer of this kind can be had at all, so that no code is sent in vain."""

    def answers_itself(self, option: FactorOption) -> bool:
        """Whether an answer comes by itself, with nobody at hand."""

    async def expect(self, factor: Factor) -> None:
        """The portal is about to be made to send a code: what was sent before is none."""

    async def answer(self, challenge: Challenge) -> Answer:
        """The answer to ``challenge``.

        Raises:
            NobodyToAsk: nobody is there, or no answer came.
        """


class Nobody:
    """The channel of a run that must never ask anybody anything."""

    def can_answer(self, factor: Factor) -> bool:
        """Never."""
        return False

    def answers_itself(self, option: FactorOption) -> bool:
        """Never."""
        return False

    async def expect(self, factor: Factor) -> None:
        """Nothing comes."""

    async def answer(self, challenge: Challenge) -> Answer:
        """No answer.

        Raises:
            NobodyToAsk: always.
        """
        raise NobodyToAsk(f"The portal asks: {challenge.prompt} Nobody is there to answer.")
