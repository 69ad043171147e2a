"""The order in which a challenge is answered: by stored secrets, by what comes by itself, by a person."""

from __future__ import annotations

from dataclasses import dataclass, field

from meterfarm.mfa.port import Answer, Answers, Choice, NobodyToAsk
from meterfarm.mfa.security_questions import SecurityAnswers
from meterfarm.mfa.totp import TotpSecret
from meterfarm.records import Challenge, Factor, FactorOption


@dataclass(frozen=True, slots=True)
class AnswerChain:
    """Answers by secret where there is one, picks the preferred factor, and asks ``person`` for the rest.

    Without a preference, a factor that answers by itself is picked.
    """

    person: Answers
    totp: TotpSecret | None = None
    security_answers: SecurityAnswers = field(default_factory=lambda: SecurityAnswers({}))
    preferred: Factor | None = None

    def can_answer(self, factor: Factor) -> bool:
        """Whether the secret, the stored answer or a person can answer it."""
        if factor is Factor.TOTP and self.totp is not None:
            return True
        if factor is Factor.QUESTION and self.security_answers:
            return True
        return self.person.can_answer(factor)

    def answers_itself(self, option: FactorOption) -> bool:
        """Whether no person is needed for it."""
        if option.factor is Factor.TOTP:
            return self.totp is not None
        return self.person.answers_itself(option)

    async def expect(self, factor: Factor) -> None:
        """See ``Answers``: asked of the person."""
        await self.person.expect(factor)

    async def answer(self, challenge: Challenge) -> Answer:
        """The answer of the first who has one.

        Raises:
            NobodyToAsk, NotInTime: nobody answers.
        """
        if challenge.options:
            return await self._choose(challenge)
        if challenge.factor is Factor.TOTP and self.totp is not None and self.totp.is_believed:
            return await self.totp.code()
        if challenge.factor is Factor.QUESTION and (known := self.security_answers.answer(challenge)):
            return known
        return await self.person.answer(challenge)

    async def _choose(self, challenge: Challenge) -> Answer:
        if self.preferred is not None:
            for option in challenge.options:
                if option.factor is self.preferred:
                    return Choice(option)
            offered = ", ".join(option.factor.value for option in challenge.options)
            raise NobodyToAsk(f"The portal does not offer the factor {self.preferred}, only {offered}.")
        by_itself = [option for option in challenge.options if self.answers_itself(option)]
        if by_itself and not challenge.error:
            return Choice(min(by_itself, key=lambda option: option.factor is not Factor.TOTP))
        return await self.person.answer(challenge)
