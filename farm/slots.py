"""How many runs a process works on at once; one that waits for a person counts as none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slot:
    """One run's place among those that work. ``parked`` is set while it waits for a person."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._held = False
        self.parked = asyncio.Event()

    async def take(self) -> None:
        await self._places.acquire()
        self._held = True

    def give_back(self) -> None:
        if self._held:
            self._held = False
            self._places.release()

    @asynccontextmanager
    async def given_up(self) -> AsyncIterator[None]:
        """Let others work in the meantime; take a place again to go on."""
        self.give_back()
        self.parked.set()
        try:
            yield
        finally:
            self.parked.clear()
        await self.take()
