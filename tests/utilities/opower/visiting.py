"""Runs of a utility that the library serves, against its stand-in. No browser is started."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pyotp
from pydantic import SecretStr

from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.mfa.port import Answers, Nobody
from meterfarm.records import Direction, Measure, RunKind
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.runs.local_run import LocalRun
from meterfarm.scrapers.runs.progress import NoProgress
from meterfarm.scrapers.runs.run_executor import RunRequest, RunResult
from meterfarm.scrapers.utility import Utility
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utility
from tests.stand_ins import StandIn, stand_in

PASSWORD = "correct horse"
Values = Mapping[int, int]


@dataclass
class Visited:
    """A stand-in, the utility that it is of, and a store."""

    at: StandIn
    store: CompanyStore
    folder: Path
    secrets: Secrets = field(default_factory=Secrets)

    @property
    def utility(self) -> Utility:
        return load_utility(self.at.portal.id)

    def username(self, local: str) -> str:
        return f"{local}@{self.at.portal.stranger.partition('@')[2]}"

    async def run(
        self,
        local: str,
        *,
        totp: str = "",
        person: Answers | None = None,
        kind: RunKind = RunKind.SCRAPE,
        password: str = PASSWORD,
    ) -> RunResult:
        """One visit, as ``scrape`` makes it."""

        async def given() -> SecretStr:
            return SecretStr(password)

        request = RunRequest(
            self.utility,
            self.utility.home,
            self.username(local),
            given,
            person or Nobody(),
            totp=pyotp.TOTP(totp) if totp else None,
            kind=kind,
        )
        async with Chromium([], self.folder / "scratch", local_hosts=self.at.hosts) as chromium:
            made = LocalRun(
                request, self.store, chromium, self.secrets, NoProgress(), self.folder / "evidence"
            )
            return await made.run()

    def stored(self, local: str, direction: Direction, measure: Measure = Measure.ENERGY) -> Values:
        """By start, in watt-hours or thousandths of a dollar's hundredth, of the customer's first meter."""
        customer = self.store.customers.ensure(self.utility.id, self.username(local))
        (kept, *_) = self.store.accounts.list(customer)
        series = self.store.readings.series(kept.id, kept.account.meters[0].id, (measure,))
        power = 5 if measure is Measure.COST else 0
        return {
            reading.start: reading.mantissa * 10 ** (one.exponent + power)
            for one in series
            if one.direction is direction
            for reading in one.readings
        }

    def published(self, local: str, direction: str) -> Values:
        """The same by the portal's own account."""
        portal, today = self.at.portal, self.at.state.today
        found = portal.book.find(self.username(local))
        assert found is not None
        (series,) = (one for one in portal.figures(found, today)[0].series[:2] if one.direction == direction)
        return {start: value for start, _, value, _ in series.readings(*series.days)}


@contextmanager
def visited(portal: FakePortal, folder: Path) -> Iterator[Visited]:
    """A stand-in at this hour, and an empty store."""
    now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    with stand_in(portal, folder, now) as at:
        (folder / "scratch").mkdir()
        store = Store.open(Settings(home=folder / "store")).of()
        try:
            yield Visited(at, store, folder)
        finally:
            store.close()


def day_of(start: int, utility: Utility) -> date:
    return datetime.fromtimestamp(start, utility.zone).date()


def until_next_step() -> float:
    return 30 - time.time() % 30
