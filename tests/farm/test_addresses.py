"""Where a portal is, is a matter of settings: what lacks there is not the portal's fault."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

import pytest
from redis.asyncio import Redis

from meterfarm.console.errors import UsageError
from meterfarm.console.scraping.options import ScrapeOptions, is_served_by_fake, plan
from meterfarm.farm.codes.mailboxes import MailboxConnections
from meterfarm.farm.redis.limits import RateLimits
from meterfarm.farm.settings import FarmSettings
from meterfarm.farm.workers.challenge_broker import PendingChallenges, Slot
from meterfarm.farm.workers.run_task import RunTask, WorkerContext
from meterfarm.records import Outcome, RunKind, WhoActs
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.storage import StorageError
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.utilities.speculoos_power import UTILITY
from meterfarm.utilities.speculoos_power.script import SpeculoosPower

ADA = "ada@bayou.energy"


class Elsewhere(SpeculoosPower):
    """A script in development, against a server of its own."""

    local_url: ClassVar[str] = "http://127.0.0.1:9000"


def test_the_fake_utility_is_only_the_portal_of_scripts_that_name_it() -> None:
    assert is_served_by_fake(UTILITY)
    assert not is_served_by_fake(Elsewhere())


def test_no_password_goes_to_the_fake_utility_for_another_portal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(SpeculoosPower, "local_url", "http://127.0.0.1:9000")
    with pytest.raises(UsageError, match="does not serve Speculoos Power"):
        plan(ScrapeOptions("speculoos_power", ADA, fake=True, out=tmp_path))


@pytest.mark.parametrize(
    "address",
    [
        "portal.example",
        "http://portal.example",
        "ftp://portal.example",
        "https://",
        "https://a:b@portal.example",
    ],
)
def test_an_address_that_could_never_be_visited_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(StorageError, match="write an address like https://portal"):
        FarmSettings(portal_urls=f"speculoos_power={address}")


@pytest.mark.parametrize("kind", [RunKind.CONNECT, RunKind.COLLECT])
@pytest.mark.parametrize("utility", ["speculoos_power", "script_that_went"])
async def test_a_run_without_an_address_is_ours_to_mend_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: RunKind, utility: str
) -> None:
    """Neither the portal's breaker nor its back-off hears of it, and the sentence has the setting to make."""
    monkeypatch.setattr(SpeculoosPower, "local_url", "")
    with Store.open(Settings(home=tmp_path / "home")).of() as store:
        customer = store.customers.ensure(utility, ADA)
        for _ in range(6):
            claim = store.runs.begin(customer, kind)
            assert claim is not None
            async with Chromium([], tmp_path) as chromium:
                redis = Redis.from_url("redis://127.0.0.1:1")
                waiting = PendingChallenges(store.farm)
                tools = WorkerContext(
                    store.farm,
                    chromium,
                    RateLimits(redis, "farm"),
                    waiting,
                    MailboxConnections(store.farm, waiting.resolve),
                    FarmSettings(portal_urls=""),
                    tmp_path / "evidence",
                )
                await RunTask(claim, Slot(asyncio.Semaphore(1)), tools, None).start()
                await redis.aclose()
            story = store.runs.story(claim.lease.run_id)
            assert story is not None
            assert story.run.outcome is Outcome.NOT_CONFIGURED
            assert utility in story.run.message
        assert Outcome.NOT_CONFIGURED.who_acts is WhoActs.US
        assert store.runs.list(active=True) == []
        assert not store.farm.breakers.open()
