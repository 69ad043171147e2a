"""The `doctor` command: whether this machine has what the farm needs, and what to do if not."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from meterfarm.console.command_context import CommandContext, command_context
from meterfarm.console.doctor.check_result import CheckResult, Health, fail, well
from meterfarm.console.doctor.clock import Compared
from meterfarm.console.doctor.doctor_outside import (
    examine_bill_layouts,
    examine_channels,
    examine_clock,
    examine_mail,
    examine_portals,
    examine_redis,
)
from meterfarm.console.doctor.doctor_state import examine_disk, examine_files, examine_state, examine_workers
from meterfarm.console.exit_status import MACHINE, OK
from meterfarm.console.terminal.listing import Facts
from meterfarm.console.terminal.output import print_json, show
from meterfarm.scrapers.browser.chromium import (
    BrowserGone,
    BrowserMissing,
    Chromium,
    find_chromium,
    must_have_browser,
)
from meterfarm.scrapers.browser.remote import endpoint, named
from meterfarm.support.local_hosts import read_local_hosts

_WIDEST = max(map(len, Health)) + 2
_COLOURS = {Health.OK: "green", Health.WARNING: "yellow", Health.FAILED: "bold red"}


async def examine(*, as_json: bool) -> int:
    """Check everything; 1 if something failed."""
    found = []
    with command_context() as now:
        async for check in _checks(now):
            found.append(check)
            if not as_json:
                show(_line(check))
    if as_json:
        print_json([_document(check) for check in found])
    return MACHINE if any(check.health is Health.FAILED for check in found) else OK


async def _checks(now: CommandContext) -> AsyncIterator[CheckResult]:
    clocks: list[Compared] = []
    yield await _browser()
    yield await examine_redis(now, clocks)
    for check in await asyncio.to_thread(examine_state, now.settings, clocks):
        yield check
    yield await asyncio.to_thread(examine_workers, now)
    yield await asyncio.to_thread(examine_files, now.settings)
    yield examine_disk(now.settings.home)
    local = await asyncio.to_thread(read_local_hosts, now.settings.local_hosts)
    for check in await asyncio.to_thread(examine_portals, now.farm, clocks, local):
        yield check
    for check in examine_bill_layouts():
        yield check
    async for check in examine_channels(now):
        yield check
    yield await examine_mail(now)
    yield examine_clock(clocks)


async def _browser() -> CheckResult:
    try:
        must_have_browser()
        where = named(endpoint()) if endpoint() else str(find_chromium())
        with tempfile.TemporaryDirectory() as scratch:
            async with Chromium(["127.0.0.1"], Path(scratch)) as chromium:
                version = (await chromium.browser()).version
    except (BrowserMissing, BrowserGone) as exc:
        return fail("browser", str(exc))
    return well("browser", f"Chromium {version} starts ({where})")


def _document(check: CheckResult) -> dict[str, object]:
    return {"check": check.check, "health": check.health, "detail": check.detail, "todo": check.todo}


def _line(check: CheckResult) -> Facts:
    detail = (
        f"{check.check}: {check.detail}; {check.todo}" if check.todo else f"{check.check}: {check.detail}"
    )
    return Facts([(check.health.value, detail)], style=_COLOURS[check.health], margin=_WIDEST)
