"""What somebody answers with a form to what a portal asks."""

from __future__ import annotations

from collections.abc import Mapping

from meterfarm.mfa.port import Answer, Choice, Code, Resend
from meterfarm.records import Challenge, Factor
from meterfarm.services.errors import InvalidRequest
from meterfarm.web.onboarding.codes import code_shape, meant_code


def given_answer(asked: Challenge, fields: Mapping[str, str]) -> Answer:
    """The code or answer, the factor that was chosen, or that another code is wanted.

    Raises:
        InvalidRequest: it is none of these.
    """
    if fields.get("resend"):
        return Resend()
    if asked.options:
        chosen = next((each for each in asked.options if each.factor.value == fields.get("factor")), None)
        if chosen is None:
            raise InvalidRequest("Choose how you want to get the code.")
        return Choice(chosen)
    text = fields.get("answer", "").strip()
    if asked.factor is not Factor.QUESTION:
        text = meant_code(text, code_shape(asked))
    if not text:
        raise InvalidRequest("Enter the code or the answer first.")
    return Code(text)
