"""The order in which a challenge is answered: what the customer entrusted to us first, then a person."""

from __future__ import annotations

from dataclasses import dataclass

from mfa.port import Answer, Answers, Choice, NobodyToAsk
from mfa.security_answer import SecurityAnswer
from mfa.totp import TotpSecret
from records import Challenge, Factor


@dataclass(frozen=True, slots=True)
class AnswerChain:
    """Answers by secret where there is one, picks the preferred factor, and asks ``person`` for the rest."""

    person: Answers
    totp: TotpSecret | None = None
    security_answer: SecurityAnswer | None = None
    preferred: Factor | None = None

    def can_answer(self, factor: Factor) -> bool:
        if factor is Factor.TOTP and self.totp is not None:
            return True
        if factor is Factor.QUESTION and self.security_answer is not None:
            return True
        return self.person.can_answer(factor)

    async def answer(self, challenge: Challenge) -> Answer:
        if challenge.options:
            return await self._choose(challenge)
        if challenge.factor is Factor.TOTP and self.totp is not None and self.totp.is_believed:
            return await self.totp.code()
        if challenge.factor is Factor.QUESTION and self.security_answer and self.security_answer.is_believed:
            return self.security_answer.code()
        return await self.person.answer(challenge)

    async def _choose(self, challenge: Challenge) -> Answer:
        wanted = Factor.TOTP if self.preferred is None and self.totp is not None else self.preferred
        for option in challenge.options:
            if option.factor is wanted:
                return Choice(option)
        if self.preferred is not None:
            offered = ", ".join(option.factor.value for option in challenge.options)
            raise NobodyToAsk(f"The portal does not offer the factor {self.preferred}, only {offered}.")
        return await self.person.answer(challenge)
