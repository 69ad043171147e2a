"""A process that looks into mailboxes while somebody waits: a real mailbox and a real store, no portal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from meterfarm.farm.codes.channels import CodeChannels
from meterfarm.farm.codes.mailboxes import MailboxConnections, MailboxTimes
from meterfarm.records import Challenge, Factor, MailSecurity, SecretKind
from meterfarm.storage.channels import MailAccount
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Lease
from meterfarm.storage.store import CompanyStore
from meterfarm.utilities import load_utility
from tests.farm.post import (
    PASSWORD,
    USER,
    Post,
)
from tests.farm.whole import UTILITY
from tests.storage.made import claimed

WAIT = timedelta(minutes=10)
SECONDS = 15
_LOOK = 0.05


class World:
    """A process that looks into mailboxes, and the challenges that it heard were answered."""

    def __init__(self, store: CompanyStore) -> None:
        self.store = store
        self.settled: list[int] = []
        self.hurry()

    def hurry(self, **times: float) -> None:
        """Customers from now on have mailboxes with these times, by the names of ``MailboxTimes``."""
        self.mailboxes = MailboxConnections(self.store.farm, self.settled.append, MailboxTimes(**times))

    async def customer(self, username: str) -> WaitingRun:
        """One who signs in: a code is about to be asked for."""
        secrets = {SecretKind.PASSWORD: "secret"}
        customer = self.store.customers.add(UTILITY, username, secrets=secrets)
        (run,) = self.store.runs.list(customer_id=customer.id)
        claim = claimed(self.store, run.id, run.attempt)
        assert claim is not None
        waiting = WaitingRun(self, customer, claim.lease)
        await waiting.channels.load()
        await waiting.channels.expect(None)
        return waiting

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Look every now and then whether it holds."""
        for _ in range(round(SECONDS / _LOOK)):
            if holds():
                return
            await asyncio.sleep(_LOOK)
        raise AssertionError(f"not in time: {what}")


class WaitingRun:
    """A customer whose portal asks for a code by mail."""

    def __init__(self, world: World, customer: Customer, lease: Lease) -> None:
        self.world = world
        self.customer = customer
        self.lease = lease
        utility = load_utility(UTILITY)
        self.channels = CodeChannels(world.store, lease, customer, utility, world.mailboxes)

    @asynccontextmanager
    async def asked(self, destination: str = "", error: str = "") -> AsyncIterator[int]:
        """The portal's challenge, open."""
        challenge = Challenge("Code?", Factor.EMAIL, destination, error=error, can_resend=True)
        challenge_id = self.world.store.challenges.open(self.lease, challenge, WAIT)
        async with self.channels.receiving(challenge_id, challenge):
            yield challenge_id

    async def answer(self, challenge_id: int) -> str:
        """The code, once it has come."""
        await self.world.until(lambda: challenge_id in self.world.settled, f"an answer to {challenge_id}")
        said = self.world.store.challenges.take_answer(self.lease, challenge_id)
        return said["text"] if said else ""

    def told(self, challenge_id: int) -> str:
        found = self.world.store.challenges.find(challenge_id)
        return found.channel if found else ""

    def story(self) -> list[str]:
        """All that was told at the run's challenges of what answers them by itself."""
        story = self.world.store.runs.story(self.lease.run_id)
        return [step.detail for step in story.steps if step.step == "by itself"] if story else []


def add(store: CompanyStore, port: int, password: str = PASSWORD) -> int:
    account = MailAccount("127.0.0.1", port, MailSecurity.NONE, USER)
    return store.channels.add_mailbox(account, password, None)


async def put(house: Post, content: bytes, at: datetime | None = None) -> None:
    await asyncio.to_thread(house.put, content, at)
