"""`bench waits`: many customers wait for a code on one process, and data runs go on as if they did not."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from meterfarm.bench.child import BenchFailed, child
from meterfarm.bench.journeys.speculoos_power import JOURNEY
from meterfarm.bench.portal import farm_environment, portal_at, today
from meterfarm.bench.waiting import RESUMED, WARMING
from meterfarm.console.errors import NotSetUp

_MIB = 5 * 1024
_RATIO = 1.3
_LONG = "36000"
_CAPTION = "p50, p95: seconds of a data run; memory: MiB (PSS) of worker, browser, Redis and bench together"


async def bench(waiting: int, data: int) -> object:
    """Measure, print the table; its figures as JSON has them."""
    with tempfile.TemporaryDirectory(prefix="meterfarm-measures-", ignore_cleanup_errors=True) as scratch:
        try:
            rows, resumed = await _measured(Path(scratch), waiting, data)
        except BenchFailed as exc:
            raise NotSetUp(f"{exc} Nothing was measured.") from exc
    _show(rows, resumed)
    return {"rows": rows}


async def _measured(scratch: Path, waiting: int, data: int) -> tuple[Sequence[Mapping[str, float]], int]:
    home = scratch / "meterfarm"
    home.mkdir(mode=0o700)
    names = [JOURNEY.username(number) for number in range(1, 2 * data + WARMING + 1)]
    async with portal_at(JOURNEY.utility, today(JOURNEY.utility), scratch, names) as portal:
        environment = {**farm_environment(home, portal), "METERFARM_MFA_WAIT": _LONG}
        arguments = (portal.base_url, str(waiting), str(data))
        async with child(
            "meterfarm.bench.waiting", *arguments, folder=scratch, environment=environment
        ) as started:
            started.start()
            rows = [_rounded(await started.next_line()), _rounded(await started.next_line())]
            return rows, int((await started.next_line())["resumed"])


def _rounded(row: Mapping[str, Any]) -> Mapping[str, float]:
    return {name: round(value, 3) for name, value in row.items()}


def _show(rows: Sequence[Mapping[str, float]], resumed: int) -> None:
    figures = Table("waiting", "data runs", "p50", "p95", "memory", caption=_CAPTION)
    for row in rows:
        figures.add_row(*(f"{value:g}" for value in row.values()))
    alone, beside = rows
    ratio = beside["p95"] / alone["p95"]
    reached = Table("", "is", "aimed at", "")
    reached.add_row("p95 beside them / p95 alone", f"{ratio:.2f}", f"{_RATIO:g}", _met(ratio <= _RATIO))
    memory = beside["memory_mib"]
    reached.add_row("memory when all wait, MiB", f"{memory:.0f}", str(_MIB), _met(memory < _MIB))
    page = (memory - alone["memory_mib"]) / max(beside["waiting"], 1)
    reached.add_row("memory for each who waits, MiB", f"{page:.1f}", "", "")
    reached.add_row("answered, and all data fetched", str(resumed), str(RESUMED), "")
    console = Console()
    console.print(figures)
    console.print(reached)


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"
