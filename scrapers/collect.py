"""Bringing home what the portal lists and the store lacks. Bills and intervals fail independently."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from functools import partial

from records import Account, Outcome
from scrapers.bills import BillCollector
from scrapers.connect import Door
from scrapers.intervals import IntervalCollector
from scrapers.ledger import Ledger
from scrapers.outcomes import Stop
from scrapers.progress import Progress
from scrapers.reader import read_and_store
from scrapers.visit import Visit
from storage.results import Customer
from storage.store import Store


class Collection:
    """One run's collecting. ``ledger`` is true at any moment, also after a ``Stop``."""

    def __init__(
        self,
        visit: Visit,
        door: Door,
        store: Store,
        customer: Customer,
        progress: Progress,
        since: date | None,
    ) -> None:
        self.ledger = Ledger()
        self.accounts: Sequence[Account] = ()
        self._visit = visit
        self._door = door
        self._store = store
        self._customer = customer
        self._progress = progress
        self._since = since

    async def collect(self) -> tuple[Outcome, str]:
        """Collect every account of the login; what it came to, and a sentence about it.

        Raises:
            Stop: the portal or the script stood in the way; what was stored stays.
        """
        self._progress.step("accounts")
        self.accounts = await self._door.inside(lambda: self._door.utility.accounts(self._visit))
        stops: list[Stop] = []
        for account in self.accounts:
            stops += await self._collect_account(account)
        if stops:
            raise stops[0]
        return self.ledger.outcome(len(self.accounts))

    async def _collect_account(self, account: Account) -> Sequence[Stop]:
        self._progress.step(f"account {account.number}")
        account_id = await read_and_store(self._store.save_account, self._customer, account)
        parts = (
            BillCollector(self._visit, self._door, self._store, self.ledger, self._progress),
            IntervalCollector(self._visit, self._door, self._store, self.ledger, self._progress),
        )
        stops = await asyncio.gather(
            *(_stop_of(partial(part.collect, account, account_id, self._since)) for part in parts)
        )
        found = [stop for stop in stops if stop is not None]
        for stop in found:
            if stop.outcome is not Outcome.LAYOUT_CHANGED:
                raise stop
        return found


async def _stop_of(part: Callable[[], Awaitable[None]]) -> Stop | None:
    """The ``Stop`` that ends one part, so that the other part still comes to its end."""
    try:
        await part()
    except Stop as stop:
        return stop
    return None
