"""A running fake utility as a test sees it: its outbox, its counters, and what its customers would answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests import asking

Answer = Callable[[dict[str, Any]], str]
"""Gives the line to answer a prompt with."""


@dataclass(frozen=True, slots=True)
class Portal:
    url: str

    def _json(self, path: str) -> Any:
        return asking.get(self.url + path, timeout=10).raise_for_status().json()

    def stats(self, username: str) -> dict[str, Any]:
        """The portal's counters for a customer; zeros if it never heard of them."""
        counters = self._json("/stats.json")["customers"].get(username)
        return counters or {"password_attempts": 0, "sign_ins": 0, "codes_sent": 0, "documents": {"bills": 0}}

    def requests(self) -> int:
        """How many it has had, but for those to its own controls."""
        return int(self._json("/stats.json")["requests"])

    def owner(self, username: str, *, factor: str = "sms") -> Answer:
        """Answers as the customer would, who has the phone, the mailbox and the authenticator."""

        def answer(prompt: dict[str, Any]) -> str:
            outbox = self._json("/outbox.json")
            kind = prompt["kind"]
            if kind == "choice":
                offered = [option["factor"] for option in prompt["options"]]
                return factor if factor in offered else str(offered[0])
            if kind == "question":
                known = [row["answer"] for row in outbox["security_answers"] if row["username"] == username]
            elif kind == "totp":
                known = [row["code"] for row in outbox["authenticators"] if row["username"] == username]
            else:
                known = [
                    row["code"]
                    for row in outbox["messages"]
                    if row["username"] == username and row["kind"] == kind
                ]
            return str(known[-1])

        return answer
