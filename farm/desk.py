"""Where a connect run's challenges wait for a person, who may be anywhere and take minutes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from farm.slots import Slot
from mfa.port import Answer, Choice, Code, NobodyToAsk, NotInTime, Resend
from records import Challenge, Factor
from storage.store import Store
from storage.work import Lease

_LOOK = 2.0


class Waiting:
    """The challenges that this process waits with. Whoever hears of an answer calls ``settled``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events: dict[int, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._events)

    def settled(self, challenge_id: int) -> None:
        event = self._events.get(challenge_id)
        if event is not None:
            event.set()

    async def look(self) -> None:
        """Look into the database every now and then: the bell may not have been heard."""
        while True:
            await asyncio.sleep(_LOOK)
            if self._events:
                for challenge_id in await asyncio.to_thread(
                    self._store.settled_challenges, list(self._events)
                ):
                    self.settled(challenge_id)

    async def wait_for(self, challenge_id: int, seconds: float) -> None:
        """Wait until the challenge is settled, or time is up."""
        event = self._events[challenge_id] = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
        finally:
            del self._events[challenge_id]


class Desk:
    """Answers for one run. While it waits, the run's slot is free for others; its page stays open."""

    def __init__(self, store: Store, lease: Lease, slot: Slot, waiting: Waiting, wait: timedelta) -> None:
        self._store = store
        self._lease = lease
        self._slot = slot
        self._waiting = waiting
        self._wait = wait

    def can_answer(self, factor: Factor) -> bool:
        return bool(factor)

    async def answer(self, challenge: Challenge) -> Answer:
        """What the person says.

        Raises:
            NotInTime: nobody said anything.
        """
        challenge_id = await asyncio.to_thread(self._store.open_challenge, self._lease, challenge, self._wait)
        seconds = self._wait.total_seconds()
        if challenge.expires_at is not None:
            seconds = min(seconds, max(0.0, (challenge.expires_at - datetime.now(UTC)).total_seconds()))
        async with self._slot.given_up():
            await self._waiting.wait_for(challenge_id, seconds)
        said = await asyncio.to_thread(self._store.take_answer, self._lease, challenge_id)
        if said is None:
            minutes = round(seconds / 60, 1)
            raise NotInTime(f"The portal asks: {challenge.prompt} No answer came within {minutes:g} minutes.")
        return understood(challenge, said)


def said_code(text: str) -> Mapping[str, str]:
    """An answer as it is stored: a code or an answer in words."""
    return {"kind": "code", "text": text}


def said_choice(factor: Factor) -> Mapping[str, str]:
    """An answer as it is stored: the factor that is wanted."""
    return {"kind": "choice", "factor": factor.value}


def said_resend() -> Mapping[str, str]:
    """An answer as it is stored: send the code again."""
    return {"kind": "resend"}


def understood(challenge: Challenge, said: Mapping[str, str]) -> Answer:
    """A stored answer as the script takes it."""
    if said["kind"] == "resend":
        return Resend()
    if said["kind"] == "choice":
        for option in challenge.options:
            if option.factor.value == said["factor"]:
                return Choice(option)
        raise NobodyToAsk(f"The portal does not offer the factor {said['factor']}.")
    return Code(said["text"])
