"""Storing a year of quarter-hours, and storing them again, next to a bare insert of the same rows.

The bare insert is the driver's own quickest (``executemany``, ``COPY``), into the same table of the same
database. What the store does beside it is in its figure: looking up what is there, events, the times that are
covered, the export's document, which is small here: its size has nothing to do with its readings.
"""

from __future__ import annotations

import gc
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from meterfarm.bench.child import BenchFailed
from meterfarm.records import Account, Commodity, Direction, Document, Reading, Series, Unit
from meterfarm.storage.settings import DATABASE, Settings
from meterfarm.storage.store import CompanyStore, Store
from tests.postgres import Postgres

READINGS = 365 * 96
_STEP = 900
_START = 1_704_085_200
_COLUMNS = "series_id, start, seconds, mantissa, estimated, first_seen, updated"
_INSERT = f"INSERT INTO reading ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
_COPY = f"COPY reading ({_COLUMNS}) FROM STDIN"
_NEWEST = "SELECT max(id) FROM series"
_DOCUMENT = Document(b"<feed/>", "application/xml", "usage.xml")
_Bare = Callable[[Sequence[tuple[Any, ...]]], None]
DATABASES = ("SQLite", "Postgres")
AIMS = {"stored": 2.5, "stored again": 1.5}
"""By way, how many times as long as the bare insert it takes at most."""


@dataclass(frozen=True, slots=True)
class Stored:
    """``ratio`` is to the bare insert into the same database."""

    way: str
    seconds: float
    ratio: float


def storing(rounds: int) -> Sequence[Stored]:
    """On SQLite and on Postgres: the medians of ``rounds``, after one that is not counted."""
    rows: list[Stored] = []
    for name, opened in zip(DATABASES, (_on_sqlite, _on_postgres), strict=True):
        with tempfile.TemporaryDirectory(prefix="meterfarm-storing-") as scratch, ExitStack() as stack:
            store, connection, bare = stack.enter_context(opened(Path(scratch)))
            taken = [_round(store, connection, bare, number) for number in range(rounds + 1)][1:]
        medians = [median(each) for each in zip(*taken, strict=True)]
        for way, seconds in zip(("insert", "stored", "stored again"), medians, strict=True):
            rows.append(Stored(f"{name}: {way}", round(seconds, 4), round(seconds / medians[0], 2)))
    return rows


def _round(store: CompanyStore, connection: Any, bare: _Bare, number: int) -> tuple[float, float, float]:
    """Seconds of the bare insert, of storing, and of storing again; each of a meter that is new."""
    account = store.accounts.save(store.customers.ensure("bench", "bench"), Account("1"))
    readings = [Reading(_START + n * _STEP, _STEP, 100 + (n + number) * 7919 % 900) for n in range(READINGS)]
    store.readings.save(account, _DOCUMENT, "one", [_series(f"bare {number}", [Reading(0, _STEP, 1)])])
    ((series_id,),) = connection.execute(_NEWEST).fetchall()
    connection.commit()
    rows = [(series_id, *reading, _START, _START) for reading in readings]
    inserted = _timed(lambda: bare(rows))
    series = [_series(f"meter {number}", readings)]
    stored = _timed(lambda: _must_count(store, account, series, inserted=READINGS))
    again = _timed(lambda: _must_count(store, account, series, inserted=0))
    return inserted, stored, again


def _must_count(store: CompanyStore, account: int, series: Sequence[Series], *, inserted: int) -> None:
    counts = store.readings.save(account, _DOCUMENT, "year", series)
    if (counts.inserted, counts.changed) != (inserted, 0):
        raise BenchFailed(f"The store wrote {counts.inserted} rows and changed {counts.changed}.")


def _timed(work: Callable[[], None]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _series(meter: str, readings: Sequence[Reading]) -> Series:
    return Series(meter, Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, readings)


@contextmanager
def _on_sqlite(scratch: Path) -> Iterator[tuple[CompanyStore, Any, _Bare]]:
    """Set up as the store sets its connections up."""
    with Store.open(Settings(home=scratch)).of() as store:
        with closing(sqlite3.connect(scratch / DATABASE, isolation_level="IMMEDIATE")) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")

            def bare(rows: Sequence[tuple[Any, ...]]) -> None:
                with connection:
                    connection.executemany(_INSERT, rows)

            yield store, connection, bare


@contextmanager
def _on_postgres(scratch: Path) -> Iterator[tuple[CompanyStore, Any, _Bare]]:
    server = Postgres()
    try:
        server.start()
        url = server.url(server.new_database())
        key = "A" * 43 + "="
        with Store.open(Settings(home=scratch, secret_keys=key, database_url=url)).of() as store:
            with psycopg.connect(url) as connection:

                def bare(rows: Sequence[tuple[Any, ...]]) -> None:
                    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                        for row in rows:
                            copy.write_row(row)
                    connection.commit()

                yield store, connection, bare
    finally:
        server.remove()
