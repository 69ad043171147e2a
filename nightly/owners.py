"""The customers' owners, who answer what the portals ask: by what the portal delivered to them."""

from __future__ import annotations

from collections.abc import Mapping

from meterfarm.farm.codes.answer_codec import encode_choice, encode_code, encode_resend
from meterfarm.nightly.subjects import Owner, Portal
from meterfarm.records import Factor
from meterfarm.storage.challenges import AnswerRefused
from meterfarm.storage.store import Store
from meterfarm.storage.work import ChallengeInfo

_WRONG = "no idea"


class Owners:
    """``knows`` tells, by utility and user name, how the owner answers and which portal asks, and where."""

    def __init__(self, knows: Mapping[tuple[str, str], tuple[Owner, Portal, str]]) -> None:
        self._knows = knows
        self._answered: set[int] = set()
        self._slipped: set[int] = set()

    def answer(self, store: Store) -> None:
        """Answer whatever is open now, each challenge once. Blocks while portals tell the codes."""
        for challenge in store.challenges(only_open=True):
            known = self._knows.get((challenge.utility, challenge.username))
            if known is None or challenge.id in self._answered:
                continue
            self._answered.add(challenge.id)
            try:
                store.answer_challenge(challenge.id, self._said(challenge, *known))
            except AnswerRefused:
                continue

    def _said(self, info: ChallengeInfo, owner: Owner, portal: Portal, address: str) -> Mapping[str, str]:
        challenge = info.challenge
        if challenge.options:
            return encode_choice(challenge.options[0].factor)
        is_first = info.run_id not in self._slipped
        self._slipped.add(info.run_id)
        if owner is Owner.RESENDS and is_first:
            return encode_resend()
        if owner is Owner.WRONG or (owner is Owner.SLIPS and is_first):
            return encode_code(_WRONG)
        try:
            return encode_code(portal.code(address, info.username, challenge.factor or Factor.EMAIL))
        except (IndexError, OSError):
            return encode_code(_WRONG)  # nothing was delivered, which the customer's outcome will show
