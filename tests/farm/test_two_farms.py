"""Two farms on one Redis have nothing to do with each other."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from arq.constants import default_queue_name

from meterfarm.farm.redis.limits import RateLimits
from meterfarm.farm.redis.notifier import Notifier, Topic, notifier_at
from meterfarm.farm.redis.private import PrivateRedis
from meterfarm.records import Outcome, RunKind, RunState
from meterfarm.storage.runs import RunInfo, RunNotification
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.worker import _crons
from tests.farm.redises import redis_at
from tests.farm.whole import Farm, farm_at
from tests.postgres import running
from tests.storage.made import key

RING = RunNotification(1, 1, RunKind.COLLECT)


def test_a_database_has_a_name_that_stays_and_that_no_copy_has(tmp_path: Path) -> None:
    """Not even of a farm that had run before it was copied."""
    with Store.open(Settings(home=tmp_path / "a")).of() as store:
        name = store.farm.workforce.key()
    with (
        Store.open(Settings(home=tmp_path / "a")).of() as again,
        Store.open(Settings(home=tmp_path / "b")).of() as other,
    ):
        assert again.farm.workforce.key() == name
        assert other.farm.workforce.key() != name
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    with Store.open(Settings(home=tmp_path / "copy")).of() as copy:
        assert copy.farm.workforce.key() != name


def test_machines_that_share_a_postgres_are_one_farm(tmp_path: Path) -> None:
    server = running()
    first, second = (server.url(server.new_database()) for _ in range(2))
    with ExitStack() as stack:
        names = [
            stack.enter_context(
                Store.open(Settings(home=tmp_path / str(number), database_url=url, secret_keys=key(9))).of()
            ).farm.workforce.key()
            for number, url in enumerate([first, first, second])
        ]
    assert names[0] == names[1]
    assert names[1] != names[2]


async def test_jobs_marks_and_messages_of_one_are_not_the_others(private_redis: PrivateRedis) -> None:
    async with notifier_at(private_redis.url, "one") as one, notifier_at(private_redis.url, "two") as two:
        assert await one.has_been_flushed()
        assert await two.has_been_flushed(), "it is not taken to remember since another farm was here"
        assert not await one.has_been_flushed()
        heard = asyncio.create_task(_first(two))
        while not (await one.redis.pubsub_numsub(two._channel(Topic.ANSWER)))[0][1]:
            assert not heard.done()
        await one.notify([RING])
        await one.announce_answer(7)
        await one.announce_cancel(7)
        assert await one.missing([RING]) == []
        assert await two.missing([RING]) == []
        assert await two.missing([RING]) == [RING], "the other's job is not taken for its own"
        await one.redis.publish(two._channel(Topic.ANSWER), "no number")
        await two.notify([RING])
        assert await two.missing([RING]) == []
        assert await asyncio.wait_for(heard, 5) == (Topic.RUN, 1)
        keys = {name.decode() for name in await one.redis.keys("*")}
        assert all("one" in name or "two" in name for name in keys), keys
        assert not await one.redis.exists(default_queue_name)


async def _first(notifier: Notifier) -> tuple[Topic, int]:
    async for what in notifier.messages():
        return what
    raise AssertionError("nothing was heard")


async def test_what_one_asks_of_a_portal_takes_no_place_of_the_other(private_redis: PrivateRedis) -> None:
    """They are not to know of each other; docs/operate.md says what that means for the portal."""
    async with notifier_at(private_redis.url, "one") as one, notifier_at(private_redis.url, "two") as two:
        async with RateLimits(one.redis, "one") as ours, RateLimits(two.redis, "two") as theirs:
            async with ours.named("village", 1, 1).request(), asyncio.timeout(5):
                async with theirs.named("village", 1, 1).request():
                    pass


def test_what_is_done_at_set_times_is_done_for_each_farm() -> None:
    first, second = ({cron.name for cron in _crons(farm)} for farm in ("one", "two"))
    assert len(first) == 5
    assert not first & second


def test_workers_of_two_farms_on_one_redis_take_their_own_runs(tmp_path: Path) -> None:
    """Their runs have the same numbers and come at once; none is begun twice, or by the wrong ones."""
    with redis_at(tmp_path / "redis") as port, ExitStack() as stack:
        farms: list[Farm] = []
        for number in range(2):
            home = tmp_path / str(number) / "home"
            home.parent.mkdir()
            extra = {"REDIS_URL": f"redis://127.0.0.1:{port}"}
            farms.append(stack.enter_context(farm_at(home, "http://127.0.0.1:9", **extra)))
        for farm in farms:
            farm.start(1)
        customers = {farm.home: [farm.add(f"iamvalid.{n}@bayou.energy") for n in range(4)] for farm in farms}
        for farm in farms:
            ended = farm.wait(partial(_four_ended, farm), 40, "all runs ended")
            assert [run.outcome for run in ended] == [Outcome.PORTAL_DOWN] * 4
            assert [run.attempt for run in ended] == [1] * 4
            assert {run.customer_id for run in ended} == {customer.id for customer in customers[farm.home]}


def _four_ended(farm: Farm) -> list[RunInfo]:
    ended = [run for run in farm.runs() if run.state is RunState.ENDED]
    return ended if len(ended) == 4 else []
