"""Sign-ins under way at the identity provider, step by step. No HTTP in here."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from meterfarm.fake_utility.kit.challenges import Challenge
from meterfarm.fake_utility.kit.clock import Clock
from meterfarm.fake_utility.stroopwafel_energy.customers import Subscriber

LIFE = timedelta(minutes=20)
Stage = Literal["username", "password", "verify", "newPassword", "captcha", "done", "failed"]


@dataclass(slots=True)
class Transaction:
    """`state` and `pkce` are what the application gave when it sent the browser here.

    `trust`: the customer asked not to be verified again on this device. `password_field`: what the field is
    called.
    """

    id: str
    redirect: str
    state: str
    pkce: str
    opened_at: datetime
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    stage: Stage = "username"
    username: str = ""
    customer: Subscriber | None = None
    challenge: Challenge | None = None
    trust: bool = False
    password_field: str = "password"  # noqa: S105 - a name


class Transactions:
    """Those that are not over yet, by id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, Transaction] = {}

    def begin(self, redirect: str, state: str, pkce: str) -> Transaction:
        """A new one; those that were left half-way are forgotten."""
        self._open = {key: open_ for key, open_ in self._open.items() if not self._over(open_)}
        made = Transaction(secrets.token_urlsafe(18), redirect, state, pkce, self._clock.now())
        self._open[made.id] = made
        return made

    def find(self, key: object) -> Transaction | None:
        """The one with this id, if its time has not run out."""
        found = self._open.get(key) if isinstance(key, str) else None
        return None if found is None or self._over(found) else found

    def end(self, transaction: Transaction) -> None:
        """It has led inside: it leads there once."""
        self._open.pop(transaction.id, None)

    def _over(self, transaction: Transaction) -> bool:
        return self._clock.now() - transaction.opened_at > LIFE
