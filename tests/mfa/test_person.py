"""What a typed line means, and what is never sent to a portal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meterfarm.mfa.person import Person, parse_answer
from meterfarm.mfa.port import Answer, Choice, Code, Nobody, NobodyToAsk, Resend
from meterfarm.records import Challenge, Factor
from tests.mfa.asked import CHOICE, MAIL, PHONE, TEXT, Keyboard

QUESTION = Challenge("What was your first street?", Factor.QUESTION)


@pytest.mark.parametrize(
    ("challenge", "line", "answer"),
    [
        (CHOICE, "sms", Choice(PHONE)),
        (CHOICE, " EMAIL ", Choice(MAIL)),
        (CHOICE, "2", Choice(MAIL)),
        (CHOICE, "text message to ***-***-0199", Choice(PHONE)),
        (TEXT, " 048213\n", Code("048213")),
        (TEXT, "Resend", Resend()),
        (replace(TEXT, can_resend=False), "resend", Code("resend")),
        (QUESTION, "Resend", Code("Resend")),
        (QUESTION, " Elm Street ", Code("Elm Street")),
    ],
)
def test_a_line_means_an_answer(challenge: Challenge, line: str, answer: Answer) -> None:
    assert parse_answer(challenge, line) == answer


@pytest.mark.parametrize("line", ["0", "3", "totp", "resend", "***-***-0199", "-1"])
def test_a_choice_that_is_not_offered_is_explained(line: str) -> None:
    assert parse_answer(CHOICE, line) == (
        "That is none of the portal's choices; answer with one of: sms, email."
    )


@pytest.mark.parametrize("challenge", [CHOICE, TEXT, QUESTION])
@pytest.mark.parametrize("line", ["", "  ", "\t\r\n"])
def test_an_empty_line_is_no_answer(challenge: Challenge, line: str) -> None:
    assert parse_answer(challenge, line) == "The answer was empty; nothing was sent to the portal."


async def test_after_a_bad_line_the_person_is_asked_again_with_the_reason() -> None:
    keyboard = Keyboard(["", "048213"])
    assert await Person(keyboard.ask).answer(TEXT) == Code("048213")
    assert keyboard.shown[0] == TEXT
    assert keyboard.shown[1] == TEXT.asked_again("The answer was empty; nothing was sent to the portal.")


async def test_three_empty_answers_end_it() -> None:
    keyboard = Keyboard(["", " ", "", "048213"])
    with pytest.raises(NobodyToAsk, match="No answer was given") as caught:
        await Person(keyboard.ask).answer(TEXT)
    assert TEXT.prompt in str(caught.value)
    assert len(keyboard.shown) == 3


async def test_the_end_of_input_ends_it_at_once() -> None:
    keyboard = Keyboard([])
    with pytest.raises(NobodyToAsk, match="We sent a code"):
        await Person(keyboard.ask).answer(TEXT)
    assert len(keyboard.shown) == 1


@pytest.mark.parametrize("factor", Factor)
async def test_a_person_can_answer_anything_and_nobody_nothing(factor: Factor) -> None:
    assert Person(Keyboard([]).ask).can_answer(factor)
    assert not Nobody().can_answer(factor)
    with pytest.raises(NobodyToAsk, match="Nobody is there"):
        await Nobody().answer(replace(TEXT, factor=factor))
