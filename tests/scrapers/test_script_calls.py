"""What a script declares to run side by side does, and nothing else; what a visit keeps for a script."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import ClassVar

import pytest

from meterfarm.mfa.port import Nobody
from meterfarm.records import Account, Document, ListedBill, Meter
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.http.authorisation import Authorisation
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.page.turns import Turns
from meterfarm.scrapers.script_calls import ScriptCalls, current_call
from meterfarm.scrapers.utility import AvailableIntervals
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.support.redact import Secrets
from tests.scrapers.neutral import Neutral
from tests.scrapers.offline import Offline
from tests.storage.made import ACCOUNT, listed

Call = Callable[[str], Awaitable[None]]


@dataclass
class Watched:
    """Calls that each last for a few turns of the loop; ``seen`` has what was under way together."""

    calls: ScriptCalls
    now: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    async def call(self, name: str) -> None:
        async with self.calls.call(name):
            self.now.append(name)
            self.seen.append(" ".join(sorted(self.now)))
            for _ in range(3):
                await asyncio.sleep(0)
            self.now.remove(name)

    async def all(self, *names: str) -> list[str]:
        await asyncio.gather(*map(self.call, names))
        return self.seen


async def test_only_what_is_named_overlaps_and_turns_go_in_order() -> None:
    watched = Watched(ScriptCalls(frozenset({"pdf", "export"})))
    assert await watched.all("pdf", "export", "list", "pdf", "pdf", "list") == [
        "pdf",
        "export pdf",
        "list",
        "pdf",
        "pdf pdf",
        "list",
    ]


async def test_with_nothing_named_one_call_follows_the_other() -> None:
    watched = Watched(ScriptCalls(frozenset()))
    assert await watched.all("pdf", "pdf", "list") == ["pdf", "pdf", "list"]


async def test_a_call_within_a_call_is_a_part_of_it() -> None:
    calls = ScriptCalls(frozenset())
    async with asyncio.timeout(1), calls.call("list"), calls.call("pdf"):
        outer = current_call()
        assert outer is not None
        assert outer.name == "list"
        assert await asyncio.create_task(_current()) is outer
    assert current_call() is None


async def _current() -> object:
    return current_call()


@pytest.mark.parametrize("when", [0, 1, 4])
async def test_a_call_that_is_cancelled_keeps_nobody_waiting(when: int) -> None:
    """Before its turn, with its turn, and within it; what it took hold of is given back."""
    watched = Watched(ScriptCalls(frozenset()))
    first, cancelled, last = (asyncio.create_task(watched.call(name)) for name in "abc")
    for _ in range(when):
        await asyncio.sleep(0)
    cancelled.cancel()
    async with asyncio.timeout(1):
        await first
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await last
    assert watched.seen[-1][-1] == "c"


async def test_what_a_call_took_hold_of_is_given_back_at_its_end() -> None:
    given_back: list[str] = []

    async def trips() -> None:
        async with ScriptCalls(frozenset()).call("pdf"):
            call = current_call()
            assert call is not None
            call.at_end(lambda: given_back.append("page"))
            raise ValueError("tripped")

    with pytest.raises(ValueError, match="tripped"):
        await trips()
    assert given_back == ["page"]


class Remembering(Neutral):
    """Its session remembers what is shown: two calls at once would see each other's."""

    id = "remembering"
    side_by_side: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.most = self._now = 0

    async def _walked(self, name: str) -> None:
        self.seen.append(name)
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0.002)
        self._now -= 1

    async def is_signed_in(self, visit: Visit) -> bool:
        return True

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        await self._walked("accounts")
        return [ACCOUNT]

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        await self._walked("bills")
        return [listed(key) for key in "abcd"]

    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        await self._walked("bill_pdf")
        raise ItemFailed("there is none")

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        await self._walked("available_intervals")
        day = date(2026, 10, 1)
        return [AvailableIntervals(meter.id, day, day) for meter in account.meters]

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        await self._walked("export_intervals")
        raise ItemFailed("there is none")


class Forgetful(Remembering):
    """Answers each request by itself."""

    id = "forgetful"
    side_by_side: ClassVar[frozenset[str]] = frozenset({"bill_pdf", "export_intervals"})


async def test_the_engine_keeps_to_what_a_script_declares(tmp_path: Path) -> None:
    with Store.open(Settings(home=tmp_path / "store")) as farm:
        offline = Offline(farm.of(), tmp_path)
        alone, beside = Remembering(), Forgetful()
        await offline.run(alone)
        await offline.run(beside)
    calls = {"accounts": 1, "bills": 1, "available_intervals": 1, "bill_pdf": 4, "export_intervals": 2}
    assert Counter(alone.seen) == Counter(beside.seen) == calls
    assert alone.most == 1
    assert beside.most >= 4


async def test_a_call_that_waits_for_the_headers_lends_them_its_page() -> None:
    """Else each would wait for the other: one holds the page, the other renews the headers by it."""
    calls, turns = ScriptCalls(frozenset({"pdf", "export"})), Turns()
    has_page, renews = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def ask(_: bool) -> dict[str, str]:
        renews.set()
        await has_page.wait()
        async with turns.turn():
            order.append("renewed")
        return {"authorization": "Bearer 2"}

    known = Authorisation(ask, ["api.example"], lambda *_: None)

    async def pdf() -> None:
        async with calls.call("pdf"):
            await known.headers()

    async def export() -> None:
        async with calls.call("export"):
            async with turns.turn():
                await renews.wait()
            has_page.set()
            await known.headers()
            async with turns.turn():
                order.append("exported")

    async def other() -> None:
        await has_page.wait()
        async with calls.call("pdf"), turns.turn():
            order.append("other")

    async with asyncio.timeout(2):
        await asyncio.gather(pdf(), export(), other())
    assert order == ["renewed", "exported", "other"]


def test_a_visit_has_one_instance_of_what_a_script_remembers(tmp_path: Path) -> None:
    @dataclass
    class Remembered:
        pages: list[str] = field(default_factory=list)

    def visit() -> Visit:
        chromium = Chromium(["127.0.0.1"], tmp_path)
        return Visit(Neutral(), "http://127.0.0.1:1", chromium, Nobody(), Secrets())

    first = visit()
    first.state(Remembered).pages.append("a page")
    assert first.state(Remembered).pages == ["a page"]
    assert visit().state(Remembered).pages == []
