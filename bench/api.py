"""`bench api`: the API next to a bare FastAPI app that reads the same rows, and years of intervals.

Both are servers of their own; they are asked in turn, several times, and the median counts. Then a hundred
clients ask ours at once, and one reads five years of quarter-hours of three meters while the server's memory
is looked at.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from meterfarm.bench.api_bare import DATABASE as BARE_DATABASE
from meterfarm.bench.api_load import LoadClient
from meterfarm.bench.api_store import METERS, YEAR, fill
from meterfarm.bench.child import BenchFailed
from meterfarm.bench.process_tree import memory_mib, peak_of
from meterfarm.bench.rows import percentile
from meterfarm.console.errors import NotSetUp
from meterfarm.storage.settings import DATABASE

_SIDE_BY_SIDE, _MANY = 8, 100
_WARM_UP = 200
_YEARS = 5
_STARTS_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class ApiRow:
    """A route: requests a second of ours and of the bare one, and seconds that 99 of 100 do not exceed.

    ``p99`` is of ours when a hundred clients ask at once.
    """

    route: str
    per_second: float
    bare_per_second: float
    ratio: float
    p99: float


@dataclass(frozen=True, slots=True)
class IntervalsRow:
    """Intervals of some years: seconds to the first byte and the last, MiB that the server grew by."""

    years: int
    intervals: int
    first: float
    total: float
    first_part: float
    peak_mib: float


async def bench(rounds: int) -> object:
    """Measure, print the tables; its figures as JSON has them."""
    with tempfile.TemporaryDirectory(prefix="meterfarm-measures-", ignore_cleanup_errors=True) as scratch:
        try:
            routes, intervals = await _measured(Path(scratch), rounds)
        except BenchFailed as exc:
            raise NotSetUp(f"{exc} Nothing was measured.") from exc
    _show(routes, intervals)
    return {"routes": [asdict(row) for row in routes], "intervals": [asdict(row) for row in intervals]}


async def _measured(scratch: Path, rounds: int) -> tuple[Sequence[ApiRow], Sequence[IntervalsRow]]:
    home = scratch / "meterfarm"
    home.mkdir(mode=0o700)
    key, customer, shorter = await asyncio.to_thread(fill, home, _YEARS)
    environment = {
        **os.environ,
        "METERFARM_HOME": str(home),
        "METERFARM_API_BURST": "0",
        BARE_DATABASE: str(home / DATABASE),
    }
    ours = ["-m", "meterfarm.cli", "api", "--port"]
    bare = ["-m", "uvicorn", "meterfarm.bench.api_bare:app", "--no-access-log", "--port"]
    async with (
        _server(ours, environment, key) as (our_client, our_process),
        _server(bare, environment, "") as (bare_client, _),
    ):
        names = {"GET customer": f"/customers/{customer}", "GET bills": f"/customers/{customer}/bills"}
        routes = [await _route(name, our_client, bare_client, path, rounds) for name, path in names.items()]
        intervals = [
            await _intervals(our_client, our_process, each, years)
            for each, years in ((shorter, 1), (customer, _YEARS))
        ]
    return routes, intervals


@asynccontextmanager
async def _server(
    command: Sequence[str], environment: Mapping[str, str], key: str
) -> AsyncIterator[tuple[LoadClient, int]]:
    async with _served(command, environment) as (address, process):
        client = LoadClient(address, key, _MANY)
        try:
            yield client, process
        finally:
            await client.close()


@asynccontextmanager
async def server(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[str]:
    """The address of a server, while it runs; the command's last argument is its port.

    Raises:
        BenchFailed: it does not serve.
    """
    async with _served(command, environment) as (address, _):
        yield address


@asynccontextmanager
async def _served(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[tuple[str, int]]:
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        *command,
        str(port),
        env=dict(environment),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await asyncio.wait_for(_listening(port, process), _STARTS_WITHIN)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)  # the pace of asking: nothing else says when another process listens
            continue
        writer.close()
        return
    raise BenchFailed("A server ended before it answered.")


async def _route(name: str, ours: LoadClient, bare: LoadClient, path: str, rounds: int) -> ApiRow:
    our_path, requests = f"/api/v2{path}", 1_000
    await ours.ask(our_path, _SIDE_BY_SIDE, _WARM_UP)
    await bare.ask(path, _SIDE_BY_SIDE, _WARM_UP)
    rates: list[tuple[float, float]] = []
    for _ in range(rounds):
        bare_rate = (await bare.ask(path, _SIDE_BY_SIDE, requests)).per_second
        rates.append(((await ours.ask(our_path, _SIDE_BY_SIDE, requests)).per_second, bare_rate))
    crowd = await ours.ask(our_path, _MANY, 2 * requests)
    return ApiRow(
        name,
        round(median(mine for mine, _ in rates), 1),
        round(median(bare_one for _, bare_one in rates), 1),
        round(median(mine / bare_one for mine, bare_one in rates), 2),
        round(percentile(crowd.seconds, 0.99), 3),
    )


async def _intervals(client: LoadClient, process: int, customer: int, years: int) -> IntervalsRow:
    before = await asyncio.to_thread(memory_mib, process)
    async with peak_of(process) as peak:
        stream = await client.stream(f"/api/v2/customers/{customer}/intervals")
    return IntervalsRow(
        years,
        METERS * YEAR * years,
        round(stream.first, 4),
        round(stream.total, 3),
        round(stream.first / stream.total, 4),
        round(max(peak.mib - before, 0), 1),
    )


def _show(routes: Sequence[ApiRow], intervals: Sequence[IntervalsRow]) -> None:
    console = Console()
    caption = f"requests a second, {_SIDE_BY_SIDE} at once; p99: seconds with {_MANY} clients at once"
    table = Table("route", "ours", "bare FastAPI", "ratio", "p99", caption=caption)
    for row in routes:
        table.add_row(
            row.route, f"{row.per_second:g}", f"{row.bare_per_second:g}", f"{row.ratio:.2f}", f"{row.p99:.3f}"
        )
    console.print(table)
    caption = "seconds to the first byte and the last; MiB that the server's memory grew by"
    table = Table("years", "intervals", "first byte", "last", "first / last", "MiB", caption=caption)
    for each in intervals:
        table.add_row(
            str(each.years),
            f"{each.intervals:,}",
            f"{each.first:.3f}",
            f"{each.total:.2f}",
            f"{each.first_part:.1%}",
            f"{each.peak_mib:.1f}",
        )
    console.print(table)
    aims = Table("", "is", "aimed at", "")
    for row, least in zip(routes, (0.6, 0.5), strict=True):
        aims.add_row(f"{row.route} / bare", f"{row.ratio:.2f}", f">= {least:g}", _met(row.ratio >= least))
    longest = intervals[-1]
    aims.add_row("first byte / whole", f"{longest.first_part:.3f}", "< 0.05", _met(longest.first_part < 0.05))
    console.print(aims)


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"
