"""Security questions: an answer that the customer gave for one goes to that one alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from pydantic import SecretStr

from meterfarm.mfa.port import Code
from meterfarm.records import Challenge

ANY_QUESTION = ""
"""The question of an answer that is given to whatever is asked for which there is no other."""


def as_compared(question: str) -> str:
    """A question's words, by which it is known again: in one case, without punctuation and odd spaces."""
    text = unicodedata.normalize("NFKC", question).casefold()
    kept = (char if char.isalnum() or char.isspace() else "" for char in text)
    return " ".join("".join(kept).split())


class SecurityAnswers:
    """The stored answers, by question. Each is given once in a sign-in: asked again, it was not taken."""

    def __init__(self, answers: Mapping[str, SecretStr]) -> None:
        self._answers = {as_compared(question): answer for question, answer in answers.items()}
        self._given: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._answers)

    def answer(self, challenge: Challenge) -> Code | None:
        """The answer to the challenge's question, None if there is none or it was given before."""
        question = as_compared(challenge.prompt)
        if question not in self._answers:
            question = ANY_QUESTION
        if question not in self._answers or question in self._given:
            return None
        self._given.add(question)
        return Code(self._answers[question].get_secret_value())
