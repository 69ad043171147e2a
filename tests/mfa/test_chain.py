"""Who answers what: the secret, the preference, then the person."""

from __future__ import annotations

import pyotp
import pytest

from meterfarm.mfa.chain import AnswerChain
from meterfarm.mfa.person import Person
from meterfarm.mfa.port import Choice, Code, Nobody, NobodyToAsk
from meterfarm.mfa.totp import TotpSecret
from meterfarm.records import Challenge, Factor, FactorOption
from tests.mfa.asked import CHOICE, MAIL, PHONE, TEXT, Keyboard
from tests.mfa.clock import SECRET, held_clock

APP = FactorOption(Factor.TOTP, "Authenticator app")
WITH_APP = Challenge(CHOICE.prompt, options=(PHONE, MAIL, APP))
ASKS_CODE = Challenge("Enter the code of your authenticator app.", Factor.TOTP)


async def _every_step(_: int) -> bool:
    return True


def _secret() -> TotpSecret:
    return TotpSecret(pyotp.TOTP(SECRET), _every_step)


@pytest.mark.parametrize(("preferred", "option"), [(Factor.SMS, PHONE), (Factor.EMAIL, MAIL)])
async def test_the_preferred_factor_is_chosen_without_asking(preferred: Factor, option: FactorOption) -> None:
    keyboard = Keyboard([])
    assert await AnswerChain(Person(keyboard.ask), preferred=preferred).answer(CHOICE) == Choice(option)
    assert not keyboard.shown


async def test_a_preference_goes_before_the_secret() -> None:
    chain = AnswerChain(Nobody(), _secret(), preferred=Factor.EMAIL)
    assert await chain.answer(WITH_APP) == Choice(MAIL)


async def test_a_preferred_factor_that_is_not_offered_is_named_with_those_that_are() -> None:
    keyboard = Keyboard(["1"])
    chain = AnswerChain(Person(keyboard.ask), preferred=Factor.QUESTION)
    with pytest.raises(NobodyToAsk) as caught:
        await chain.answer(CHOICE)
    assert str(caught.value) == "The portal does not offer the factor question, only sms, email."
    assert not keyboard.shown


async def test_a_secret_chooses_its_factor_and_answers_with_nobody_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held_clock(monkeypatch, 1_111_111_111)
    chain = AnswerChain(Nobody(), _secret())
    assert chain.can_answer(Factor.TOTP)
    assert not chain.can_answer(Factor.SMS)
    assert await chain.answer(WITH_APP) == Choice(APP)
    code = pyotp.TOTP(SECRET).at(1_111_111_111)
    assert await chain.answer(ASKS_CODE) == Code(code)


async def test_what_the_secret_cannot_answer_goes_to_the_person() -> None:
    keyboard = Keyboard(["2", "048213"])
    chain = AnswerChain(Person(keyboard.ask), _secret())
    assert await chain.answer(CHOICE) == Choice(MAIL)
    assert await chain.answer(TEXT) == Code("048213")
    assert keyboard.shown == [CHOICE, TEXT]


async def test_without_a_secret_an_authenticators_code_is_asked_for() -> None:
    keyboard = Keyboard(["048213"])
    assert await AnswerChain(Person(keyboard.ask)).answer(ASKS_CODE) == Code("048213")


class Receiving(Person):
    """Somebody at a keyboard, beside a mailbox that receives codes."""

    def answers_itself(self, option: FactorOption) -> bool:
        return option.factor is Factor.EMAIL


async def test_a_factor_whose_answer_comes_by_itself_is_chosen_without_asking() -> None:
    keyboard = Keyboard(["1"])
    receiving = Receiving(keyboard.ask)
    assert await AnswerChain(receiving).answer(CHOICE) == Choice(MAIL)
    assert await AnswerChain(receiving, _secret()).answer(WITH_APP) == Choice(APP)
    assert await AnswerChain(receiving, preferred=Factor.SMS).answer(CHOICE) == Choice(PHONE)
    assert not keyboard.shown
    refused = CHOICE.asked_again("That way is not available now.")
    assert await AnswerChain(receiving).answer(refused) == Choice(PHONE)
