"""`bench scrape`: one customer from nothing to everything, next to bare HTTP doing the same requests."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from meterfarm.bench.bare_http import BareClient, Seconds, available_range, visit
from meterfarm.fake_utility.running import FakeUtility
from meterfarm.mfa.port import Nobody
from meterfarm.records import Outcome
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.browser.scratch import scratch_folder
from meterfarm.scrapers.guard import own_hosts
from meterfarm.scrapers.runs.local_run import LocalRun
from meterfarm.scrapers.runs.progress import NoProgress
from meterfarm.scrapers.runs.run_executor import RunRequest
from meterfarm.scrapers.runs.spans import days, spans
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utility

USERNAME = "iamvalid@bayou.energy"
_CAPTION = "sign_in starts when Playwright is up; it includes the browser's start"


async def bench(rounds: int) -> object:
    """Measure both, turn by turn; print medians in seconds and their ratio, which are the figures."""
    log_to_stderr(Secrets())
    utility = load_utility("speculoos_power")
    meterfarm: list[Seconds] = []
    bare: list[Seconds] = []
    with tempfile.TemporaryDirectory() as scratch, FakeUtility(home=Path(scratch)) as at:
        base_url = at.http[utility.id]
        wanted = await _spans(base_url, utility.capabilities.export_days())
        await visit(base_url, USERNAME, wanted, utility.session_concurrency)
        for number in range(rounds):
            meterfarm.append(await _scrape(base_url, Path(scratch) / str(number)))
            bare.append(await visit(base_url, USERNAME, wanted, utility.session_concurrency))
    rows = [_row(part, meterfarm, bare) for part in ("sign_in", "collect")]
    _show(rows, rounds)
    return {"rows": rows}


async def _spans(base_url: str, longest: int) -> list[tuple[str, str]]:
    """The exports that a first scrape asks for, found as bare HTTP would find them."""
    client = BareClient(base_url)
    try:
        account = await client.sign_in(USERNAME)
        first, last = available_range((await client.request("GET", f"{account}/usage")).text)
    finally:
        await client.close()
    every_day = days(date.fromisoformat(first), date.fromisoformat(last))
    return [(str(start), str(end)) for start, end in spans(every_day, longest)]


async def _scrape(base_url: str, home: Path) -> Seconds:
    async def password() -> SecretStr:
        return SecretStr("x")

    request = RunRequest(
        utility=load_utility("speculoos_power"),
        base_url=base_url,
        username=USERNAME,
        password=password,
        person=Nobody(),
    )
    with scratch_folder(home) as scratch:
        async with Chromium(own_hosts(base_url, ()), scratch) as chromium:
            with (await asyncio.to_thread(Store.open, Settings(home=home))).of() as store:
                run = LocalRun(request, store, chromium, Secrets(), NoProgress(), home / "evidence")
                result = await run.run()
    if result.outcome is not Outcome.COMPLETE:
        raise RuntimeError(f"a measured scrape ended {result.outcome}: {result.message}")
    return Seconds(result.seconds["sign_in"], result.seconds["collect"])


def _row(part: str, meterfarm: Sequence[Seconds], bare: Sequence[Seconds]) -> dict[str, object]:
    ours = statistics.median(getattr(seconds, part) for seconds in meterfarm)
    theirs = statistics.median(getattr(seconds, part) for seconds in bare)
    return {
        "part": part,
        "rounds": len(meterfarm),
        "meterfarm_seconds": round(ours, 3),
        "bare_http_seconds": round(theirs, 3),
        "ratio": round(ours / theirs, 2),
    }


def _show(rows: Sequence[dict[str, object]], rounds: int) -> None:
    table = Table(
        "part",
        "Meterfarm, s",
        "bare HTTP, s",
        "ratio",
        title=f"{USERNAME}, medians of {rounds}",
        caption=_CAPTION,
    )
    for row in rows:
        table.add_row(
            str(row["part"]), str(row["meterfarm_seconds"]), str(row["bare_http_seconds"]), str(row["ratio"])
        )
    Console().print(table)
