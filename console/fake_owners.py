"""The owners of the fake utility's customers, who hold the phone, read the mailbox and know the answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from meterfarm.console.loopback import get_json
from meterfarm.farm.codes.answer_codec import encode_choice, encode_code
from meterfarm.records import Factor
from meterfarm.storage.challenges import AnswerRefused
from meterfarm.storage.store import Store
from meterfarm.storage.work import ChallengeInfo


class Owners:
    """Answer challenges as they come up, each once; those who are ``confused`` always answer wrongly."""

    def __init__(self, base_url: str, confused: frozenset[str] = frozenset()) -> None:
        self._base_url = base_url
        self._confused = confused
        self._answered: set[int] = set()

    def answer(self, store: Store) -> None:
        """Answer whatever is open now. Blocks for as long as the portal's outbox takes to read."""
        for challenge in store.challenges(only_open=True):
            if challenge.id in self._answered:
                continue
            self._answered.add(challenge.id)
            options = challenge.challenge.options
            said = encode_choice(options[0].factor) if options else encode_code(self._code(challenge))
            try:
                store.answer_challenge(challenge.id, said)
            except AnswerRefused:
                continue

    def _code(self, challenge: ChallengeInfo) -> str:
        if challenge.username in self._confused:
            return "no idea"
        outbox = self._outbox(challenge.username)
        factor = challenge.challenge.factor
        if factor is Factor.QUESTION:
            return str(outbox["security_answers"][-1]["answer"])
        if factor is Factor.TOTP:
            return str(outbox["authenticators"][-1]["code"])
        return str([message["code"] for message in outbox["messages"] if message["kind"] == factor][-1])

    def _outbox(self, username: str) -> Any:
        return get_json(f"{self._base_url}/outbox.json?username={quote(username)}")
