"""A meter's exports are asked for side by side: as many as requests may be under way, if scripts allow it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from meterfarm.records import Account, Document, IntervalData, ListedBill, Meter, Outcome
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.utility import AvailableIntervals, Capabilities
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests.scrapers.neutral import NEW_YORK, Neutral
from tests.scrapers.offline import Offline
from tests.storage.made import ACCOUNT, ELECTRIC, series

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 6)
MIDNIGHT = int(datetime(2026, 10, 1, tzinfo=NEW_YORK).timestamp())


class Oven(Neutral):
    """An export has a day; there are six."""

    session_concurrency: ClassVar[int] = 3
    capabilities: ClassVar[Capabilities] = Capabilities(granularities=(3600,), longest_export_days={3600: 1})

    def __init__(self) -> None:
        self.asked: list[date] = []
        self.most = self.under_way = 0

    async def is_signed_in(self, visit: Visit) -> bool:
        return True

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        return [replace(ACCOUNT, meters=(ELECTRIC,))]

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        return []

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        return [AvailableIntervals(ELECTRIC.id, FIRST, LAST, granularity=3600)]

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        with self.noted(first):
            await asyncio.to_thread(self.most.bit_count)  # others may come meanwhile
        return Document(b"data", "text/csv", "x.csv")

    def read_intervals(self, document: Document, meter: Meter) -> IntervalData:
        made = series([1] * 24 * 6)
        readings = [
            one._replace(start=MIDNIGHT + 3600 * hour, seconds=3600) for hour, one in enumerate(made.readings)
        ]
        return IntervalData([replace(made, readings=readings)])

    @contextmanager
    def noted(self, day: date) -> Iterator[None]:
        self.asked.append(day)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        yield
        self.under_way -= 1


class Beside(Oven):
    """Gives nothing before three are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.three = asyncio.Barrier(3)

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        with self.noted(first):
            async with asyncio.timeout(20):
                await self.three.wait()
        return Document(b"data", "text/csv", "x.csv")


class Alone(Oven):
    side_by_side: ClassVar[frozenset[str]] = frozenset()


class LedAway(Oven):
    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        raise Stop(Outcome.BLOCKED, "It led to elsewhere.example.")


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[Offline]:
    with Store.open(Settings(home=tmp_path / "store")) as farm:
        yield Offline(farm.of(), tmp_path)


@pytest.mark.parametrize(("kind", "most"), [(Beside, 3), (Alone, 1)])
async def test_as_many_are_under_way_as_the_script_allows(
    kind: type[Oven], most: int, offline: Offline
) -> None:
    oven = kind()
    result = await offline.run(oven)
    assert result.outcome is Outcome.COMPLETE, result.message
    assert (len(oven.asked), len(set(oven.asked)), oven.most) == (6, 6, most)


async def test_what_ends_the_run_is_named_at_the_item(offline: Offline) -> None:
    result = await offline.run(LedAway())
    assert result.outcome is Outcome.BLOCKED
    assert [item.reason for item in result.ledger] == ["It led to elsewhere.example."]
