"""Who answers what: the secret, the preference, then the person."""

from __future__ import annotations

import pyotp
import pytest
from pydantic import SecretStr

from meterfarm.mfa.chain import AnswerChain
from meterfarm.mfa.person import Person
from meterfarm.mfa.port import Choice, Code, Nobody, NobodyToAsk
from meterfarm.mfa.security_questions import ANY_QUESTION, SecurityAnswers
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


PET = Challenge("What is your pet\u2019s name?", Factor.QUESTION)
STREET = Challenge("In which street did you grow up?", Factor.QUESTION)


async def test_an_answer_goes_only_to_its_question_and_once() -> None:
    """However the portal writes the question. What was not taken, or has no answer, a person is asked."""
    keyboard = Keyboard(["Rex", "Main St"])
    answers = SecurityAnswers({"what is your pet's name": SecretStr("Waffle")})
    chain = AnswerChain(Person(keyboard.ask), security_answers=answers)
    assert chain.can_answer(Factor.QUESTION)
    assert await chain.answer(PET) == Code("Waffle")
    assert await chain.answer(PET.asked_again("Wrong.")) == Code("Rex")
    assert await chain.answer(STREET) == Code("Main St")
    assert keyboard.shown == [PET.asked_again("Wrong."), STREET]


async def test_an_answer_to_any_question_goes_where_there_is_no_other() -> None:
    answers = SecurityAnswers({ANY_QUESTION: SecretStr("Cook"), PET.prompt: SecretStr("Waffle")})
    chain = AnswerChain(Nobody(), security_answers=answers)
    assert [await chain.answer(one) for one in (PET, STREET)] == [Code("Waffle"), Code("Cook")]
    for again in (PET, STREET):
        with pytest.raises(NobodyToAsk):
            await chain.answer(again)


async def test_without_an_answer_nobody_can_answer_a_question() -> None:
    assert not AnswerChain(Nobody()).can_answer(Factor.QUESTION)


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
