"""Text messages that carry a code: what a utility declares of them, and whether one is meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mfa.code_pattern import code_in

_SURE = 2
"""Digits that a masked destination must show before it tells one number from another."""


@dataclass(frozen=True, slots=True)
class CodeText:
    """A text message in which a portal sends its code, declared by the utility's script.

    ``senders`` are numbers (+18885550142), short codes or names; ``pattern`` is a regular expression whose
    one group is the code.
    """

    senders: Sequence[str]
    pattern: str


def text_code(declared: Sequence[CodeText], sender: str, body: str) -> str:
    """The code in a message that is one of those declared, else ""."""
    for one in declared:
        if _plain(sender) in map(_plain, one.senders) and (code := code_in(one.pattern, body)):
            return code
    return ""


def is_sent_to(destination: str, number: str) -> bool:
    """Whether the portal's masked destination (***-***-4321) may be this number.

    One that shows less than two digits at its end says nothing.
    """
    without_label = re.sub(r"[\s(]+[^\W\d_]+[\s).]*$", "", destination)
    shown = re.sub(r"\D", "", re.split(r"[^\d\s().+-]", without_label)[-1])
    return len(shown) < _SURE or re.sub(r"\D", "", number).endswith(shown)


def parse_number(text: str) -> str:
    """A number in the form +15185550123. Raises ValueError, with a sentence."""
    squeezed = re.sub(r"[\s().-]", "", text)
    if not re.fullmatch(r"\+[1-9]\d{6,14}", squeezed, re.ASCII):
        raise ValueError(f"“{text}” is no number: write it with its country's code, like +15185550123.")
    return squeezed


def _plain(sender: str) -> str:
    return re.sub(r"[\s().-]", "", sender).casefold()
