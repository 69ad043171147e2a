"""Challenges of a portal, and somebody who types answers to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from meterfarm.records import Challenge, Factor, FactorOption

PHONE = FactorOption(Factor.SMS, "Text message to ***-***-0199", "***-***-0199")


MAIL = FactorOption(Factor.EMAIL, "E-mail to a***z@example.com", "a***z@example.com")


CHOICE = Challenge("How should we verify it's you?", options=(PHONE, MAIL))


TEXT = Challenge("We sent a code to ***-***-0199.", Factor.SMS, "***-***-0199", can_resend=True)


@dataclass
class Keyboard:
    """Types ``lines`` one after the other, then there is no more input."""

    lines: Sequence[str]
    shown: list[Challenge] = field(default_factory=list)

    async def ask(self, challenge: Challenge) -> str | None:
        self.shown.append(challenge)
        return self.lines[len(self.shown) - 1] if len(self.shown) <= len(self.lines) else None
