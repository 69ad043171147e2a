"""`bench read`: reading a year of quarter-hours as Green Button, next to other ways to read the same file.

All ways read the same file in one run, in turn, several times; the median counts. Memory is measured by a
process of its own for each, with a file of the same kind that is ten times as long beside it. Then as many
readings are stored, next to a bare insert (``bench.read_storing``).
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from meterfarm.bench.child import BenchFailed
from meterfarm.bench.read_storing import AIMS, DATABASES, storing
from meterfarm.bench.read_ways import READINGS, WAYS, write_year
from meterfarm.console.errors import NotSetUp

_CAPTION = "{} quarter-hours; ratio to the walk or the insert; memory beyond that of the process"
WALK = "lxml walk"
_LONGER = 10


@dataclass(frozen=True, slots=True)
class ReadRow:
    """``ratio`` is to the bare lxml walk; ``peak_mib`` is the memory that reading took at its most.

    Of what was stored, ``ratio`` is to the bare insert, and no memory was measured.
    """

    way: str
    seconds: float
    ratio: float
    peak_mib: float | None


@dataclass(frozen=True, slots=True)
class Aim:
    """A ratio of one way's figure to another's, and what it should not exceed (or fall below)."""

    name: str
    ratio: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool:
        """Whether the aim is reached."""
        return (self.at_most is None or self.ratio <= self.at_most) and (
            self.at_least is None or self.ratio >= self.at_least
        )


async def bench(rounds: int) -> object:
    """Measure, print the tables; its figures as JSON has them."""
    if find_spec("greenbutton_objects") is None:
        raise NotSetUp(
            "greenbutton-objects, which is compared with, is missing; `./run bench read` installs it."
        )
    try:
        rows = await asyncio.to_thread(_measured, rounds)
    except BenchFailed as exc:
        raise NotSetUp(str(exc)) from exc
    _show(rows, aims(rows))
    return {"rows": [asdict(row) for row in rows]}


def _measured(rounds: int) -> Sequence[ReadRow]:
    with tempfile.TemporaryDirectory(prefix="meterfarm-measures-") as scratch:
        year, longer = Path(scratch, "year.xml"), Path(scratch, "longer.xml")
        write_year(year, READINGS)
        write_year(longer, READINGS * _LONGER)
        seconds = _timed(year, rounds)
        walk = seconds[WALK]
        rows = [
            ReadRow(way, round(taken, 4), round(taken / walk, 2), _peak(way, year))
            for way, taken in seconds.items()
        ]
        taken = _once(WAYS["columns"], longer)
        rows.append(
            ReadRow(
                f"columns, {_LONGER} times as long",
                round(taken, 4),
                round(taken / walk, 2),
                _peak("columns", longer),
            )
        )
    return [*rows, *(ReadRow(row.way, row.seconds, row.ratio, None) for row in storing(rounds))]


def _timed(file: Path, rounds: int) -> Mapping[str, float]:
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, read in WAYS.items():
            taken[way].append(_once(read, file))
    return {way: median(each) for way, each in taken.items()}


def _once(read: Callable[[Path], int], file: Path) -> float:
    gc.collect()
    start = time.perf_counter()
    readings = read(file)
    taken = time.perf_counter() - start
    if readings % READINGS or not readings:
        raise NotSetUp(f"A way read {readings} readings of {READINGS}. Nothing was measured.")
    return taken


def _peak(way: str, file: Path) -> float:
    """MiB that reading once adds to a new process that has imported all it needs."""
    command = [sys.executable, "-m", "meterfarm.bench.read_ways", way, str(file)]
    return round(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout), 1)  # noqa: S603 - our own module


def aims(rows: Sequence[ReadRow]) -> Sequence[Aim]:
    """What the readers are held to."""
    by_way = {row.way: row for row in rows}
    peer = by_way["greenbutton-objects"].seconds / by_way["objects"].seconds
    longer = by_way[f"columns, {_LONGER} times as long"]
    return (
        Aim("columns / lxml walk", by_way["columns"].ratio, at_most=3),
        Aim("objects / lxml walk", by_way["objects"].ratio, at_most=4),
        Aim("greenbutton-objects / objects", round(peer, 2), at_least=5),
        Aim(
            "memory of 10 times as much / once",
            _ratio(longer.peak_mib, by_way["columns"].peak_mib),
            at_most=1.5,
        ),
        *(
            Aim(f"{database}: {way} / insert", by_way[f"{database}: {way}"].ratio, at_most=most)
            for database in DATABASES
            for way, most in AIMS.items()
        ),
    )


def _ratio(seconds: float | None, other: float | None) -> float:
    """Of memory: a few MiB more or less are nothing."""
    return round(((seconds or 0) + 8) / ((other or 0) + 8), 2)


def _shown(mib: float | None) -> str:
    return "" if mib is None else f"{mib:.1f}"


def _show(rows: Sequence[ReadRow], reached: Sequence[Aim]) -> None:
    figures = Table("way", "seconds", "ratio", "peak MiB", caption=_CAPTION.format(READINGS))
    for row in rows:
        figures.add_row(row.way, f"{row.seconds:.3f}", f"{row.ratio:.2f}", _shown(row.peak_mib))
    console = Console()
    console.print(figures)
    show_aims(console, reached)


def show_aims(console: Console, reached: Sequence[Aim]) -> None:
    """Print ratios beside what is aimed at."""
    ratios = Table("ratio", "reached", "aimed at", "")
    for each in reached:
        limit = f"<= {each.at_most:g}" if each.at_most is not None else f">= {each.at_least:g}"
        ratios.add_row(each.name, f"{each.ratio:.2f}", limit, "met" if each.met else "missed")
    console.print(ratios)
