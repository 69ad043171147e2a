"""Challenges that wait for a person, who may take minutes, or for a code that comes by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from meterfarm.farm.codes.answer_codec import decode_answer
from meterfarm.farm.codes.channels import CodeChannels
from meterfarm.mfa.port import Answer, NobodyToAsk, NotInTime
from meterfarm.records import Challenge, Factor, FactorOption
from meterfarm.storage.runs import Lease
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.tracing import span

_POLL_SECONDS = 2.0
_log: Any = structlog.get_logger("challenge")


class PendingChallenges:
    """The challenges that runs of this process wait for. Who learns of an answer calls ``resolve``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events: dict[int, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._events)

    def resolve(self, challenge_id: int) -> None:
        """Wake the run that waits with the challenge, if it does so here."""
        event = self._events.get(challenge_id)
        if event is not None:
            event.set()

    async def poll(self) -> None:
        """Read answers from the database every 2 s: a notification may be lost."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if self._events:
                for challenge_id in await asyncio.to_thread(
                    self._store.challenges.closed, list(self._events)
                ):
                    self.resolve(challenge_id)

    async def wait_for(self, challenge_id: int, seconds: float) -> None:
        """Wait until the challenge is resolved, or time is up."""
        event = self._events[challenge_id] = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
        finally:
            del self._events[challenge_id]


class ChallengeBroker:
    """Answers for one run. While it waits, the run's slot is free for others; its page stays open.

    ``attended``: a person may be asked. Else only what comes by itself answers, though a person still may.
    """

    def __init__(
        self,
        store: CompanyStore,
        lease: Lease,
        slot: Slot,
        waiting: PendingChallenges,
        wait: timedelta,
        channels: CodeChannels,
        *,
        attended: bool,
    ) -> None:
        self._store = store
        self._lease = lease
        self._slot = slot
        self._waiting = waiting
        self._wait = wait
        self._channels = channels
        self._attended = attended

    def can_answer(self, factor: Factor) -> bool:
        """Whether anybody may answer such a challenge."""
        return self._attended or self._channels.may_be_trusted(factor)

    def answers_itself(self, option: FactorOption) -> bool:
        """Whether codes of this option come by themselves."""
        return self._channels.is_sent_here(option) and self.can_answer(option.factor)

    async def expect(self, factor: Factor) -> None:
        """A code is about to be sent for: what comes from now on counts."""
        await self._channels.expect(factor)

    async def answer(self, challenge: Challenge) -> Answer:
        """The answer of a person, or one that has come by itself.

        Raises:
            NobodyToAsk: no person may be asked, and nothing comes by itself.
            NotInTime: nobody answered in time.
        """
        answerable = challenge.factor is not None and self.can_answer(challenge.factor)
        if not (answerable or self._attended):
            raise NobodyToAsk(f"The portal asks: {challenge.prompt} Nobody is there to answer.")
        challenge_id = await asyncio.to_thread(
            self._store.challenges.open, self._lease, challenge, self._wait
        )
        seconds = self._wait.total_seconds()
        if challenge.expires_at is not None:
            seconds = min(seconds, max(0.0, (challenge.expires_at - datetime.now(UTC)).total_seconds()))
        log, began = _log.bind(challenge=challenge_id, factor=challenge.factor), time.monotonic()
        log.info("challenge.opened", seconds=round(seconds))
        with span("mfa", factor=str(challenge.factor or "")):
            async with self._channels.receiving(challenge_id, challenge) as is_answered:
                if not is_answered:
                    async with self._slot.released():
                        await self._waiting.wait_for(challenge_id, seconds)
            stored = await asyncio.to_thread(self._store.challenges.take_answer, self._lease, challenge_id)
        event = "challenge.expired" if stored is None else "challenge.answered"
        log.info(event, elapsed=round(time.monotonic() - began, 3))
        if stored is None:
            minutes = round(seconds / 60, 1)
            raise NotInTime(f"The portal asks: {challenge.prompt} No answer came within {minutes:g} minutes.")
        return decode_answer(challenge, stored)


class Slot:
    """One of the runs that a process works on at once. ``parked`` is set while it waits for a person."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots = slots
        self._held = False
        self.parked = asyncio.Event()

    async def acquire(self) -> None:
        """Wait for the slot."""
        await self._slots.acquire()
        self._held = True

    def release(self) -> None:
        """Give the slot back, if it is held."""
        if self._held:
            self._held = False
            self._slots.release()

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Let others work meanwhile; then wait for a slot again."""
        self.release()
        self.parked.set()
        try:
            yield
        finally:
            self.parked.clear()
        await self.acquire()
