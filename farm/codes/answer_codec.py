"""Answers as they are stored, sealed, on their way to the run that waits for them."""

from __future__ import annotations

from collections.abc import Mapping

from meterfarm.mfa.port import Answer, Choice, Code, NobodyToAsk, Resend
from meterfarm.records import Challenge, Factor


def encode_code(text: str) -> Mapping[str, str]:
    """An answer as it is stored: a code or an answer in words."""
    return {"kind": "code", "text": text}


def encode_choice(factor: Factor) -> Mapping[str, str]:
    """An answer as it is stored: the factor that is wanted."""
    return {"kind": "choice", "factor": factor.value}


def encode_resend() -> Mapping[str, str]:
    """An answer as it is stored: send the code again."""
    return {"kind": "resend"}


def decode_answer(challenge: Challenge, stored: Mapping[str, str]) -> Answer:
    """A stored answer as the script takes it. Raises NobodyToAsk if its factor is not offered."""
    if stored["kind"] == "resend":
        return Resend()
    if stored["kind"] == "choice":
        for option in challenge.options:
            if option.factor.value == stored["factor"]:
                return Choice(option)
        raise NobodyToAsk(f"The portal does not offer the factor {stored['factor']}.")
    return Code(stored["text"])
