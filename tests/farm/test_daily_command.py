"""A command that is started each day: at its time, once in a farm, with its output kept apart."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.testing import capture_logs

from meterfarm.farm.redis.private import PrivateRedis
from meterfarm.farm.workers.daily_command import DailyCommand

AT = "03:30"


def clock(now: datetime) -> Callable[[], datetime]:
    """Set to ``now`` when first asked, and going on from there."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    return lambda: now + timedelta(seconds=loop.time() - began)


def daily(folder: Path, script: str, name: str = "log") -> DailyCommand:
    return DailyCommand("nightly", (sys.executable, "-c", script), AT, folder / name)


async def test_two_that_wait_for_the_same_time_start_it_once(
    tmp_path: Path, private_redis: PrivateRedis
) -> None:
    """And it waits for the next day then: its output is there once, for its owner alone."""
    now = clock(datetime(2026, 11, 29, 3, 29, 59, 800_000, tzinfo=UTC))
    said = "print('this night')"
    with capture_logs() as logged:
        waiting = [
            asyncio.create_task(daily(tmp_path, said, name).run(private_redis.url, "farm", now))
            for name in ("one", "two")
        ]
        async with asyncio.timeout(20):
            while not any(line["event"] == "nightly.ended" for line in logged):
                await asyncio.wait(waiting, timeout=0.02)
        for one in waiting:
            one.cancel()
        await asyncio.wait(waiting)
    (name,) = [name for name in ("one", "two") if (tmp_path / name).exists()]
    assert (tmp_path / name).read_text() == "this night\n"
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert [line["event"] for line in logged] == ["nightly.started", "nightly.ended"]


async def test_a_status_that_is_not_0_is_a_warning_and_names_the_output(tmp_path: Path) -> None:
    with capture_logs() as logged:
        await daily(tmp_path, "raise SystemExit(3)").start()
    assert (logged[-1]["log_level"], logged[-1]["status"]) == ("warning", 3)
    assert logged[-1]["output"] == str(tmp_path / "log")


async def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    script = "import signal; print('on', flush=True); signal.pause()"
    running = asyncio.create_task(daily(tmp_path, script).start())
    async with asyncio.timeout(20):
        while "on" not in ((tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""):
            await asyncio.wait({running}, timeout=0.02)
    running.cancel()
    await asyncio.wait_for(asyncio.wait({running}), 20)
    assert running.cancelled()


async def test_without_redis_the_day_is_left_out(tmp_path: Path) -> None:
    now = clock(datetime(2026, 11, 29, 3, 29, 59, 900_000, tzinfo=UTC))
    with capture_logs() as logged:
        waiting = asyncio.create_task(daily(tmp_path, "print()").run("redis://127.0.0.1:1/0", "farm", now))
        async with asyncio.timeout(20):
            while not logged:
                await asyncio.wait({waiting}, timeout=0.02)
        waiting.cancel()
        await asyncio.wait({waiting})
    assert [line["event"] for line in logged] == ["nightly.skipped"]
    assert not (tmp_path / "log").exists()
