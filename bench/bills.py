"""`bench bills`: reading a bill's PDF next to the bare text extraction of pypdfium2, in the same run.

The ways take turns on one bill of two pages, and the median counts. Then two processes read as many bills as
they can, and one of a hundred pages shows how much memory reading takes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from meterfarm.bench.bills_ways import BILL_WAYS, write_bill
from meterfarm.bench.read import Aim, show_aims
from meterfarm.console.errors import NotSetUp

_PAGES, _LONG_PAGES = 2, 100
_PROCESSES, _BILLS = 2, 400
_IN_TURN = 10


@dataclass(frozen=True, slots=True)
class BillWayRow:
    """``ratio`` is to the bare extraction; the last two have their own measure each."""

    way: str
    milliseconds: float
    ratio: float | None = None
    bills_per_minute: float | None = None
    peak_mib: float | None = None


async def bench(rounds: int) -> object:
    """Measure, print the tables; its figures as JSON has them."""
    try:
        rows = await asyncio.to_thread(_measured, rounds)
    except (ValueError, subprocess.SubprocessError) as exc:
        raise NotSetUp(f"A way did not read the bill ({exc}). Nothing was measured.") from exc
    _show(rows)
    return {"rows": [asdict(row) for row in rows]}


def _measured(rounds: int) -> Sequence[BillWayRow]:
    with tempfile.TemporaryDirectory(prefix="meterfarm-measures-") as scratch:
        bill, longer = Path(scratch, "bill.pdf"), Path(scratch, "longer.pdf")
        write_bill(bill, _PAGES)
        write_bill(longer, _LONG_PAGES)
        seconds = _timed(bill.read_bytes(), rounds)
        bare = seconds["pypdfium2"]
        rows = [
            BillWayRow(way, round(taken * 1000, 2), round(taken / bare, 1)) for way, taken in seconds.items()
        ]
        taken = max(each["seconds"] for each in _side_by_side("read", bill, _PROCESSES, _BILLS))
        each_bill = taken / (_BILLS * _PROCESSES)
        rows.append(
            BillWayRow(
                f"read, {_PROCESSES} processes",
                round(each_bill * 1000, 2),
                bills_per_minute=round(60 / each_bill),
            )
        )
        (of_long,) = _side_by_side("read", longer, 1, 1)
        rows.append(
            BillWayRow(
                f"read, {_LONG_PAGES} pages",
                round(of_long["seconds"] * 1000),
                peak_mib=round(of_long["mib"], 1),
            )
        )
    return rows


def _timed(content: bytes, rounds: int) -> Mapping[str, float]:
    taken: dict[str, list[float]] = {way: [] for way in BILL_WAYS}
    for read in BILL_WAYS.values():
        read(content)
    for _ in range(rounds):
        for way, read in BILL_WAYS.items():
            gc.collect()
            start = time.process_time()  # all ways compute, and wait for nothing
            for _ in range(_IN_TURN):
                read(content)
            taken[way].append((time.process_time() - start) / _IN_TURN)
    return {way: median(each) for way, each in taken.items()}


def _side_by_side(way: str, file: Path, processes: int, times: int) -> list[dict[str, float]]:
    """What each of some processes says that read a file so often at the same time."""
    command = [sys.executable, "-m", "meterfarm.bench.bills_ways", way, str(file), str(times)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
        for _ in range(processes)
    ]
    for each in started:
        if each.stdout is None or not each.stdout.readline():
            raise ValueError("a process did not start")
    for each in started:
        if each.stdin is not None:
            each.stdin.write("\n")
            each.stdin.flush()
    printed = [each.communicate(timeout=600)[0] for each in started]
    if any(each.returncode for each in started):
        raise ValueError("a process failed")
    return [json.loads(text) for text in printed]


def bill_aims(rows: Sequence[BillWayRow]) -> Sequence[Aim]:
    """What reading bills is held to."""
    by_way = {row.way: row for row in rows}
    return (
        Aim("read / pypdfium2", by_way["read"].ratio or 0, at_most=20),
        Aim(
            f"bills a minute, {_PROCESSES} processes",
            by_way[f"read, {_PROCESSES} processes"].bills_per_minute or 0,
            at_least=1000,
        ),
        Aim(f"MiB for {_LONG_PAGES} pages", by_way[f"read, {_LONG_PAGES} pages"].peak_mib or 0, at_most=128),
    )


def _show(rows: Sequence[BillWayRow]) -> None:
    figures = Table("way", "ms a bill", "ratio", "bills a minute", "peak MiB")
    for row in rows:
        figures.add_row(
            row.way,
            f"{row.milliseconds:.2f}",
            *(
                "" if each is None else f"{each:g}"
                for each in (row.ratio, row.bills_per_minute, row.peak_mib)
            ),
        )
    console = Console()
    console.print(figures)
    show_aims(console, bill_aims(rows))
