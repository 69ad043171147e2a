"""A way's figures as a row, and the table with the ratios that are aimed at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from meterfarm.bench.child import Measured

REACH = (
    ("cold", "naive", 4.0),
    ("cold", "crawlee", 2.0),
    ("refresh", "cold", 5.0),
    ("refresh", "floor", 0.4),
)
"""Accounts a minute of the one way against the other: at least so many times as many."""
_CAPTION = (
    "p50, p95: seconds an account; cpu: seconds of all processes of a way, its browsers included; peak: MiB "
    "of them at once (PSS, looked at twice a second). No figure includes the start of a way's processes."
)


@dataclass(frozen=True, slots=True)
class BenchRow:
    """A line of the table: one way's figures."""

    way: str
    accounts: int
    accounts_per_minute: float
    p50: float
    p95: float
    cpu_seconds: float
    peak_mib: float


def row(way: str, accounts: int, measured: Measured) -> BenchRow:
    """The line of a way."""
    done = measured.done
    return BenchRow(
        way,
        accounts,
        round(60 * accounts / done.elapsed, 1),
        round(percentile(done.seconds, 0.5), 3),
        round(percentile(done.seconds, 0.95), 3),
        round(measured.cpu_seconds, 2),
        round(measured.peak_mib, 1),
    )


def percentile(values: Sequence[float], part: float) -> float:
    """The value that this part of them does not exceed, between two of them in proportion."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def show(rows: Sequence[BenchRow]) -> None:
    """Print the table."""
    figures = Table("way", "accounts", "accounts/min", "p50", "p95", "cpu", "peak", caption=_CAPTION)
    for row in rows:
        figures.add_row(row.way, *(f"{value:g}" for value in _figures(row)))
    ratios = Table("accounts a minute", "ratio", "aimed at", "")
    by_way = {row.way: row for row in rows}
    for one_way, other, aim in REACH:
        ratio = reached(by_way, one_way, other)
        if ratio is not None:
            ratios.add_row(
                f"{one_way} / {other}", f"{ratio:.2f}", f"{aim:g}", "met" if ratio >= aim else "missed"
            )
    console = Console()
    console.print(figures)
    console.print(ratios)


def reached(by_way: Mapping[str, BenchRow], one_way: str, other: str) -> float | None:
    """How many times as fast one way is as another; None if one was not measured."""
    if one_way not in by_way or other not in by_way:
        return None
    return by_way[one_way].accounts_per_minute / by_way[other].accounts_per_minute


def _figures(row: BenchRow) -> Sequence[float]:
    return row.accounts, row.accounts_per_minute, row.p50, row.p95, row.cpu_seconds, row.peak_mib
