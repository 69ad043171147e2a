"""An export that the portal makes over hours: asked for once, fetched by a later run, not waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import update

from meterfarm.farm.policy import follow_up
from meterfarm.formats.errors import FormatError
from meterfarm.records import Account, Document, IntervalData, ListedBill, Meter, Outcome, Part, RunKind
from meterfarm.scrapers.clock import VisitClock
from meterfarm.scrapers.outcomes import ExportFailed, ExportPending, ItemFailed, SessionEnded
from meterfarm.scrapers.polling import polled
from meterfarm.scrapers.runs.run_executor import RunResult
from meterfarm.scrapers.utility import AvailableIntervals, Credentials
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import PendingExport
from meterfarm.storage.runs import Claim, Lease
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.storage.tables import PendingExportRow
from tests.scrapers.neutral import NEW_YORK, Neutral
from tests.scrapers.offline import USERNAME, Offline
from tests.storage.made import ACCOUNT, ELECTRIC, series

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 2)
HOURS = [1] * 48
SOON = 0.1


def whole_days() -> IntervalData:
    start = int(datetime(2026, 10, 1, tzinfo=NEW_YORK).timestamp())
    made = series(HOURS)
    readings = [
        replaced._replace(start=start + 3600 * hour, seconds=3600)
        for hour, replaced in enumerate(made.readings)
    ]
    return IntervalData([replace(made, readings=readings)])


class Kiln(Neutral):
    """Makes each export that it is asked for as job 1, 2...; ``states`` is what the next looks find."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.log: list[str] = []
        self.jobs = 0
        self.not_before: datetime | None = None
        self.seen: list[Sequence[PendingExport]] = []
        self.store: CompanyStore | None = None
        self.is_readable = True

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        self.log.append("sign in")

    async def is_signed_in(self, visit: Visit) -> bool:
        return True

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        return [replace(ACCOUNT, meters=(ELECTRIC,))]

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        return []

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        return [AvailableIntervals(ELECTRIC.id, FIRST, LAST)]

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        self.jobs += 1
        self.log.append(f"asked {self.jobs}: {meter.commodity} {first} {last}")
        return await self._made(visit, str(self.jobs))

    def read_intervals(self, document: Document, meter: Meter) -> IntervalData:
        if not self.is_readable:
            raise FormatError("its reader knows nothing of it")
        return whole_days()

    async def _made(self, visit: Visit, key: str) -> Document:
        async def look() -> Document | None:
            if self.store is not None:
                (account,) = self.store.accounts.list(self.store.customers.ensure(self.id, USERNAME))
                self.seen.append(self.store.pending_exports.list(account.id))
            state = self.states.pop(0) if self.states else "pending"
            if state == "failed":
                raise ExportFailed("the portal could not make it")
            if state == "signed out":
                raise SessionEnded
            return Document(b"data", "text/csv", "x.csv") if state == "there" else None

        if self.not_before is not None:
            raise ExportPending(key, self.not_before)
        return await visit.until(look, every=SOON, at_most=2 * SOON, pending=key)


class Patient(Kiln):
    """Can fetch what it asked for before."""

    async def resume_export(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date, key: str
    ) -> Document:
        self.log.append(f"resumed {key}")
        return await self._made(visit, key)


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[Offline]:
    with Store.open(Settings(home=tmp_path / "store")) as farm:
        yield Offline(farm.of(), tmp_path)


def kept(store: CompanyStore) -> Sequence[PendingExport]:
    (account,) = store.accounts.list(store.customers.ensure(Kiln.id, USERNAME))
    return store.pending_exports.list(account.id)


async def test_what_the_portal_is_still_making_is_fetched_by_a_later_run(offline: Offline) -> None:
    """The run ends well without it, and says so; nothing is asked for twice."""
    kiln = Patient()
    kiln.store = offline.store
    first = await offline.run(kiln)
    assert (first.outcome, first.outcome.exit_code) == (Outcome.PENDING, 0)
    (item,) = first.ledger
    assert (item.item, item.stored, item.pending) == ("intervals E1000001 2026-10", False, True)
    assert "the portal is still making the export, asked for on" in item.reason
    assert first.message.startswith("0 of 1 items are in store, 0 of them new. Pending: intervals E1000001")
    assert first.finished == {Part.BILLS}, "intervals are not ready"
    (pending,) = kept(offline.store)
    assert (pending.key, pending.first, pending.last) == ("1", FIRST, LAST)
    assert kiln.seen[0] == [pending], "it is in store before the portal is first asked for it"
    kiln.states = ["pending", "there"]
    second = await offline.run(kiln)
    assert second.outcome is Outcome.COMPLETE
    assert kiln.log == ["asked 1: electricity 2026-10-01 2026-10-02", "resumed 1"]
    assert second.finished == set(Part)
    assert not kept(offline.store)
    assert (await offline.run(kiln)).outcome is Outcome.COMPLETE
    assert len(kiln.log) == 2


async def test_an_export_is_left_alone_until_the_portal_said(offline: Offline) -> None:
    later = datetime.now(UTC) + timedelta(hours=3)
    kiln = Patient()
    kiln.not_before = later
    for _ in range(2):
        result = await offline.run(kiln)
        assert (result.outcome, result.again_at) == (Outcome.PENDING, later)
        assert f"the next run after {later:%Y-%m-%d %H:%M}" in result.ledger[0].reason
    assert [line.partition(":")[0] for line in kiln.log] == ["asked 1"]
    with offline.store.farm._farm.database.writing() as session:
        session.execute(update(PendingExportRow).values(requested_at=datetime.now(UTC) - timedelta(days=8)))
    kiln.not_before, kiln.states = None, ["there"]
    assert (await offline.run(kiln)).outcome is Outcome.COMPLETE
    assert [line.partition(":")[0] for line in kiln.log] == ["asked 1", "asked 2"], "given up and asked anew"


async def test_what_the_portal_failed_at_is_asked_for_anew_a_few_times(offline: Offline) -> None:
    """Also what an earlier run asked for; one that cannot be read is forgotten, too."""
    kiln = Patient()
    kiln.states = ["failed"] * 3
    result = await offline.run(kiln)
    assert (result.outcome, result.ledger[0].reason) == (Outcome.PARTIAL, "the portal could not make it")
    assert (kiln.jobs, kept(offline.store)) == (3, [])
    assert (await offline.run(kiln)).outcome is Outcome.PENDING
    kiln.states, kiln.is_readable = ["failed", "failed", "there"], False
    result = await offline.run(kiln)
    assert result.ledger[0].reason == "its reader knows nothing of it"
    assert (kiln.jobs, kept(offline.store)) == (6, [])


async def test_a_session_that_ends_meanwhile_loses_no_export(offline: Offline) -> None:
    kiln = Patient()
    kiln.states = ["pending", "signed out", "there"]
    assert (await offline.run(kiln)).outcome is Outcome.COMPLETE
    assert [line.partition(":")[0] for line in kiln.log] == ["asked 1", "sign in", "resumed 1"]


async def test_without_a_way_to_fetch_it_later_it_is_missing(offline: Offline) -> None:
    result = await offline.run(Kiln())
    assert result.outcome is Outcome.PARTIAL
    assert result.ledger[0].reason.endswith("its script has no resume_export that could fetch it later")
    assert not kept(offline.store)


async def test_what_is_not_there_in_time_is_an_item_that_failed() -> None:
    looks = []

    async def nothing() -> None:
        looks.append(clock.now())

    clock = VisitClock()
    with pytest.raises(ItemFailed, match=r"the report was not there after 0\.25 seconds"):
        await polled(clock, nothing, every=SOON, at_most=0.25, what="the report", pending="")
    assert len(looks) == 3
    assert all(later - sooner >= SOON for sooner, later in pairwise(looks))


@pytest.mark.parametrize("key", ["", "a\0", "k" * 300])
def test_a_key_that_cannot_be_kept_as_it_is_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="1 to 255 characters"):
        ExportPending(key)


@pytest.mark.parametrize(("minutes", "due"), [(20, 20), (0, 1), (600, 60)])
def test_a_refresh_is_due_when_the_portal_said_but_no_later_than_by_schedule(minutes: int, due: int) -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    customer = Customer(1, 1, 1, "neutral", "ada")
    claim = Claim(Lease(1, 1), customer, RunKind.COLLECT, frozenset(Part), 1, 0)
    again_at = at + timedelta(minutes=minutes)
    result = RunResult(customer, Outcome.PENDING, "It.", again_at=again_at)
    follow = follow_up(claim, result, at, dict.fromkeys(Part, timedelta(hours=1)))
    assert abs((follow.due[Part.INTERVALS] - at) / timedelta(minutes=1) - due) <= due * 0.1
    assert follow.due[Part.BILLS] > at + timedelta(minutes=50)
    assert (follow.must_reauthenticate, follow.next_kind) == ("", None)
