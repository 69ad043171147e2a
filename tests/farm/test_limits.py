"""What a portal sees of the farm: never more at once or within a second than it bears, whatever happens."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from meterfarm.farm.redis.limits import PortalRateLimiter, RateLimits, RateLimitsUnavailable
from meterfarm.farm.redis.limits_script import DEFAULT_TIMES, LimitTimes
from meterfarm.farm.redis.private import PrivateRedis
from tests.local_site import local_site
from tests.scrapers.village import Village

ROOT = Path(__file__).parents[2]


@dataclass
class Portal:
    """The portal's own counters; ``/slow`` is answered when ``go`` is set."""

    port: int = 0
    now: int = 0
    most: int = 0
    arrived: list[float] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    async def answer(self, request: Request) -> Response:
        self.arrived.append(time.monotonic())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if request.url.path == "/slow":
                await until(self.go.is_set)
            await asyncio.sleep(0.05 * random.random())  # noqa: S311 - any will do
        finally:
            self.now -= 1
        return PlainTextResponse("here you are")

    def most_in_a_second(self) -> int:
        times = sorted(self.arrived)
        return max(sum(1 for time in times[n:] if time < first + 1) for n, first in enumerate(times))


async def until(fits: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not fits():  # noqa: ASYNC110 - another process or thread does it
            await asyncio.sleep(0.005)


def wait_until(fits: Callable[[], bool]) -> None:
    waiting = Retrying(
        stop=stop_after_delay(20), wait=wait_fixed(0.01), retry=retry_if_result(lambda fit: not fit)
    )
    waiting(fits)


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal()
    with local_site([Route("/{path}", portal.answer)]) as site:
        portal.port = int(site.url.rpartition(":")[2])
        yield portal
        portal.go.set()


@contextmanager
def asker(
    server: PrivateRedis, portal: Portal, at_once: int, per_second: float, requests: int, path: str = "/quick"
) -> Iterator[subprocess.Popen[str]]:
    numbers = (portal.port, at_once, per_second, requests)
    command = [sys.executable, "-m", "tests.farm.asker", server.url, *map(str, numbers), path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def askers(
    server: PrivateRedis, portal: Portal, at_once: int, per_second: float, requests: int, path: str = "/quick"
) -> Iterator[None]:
    """Four processes, of which all requests are answered when the block has ended."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(asker(server, portal, at_once, per_second, requests, path)) for _ in range(4)
        ]
        yield
        for process in processes:
            assert process.communicate()[0].count("answered\n") == requests
            assert process.returncode == 0
    assert len(portal.arrived) == 4 * requests


@asynccontextmanager
async def worker(
    server: PrivateRedis, at_once: int = 2, per_second: float = 1_000, times: LimitTimes = DEFAULT_TIMES
) -> AsyncIterator[PortalRateLimiter]:
    """What another process has: its own connection and its own limits."""
    async with Redis.from_url(server.url) as redis, RateLimits(redis, "farm", times) as limits:
        yield limits.named("village", at_once, per_second)


def under_way(server: PrivateRedis) -> int:
    with BlockingRedis.from_url(server.url) as redis:
        return int(redis.zcard("meterfarm:limits:{farm:village}:flying"))


def tokens(server: PrivateRedis) -> int:
    with BlockingRedis.from_url(server.url) as redis:
        return int(redis.zcard("meterfarm:limits:{farm:village}:tokens"))


def test_four_processes_never_pass_the_rate_and_use_it(private_redis: PrivateRedis, portal: Portal) -> None:
    with askers(private_redis, portal, at_once=12, per_second=20, requests=16):
        pass
    assert portal.most_in_a_second() in {18, 19, 20}
    assert portal.most <= 12


def test_four_processes_never_pass_what_goes_at_once_and_use_it(
    private_redis: PrivateRedis, portal: Portal
) -> None:
    with askers(private_redis, portal, at_once=4, per_second=1_000, requests=12, path="/slow"):
        wait_until(lambda: portal.now >= 4)
        portal.go.set()
    assert portal.most == 4
    assert under_way(private_redis) == 0


def test_nothing_is_passed_when_redis_forgets_everything(private_redis: PrivateRedis, portal: Portal) -> None:
    with askers(private_redis, portal, at_once=4, per_second=20, requests=16):
        with BlockingRedis.from_url(private_redis.url) as redis:
            for seen in (10, 30):
                wait_until(lambda seen=seen: len(portal.arrived) >= seen)  # type: ignore[misc]
                redis.flushall()
    assert portal.most_in_a_second() <= 20
    assert portal.most <= 4


def test_nothing_is_passed_when_redis_dies_and_is_restarted(
    private_redis: PrivateRedis, portal: Portal
) -> None:
    with askers(private_redis, portal, at_once=4, per_second=20, requests=16):
        wait_until(lambda: len(portal.arrived) >= 10)
        with BlockingRedis.from_url(private_redis.url) as redis:
            redis.shutdown(nosave=True)
        wait_until(lambda: not private_redis.alive())
        private_redis.ensure()
    assert portal.most_in_a_second() <= 20
    assert portal.most <= 4


def test_the_places_of_a_killed_process_come_back(private_redis: PrivateRedis, portal: Portal) -> None:
    with asker(private_redis, portal, 4, 1_000, 9, "/slow") as killed:
        wait_until(lambda: portal.now == 4)
        with asker(private_redis, portal, 4, 1_000, 1) as other:
            wait_until(lambda: bool(waits_in_line(private_redis)))
            killed.kill()
            at = time.monotonic()
            assert other.stdout is not None
            assert other.stdout.readline() == "answered\n"
            assert 3 < time.monotonic() - at < 6.5


def waits_in_line(server: PrivateRedis) -> int:
    """How many processes wait, besides one that waits for itself."""
    with BlockingRedis.from_url(server.url) as redis:
        return int(redis.zcard("meterfarm:limits:{farm:village}:line")) - 1


async def test_a_request_keeps_its_place_as_long_as_it_lasts(private_redis: PrivateRedis) -> None:
    times = LimitTimes(lapse=0.3, renew=0.1)
    async with (
        worker(private_redis, at_once=1, times=times) as limits,
        worker(private_redis, at_once=1, times=times) as other,
    ):
        async with limits.request():
            assert not await granted_within(other, 1)
        assert await granted_within(other, 1)


async def test_what_a_silent_process_has_under_way_may_still_arrive(private_redis: PrivateRedis) -> None:
    times = LimitTimes(silent=0.1, lapse=1.5, renew=60)
    async with (
        worker(private_redis, at_once=1, times=times) as limits,
        worker(private_redis, at_once=1, times=times) as other,
    ):
        async with limits.request():
            assert not await granted_within(other, 1)
            assert await granted_within(other, 1)


@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_request_without_answer_may_still_arrive_when_the_connection_is_back(
    private_redis: PrivateRedis, is_answered: bool
) -> None:
    times = LimitTimes(lapse=2, renew=0.1, answer=0.2)
    async with (
        worker(private_redis, at_once=1, times=times) as limits,
        worker(private_redis, at_once=1, times=times) as other,
    ):
        with suppress(ConnectionResetError):
            async with limits.request():
                with capture_logs() as logs, out_of_reach(private_redis):
                    await until(lambda: "redis.away" in [log["event"] for log in logs])
                    if not is_answered:
                        raise ConnectionResetError
        assert await granted_within(other, 1) is is_answered
        assert await granted_within(other, 5)


@contextmanager
def out_of_reach(server: PrivateRedis) -> Iterator[None]:
    with BlockingRedis.from_url(server.url) as redis:
        pid = redis.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def granted_within(limits: PortalRateLimiter, seconds: float) -> bool:
    async def once() -> None:
        async with limits.request():
            pass

    try:
        async with asyncio.timeout(seconds):
            await once()
    except TimeoutError:
        return False
    return True


async def test_first_come_first_served(private_redis: PrivateRedis) -> None:
    served: list[int] = []

    async def customer(number: int) -> None:
        async with limits.request():
            served.append(number)
            await asyncio.sleep(0)

    async with worker(private_redis) as limits:
        await asyncio.gather(*(customer(number) for number in range(50)))
    assert served == list(range(50))


async def test_requests_of_pages_go_before_those_for_data(private_redis: PrivateRedis) -> None:
    """But for those that Redis was just asked for."""
    served: list[str] = []

    async def customer(name: str, *, of_page: bool) -> None:
        async with limits.request(of_page=of_page):
            served.append(name)

    async with worker(private_redis, at_once=1) as limits:
        async with limits.request():
            tasks = [asyncio.create_task(customer(f"data {n}", of_page=False)) for n in range(5)]
            await asyncio.sleep(0)  # they have lined up
            tasks += [asyncio.create_task(customer(f"page {n}", of_page=True)) for n in range(3)]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
    assert sorted(served[:4]) in (
        ["data 0", "page 0", "page 1", "page 2"],
        ["page 0", "page 1", "page 2", "data 0"],
    )
    for kind in ("data", "page"):
        of_kind = [name for name in served if name.startswith(kind)]
        assert of_kind == sorted(of_kind)


async def test_a_process_with_much_to_do_leaves_a_place_to_the_others(private_redis: PrivateRedis) -> None:
    async def busy() -> None:
        async with crowd.request():
            await asyncio.sleep(0.05)

    async with worker(private_redis) as crowd, worker(private_redis) as single:
        crowding = [asyncio.create_task(busy()) for _ in range(100)]
        await until(lambda: sum(task.done() for task in crowding) >= 2)
        for _ in range(3):
            async with single.request():
                await asyncio.sleep(0.05)
        assert sum(task.done() for task in crowding) < 40
        await asyncio.gather(*crowding)


async def test_one_that_no_longer_waits_is_passed_over(private_redis: PrivateRedis) -> None:
    async with worker(private_redis, at_once=1) as limits:
        async with limits.request():
            first, second = (asyncio.create_task(granted_within(limits, 5)) for _ in range(2))
            await until(lambda: under_way(private_redis) == 1)
            first.cancel()
        assert await second
        await until(lambda: under_way(private_redis) == 0)


async def test_whoever_gives_up_at_whatever_moment_leaks_nothing(private_redis: PrivateRedis) -> None:
    async def customer() -> None:
        async with limits.request():
            await asyncio.sleep(0.002 * random.random())  # noqa: S311 - any moment will do

    async with worker(private_redis) as limits:
        tasks = [asyncio.create_task(customer()) for _ in range(300)]
        for number, task in enumerate(tasks[::2]):
            asyncio.get_running_loop().call_later(number / 1_000, task.cancel)
        await asyncio.wait(tasks)
        await until(lambda: under_way(private_redis) == 0)
        assert await granted_within(limits, 1)
    assert not [task for task in tasks if not task.cancelled() and task.exception()]


@pytest.mark.parametrize(("cost", "extra"), [(3, 0), (1, 2), (2, 1)])
async def test_what_a_browser_follows_by_itself_counts(
    private_redis: PrivateRedis, cost: int, extra: int
) -> None:
    async with worker(private_redis, 4, 4) as limits, worker(private_redis, 4, 4) as other:
        async with limits.request(cost) as held:
            for _ in range(extra):
                held.extra()
            await until(lambda: tokens(private_redis) == cost + extra)
        assert await granted_within(other, 0.5)
        assert not await granted_within(other, 0.4)
        assert await granted_within(other, 2)


async def test_a_request_that_costs_more_than_all_there_is_goes_all_the_same(
    private_redis: PrivateRedis,
) -> None:
    async with worker(private_redis, 4, 1) as limits:
        async with asyncio.timeout(2), limits.request(2):
            assert not await granted_within(limits, 0.2)


async def test_less_than_one_a_second_is_kept_too(private_redis: PrivateRedis) -> None:
    async with worker(private_redis, 4, 0.5) as limits:
        assert await granted_within(limits, 1)
        given_back = time.monotonic()
        assert await granted_within(limits, 4)
        assert time.monotonic() - given_back >= 2


async def test_while_redis_is_away_requests_wait(private_redis: PrivateRedis) -> None:
    async with worker(private_redis) as limits:
        async with limits.request():
            with BlockingRedis.from_url(private_redis.url) as redis:
                redis.shutdown(nosave=True)
            await until(lambda: not private_redis.alive())
            waiting = asyncio.create_task(granted_within(limits, 15))
            assert not (await asyncio.wait({waiting}, timeout=0.5))[0]
            private_redis.ensure()
            await until(lambda: under_way(private_redis) >= 1)
            assert await waiting
        await until(lambda: under_way(private_redis) == 0)


async def test_after_a_minute_without_redis_it_says_so(private_redis: PrivateRedis) -> None:
    times = LimitTimes(away=0.5)
    with BlockingRedis.from_url(private_redis.url) as redis:
        redis.shutdown(nosave=True)
    async with worker(private_redis, times=times) as limits:
        for _ in range(2):
            asked = time.monotonic()
            with pytest.raises(RateLimitsUnavailable, match="correct REDIS_URL"):
                await granted_within(limits, 10)
            assert time.monotonic() - asked >= 0.5


async def test_at_the_end_what_was_used_is_given_back_and_nobody_waits_on(
    private_redis: PrivateRedis,
) -> None:
    async with Redis.from_url(private_redis.url) as redis:
        async with RateLimits(redis, "farm") as limits:
            limiter = limits.named("village", 1, 1_000)
            async with limiter.request():
                waiting = asyncio.create_task(granted_within(limiter, 5))
                await asyncio.sleep(0)
            await limits.__aexit__(None, None, None)
        assert under_way(private_redis) == 0
        for refused in (waiting, granted_within(limiter, 5)):
            with pytest.raises(RateLimitsUnavailable, match="is stopping"):
                await refused


async def test_a_portal_says_what_it_bears(private_redis: PrivateRedis) -> None:
    async with Redis.from_url(private_redis.url) as redis, RateLimits(redis, "farm") as limits:
        limiter = limits.of(Village())
        assert limiter is limits.of(Village())
        async with limiter.request(), limiter.request(), limiter.request(), limiter.request():
            assert not await granted_within(limiter, 0.2)
