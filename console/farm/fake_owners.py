"""The owners of a fake portal's customers: they answer what it asks by what it delivered to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from meterfarm.console.doctor.loopback import get_json
from meterfarm.farm.codes.answer_codec import encode_choice, encode_code, encode_resend
from meterfarm.records import Factor
from meterfarm.storage import AnswerRefused
from meterfarm.storage.runs import ChallengeInfo
from meterfarm.storage.store import CompanyStore

_WRONG = "000000"
"""As long as a code is mostly, for fields that take nothing else; by chance it is right once in a million."""


class Owner(StrEnum):
    """How a customer answers what the portal asks: rightly, never rightly, rightly after a mistake or after
    asking for another code."""

    RIGHT = "right"
    WRONG = "wrong"
    MISTYPES = "mistypes"
    RESENDS = "resends"


DeliveredCode = Callable[[str, str], str]
"""What the portal delivered last, by user name and factor; raises IndexError or OSError if nothing."""


class Owners:
    """``known``, by utility and user name: how the owner answers, and what was delivered to them."""

    def __init__(self, known: Mapping[tuple[str, str], tuple[Owner, DeliveredCode]]) -> None:
        self._known = known
        self._answered: set[int] = set()
        self._mistyped: set[int] = set()
        self._shown: dict[tuple[str, str], str] = {}

    def answer(self, store: CompanyStore) -> None:
        """Answer whatever is open now, each challenge once. Blocks while portals are asked for the codes."""
        for challenge in store.challenges.list(only_open=True):
            known = self._known.get((challenge.utility, challenge.username))
            if known is None or challenge.id in self._answered:
                continue
            given = self._given(challenge, *known)
            if given is None:
                continue
            self._answered.add(challenge.id)
            try:
                store.challenges.answer(challenge.id, given)
            except AnswerRefused:
                continue

    def _given(self, info: ChallengeInfo, owner: Owner, delivered: DeliveredCode) -> Mapping[str, str] | None:
        """None: not yet, since an authenticator still shows the code that was just refused."""
        challenge = info.challenge
        if challenge.options:
            return encode_choice(challenge.options[0].factor)
        who = (info.utility, info.username)
        if challenge.factor is Factor.TOTP and challenge.error and owner is Owner.RIGHT:
            with suppress(IndexError, OSError):
                if self._shown.get(who) == delivered(info.username, challenge.factor):
                    return None
        is_first = info.run_id not in self._mistyped
        self._mistyped.add(info.run_id)
        if owner is Owner.RESENDS and is_first:
            return encode_resend()
        if owner is Owner.WRONG or (owner is Owner.MISTYPES and is_first):
            return encode_code(_WRONG)
        try:
            self._shown[who] = delivered(info.username, challenge.factor or Factor.EMAIL)
            return encode_code(self._shown[who])
        except (IndexError, OSError):
            return encode_code(_WRONG)  # nothing was delivered, which the customer's outcome will show


def delivered_code(address: str, username: str, factor: str) -> str:
    """The code or answer for a customer of the fake utility at ``address``, from its outbox.

    Raises:
        IndexError: nothing of the kind was delivered.
        OSError: the fake utility does not answer.
    """
    outbox: Any = get_json(f"{address}/outbox.json?username={quote(username)}")
    if factor == Factor.QUESTION:
        return str(outbox["security_answers"][-1]["answer"])
    if factor == Factor.TOTP:
        return str(outbox["authenticators"][-1]["code"])
    return str([message["code"] for message in outbox["messages"] if message["kind"] == factor][-1])
