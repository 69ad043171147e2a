"""Text messages that carry a code: what a utility declares of them, and whether one is meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from meterfarm.mfa.code_pattern import code_in

_SURE = 2
"""Digits that a masked destination must show before it tells one number from another."""
_HIDDEN = r"[*#xX\u00b7\u00d7\u2022\u2024\u2026\u204e\u2217\u2219\u25a0\u25cf\uff0a]"
_BETWEEN = r"\s().+\u2010-\u2015-"
_SHOWN = re.compile(rf"({_HIDDEN}[{_BETWEEN}]*+)?(\d[\d{_BETWEEN}]*+)(?!{_HIDDEN})")
"""Digits that nothing hidden follows; in the first group what is hidden before them."""


@dataclass(frozen=True, slots=True)
class CodeText:
    """A text message in which a portal sends its code, declared by the utility's script.

    ``senders`` are numbers (+18885550142), short codes or names; ``pattern`` is a regular expression with
    one group is the code.
    """

    senders: Sequence[str]
    pattern: str


def text_code(declared: Sequence[CodeText], sender: str, body: str) -> str:
    """The code in a message that is one of those declared, else ""."""
    meant = [one for one in declared if _plain(sender) in map(_plain, one.senders)]
    found = {code for one in meant if (code := code_in(one.pattern, body))}
    return found.pop() if len(found) == 1 else ""


def is_sent_to(destination: str, number: str) -> bool:
    """Whether the portal's masked destination (***-***-4321) may be this number.

    One that shows less than two digits at its end says nothing.
    """
    found = [(bool(hidden), re.sub(r"\D", "", shown)) for hidden, shown in _SHOWN.findall(destination)]
    sure = [each for each in found if len(each[1]) >= _SURE]
    shown = [each for after_hidden, each in sure if after_hidden] or [each for _, each in sure]
    return not shown or re.sub(r"\D", "", number).endswith(shown[-1])


def parse_number(text: str) -> str:
    """A number in the form +15185550123. Raises ValueError, with a sentence."""
    squeezed = re.sub(r"[\s().-]", "", text)
    if not re.fullmatch(r"\+[1-9]\d{6,14}", squeezed, re.ASCII):
        raise ValueError(f"“{text}” is no number: write it with its country's code, like +15185550123.")
    return squeezed


def _plain(sender: str) -> str:
    return re.sub(r"[\s().-]", "", sender).casefold()
