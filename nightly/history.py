"""Earlier nights: kept in a file, and what a night brought that the last one did not have. Mostly pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from meterfarm.nightly.nightly_run import MISSING, PAIRED, Cell, Remembered, as_json, from_json

KEPT = 30
TREND = 14
"""So many nights make the trend."""
_SLOWER = 2.0
_SECONDS_MORE = 3.0
_FILE = "nights.json"
_KINDS = ("broken", "other", "slower", "mended", "new", "gone")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is not as it was the last time: ``kind`` is broken, other, slower, mended, new or gone."""

    kind: str
    key: str
    what: str


def earlier(*folders: Path, report: Callable[[str], object] = lambda _: None) -> Sequence[Remembered]:
    """The nights kept in the first folder that has any, oldest first.

    A file that cannot be read as such counts as none, and ``report`` gets a sentence about it.
    """
    for folder in folders:
        try:
            kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            nights = [from_json(night) for night in kept["nights"]]
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
            report(f"{folder / _FILE} cannot be read as earlier nights; it is replaced.")
            continue
        if nights:
            return nights
    return ()


def keep(nights: Sequence[Remembered], *folders: Path) -> None:
    """Write the newest in each of the folders. Raises OSError."""
    text = json.dumps({"nights": [as_json(night) for night in nights[-KEPT:]]}, indent=1) + "\n"
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{_FILE}.part"
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / _FILE)


def changes(nights: Sequence[Remembered], now: Remembered) -> Sequence[Change]:
    """What this night brought; nothing if it is the first.

    What is not all of the matrix is compared if both nights have it, pairs of quirks if both have the pair,
    and customers of a portal if it was there in both.
    """
    if not nights:
        return ()
    last = nights[-1]
    found = []
    absent = tuple(place for night in (last, now) for place in _absent(night))
    for name in ("portals", "live", "cells", "quirks", "forms"):
        before: Mapping[str, Cell] = getattr(last, name)
        cells: Mapping[str, Cell] = getattr(now, name)
        if name != "cells" and not (before and cells):
            continue
        once = {key for key in before.keys() ^ cells.keys() if PAIRED in key or key.startswith(absent)}
        for key, cell in cells.items():
            if key not in once:
                found += _changes_of(key, before.get(key), cell, trend(nights, key))
        gone = [key for key in before if key not in cells and key not in once]
        found += [Change("gone", key, "is not in the matrix any more") for key in gone]
    return sorted(found, key=lambda change: _KINDS.index(change.kind))


def _absent(night: Remembered) -> Sequence[str]:
    """How the keys of customers begin at portals that were not there."""
    ids = [
        key.partition(" ")[0] for key, portal in night.portals.items() if portal.outcomes[:1] == (MISSING,)
    ]
    return [f"{id}{mark}" for id in ids for mark in ("/", ": ")]


def trend(nights: Sequence[Remembered], key: str) -> Sequence[float]:
    """How many seconds the customer took in the newest nights in which all was well with them."""
    cells = [night.cell(key) for night in nights[-TREND:]]
    return [cell.took for cell in cells if cell is not None and cell.is_well]


def usual(seconds: Sequence[float]) -> float | None:
    """The median; None if there is none."""
    return median(seconds) if seconds else None


def is_slower(took: float, before: Sequence[float]) -> bool:
    """Whether it took much longer than usual, by ratio and by seconds."""
    middle = usual(before)
    return middle is not None and took > _SLOWER * middle and took > middle + _SECONDS_MORE


def _changes_of(key: str, last: Cell | None, cell: Cell, before: Sequence[float]) -> list[Change]:
    outcomes = ", then ".join(cell.outcomes) or "no outcome"
    if last is None:
        return [Change("new", key, f"is new in the matrix: {outcomes}")]
    found = []
    if last.is_well and not cell.is_well:
        found.append(Change("broken", key, f"was as meant, and is not: {outcomes}"))
    elif cell.is_well and not last.is_well:
        found.append(Change("mended", key, f"is as meant again: {outcomes}"))
    elif last.outcomes != cell.outcomes:
        before_that = ", then ".join(last.outcomes) or "no outcome"
        found.append(Change("other", key, f"ended in {outcomes}, and in {before_that} the last time"))
    if cell.is_well and is_slower(cell.took, before):
        found.append(Change("slower", key, f"took {cell.took:.1f} s, usually {usual(before):.1f} s"))
    return found
