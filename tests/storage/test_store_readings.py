"""Readings are exact, counted once, and keep what they used to say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from meterfarm.formats.errors import FormatError
from meterfarm.records import Direction, Document, Measure, Reading, Series, Unit
from meterfarm.storage.data import Coverage, ReadingCounts
from meterfarm.storage.store import CompanyStore
from tests.storage.made import ACCOUNT, ELECTRIC, EXPORT, START, USERNAME, UTILITY, series
from tests.storage.opening import ON_BOTH, Rows

pytestmark = ON_BOTH

ROOT = Path(__file__).parents[2]


@pytest.fixture
def account(store: CompanyStore) -> int:
    return store.accounts.save(store.customers.ensure(UTILITY, USERNAME), ACCOUNT)


def test_the_same_export_again_changes_nothing(store: CompanyStore, account: int) -> None:
    delivered, received = series(range(100)), series(range(50), direction=Direction.RECEIVED)
    assert store.readings.save(account, EXPORT, "jan", [delivered, received]) == ReadingCounts(150, 0, 0)
    before = store.readings.fingerprints(account)
    assert store.readings.save(account, EXPORT, "jan", [delivered, received]) == ReadingCounts(0, 0, 150)
    assert store.readings.fingerprints(account) == before
    assert store.readings.series(account, ELECTRIC.id) == [
        _with_readings(one, *one.readings) for one in (delivered, received)
    ]
    assert len(store.readings.exports(account)) == 1


def test_readings_of_some_measures_and_of_some_time(store: CompanyStore, account: int) -> None:
    one = series(range(100))
    store.readings.save(account, EXPORT, "jan", [one])
    start = one.readings[10].start
    (found,) = store.readings.series(account, ELECTRIC.id, (one.measure,), (start, start + 1))
    assert list(found.readings) == [one.readings[10]]
    assert store.readings.series(account, ELECTRIC.id, (Measure.VOLUME,)) == []


def _with_readings(one: Series, *readings: Reading) -> Series:
    return replace(one, readings=list(readings))


def _stored(mantissas: list[int], exponent: int = 0) -> Series:
    one = series(mantissas, exponent=exponent)
    return _with_readings(one, *one.readings)


def test_a_changed_reading_keeps_its_former_value(store: CompanyStore, account: int, rows: Rows) -> None:
    store.readings.save(account, EXPORT, "jan", [series([1, 2, 3])])
    before = store.readings.fingerprints(account)
    counts = store.readings.save(account, Document(b"2", "text/csv", ""), "jan", [series([1, 20, 3, 4])])
    assert counts == ReadingCounts(1, 1, 2)
    assert store.readings.fingerprints(account) != before
    assert [reading.mantissa for reading in store.readings.series(account, ELECTRIC.id)[0].readings] == [
        1,
        20,
        3,
        4,
    ]
    revisions = rows("SELECT start, seconds, mantissa, estimated, replaced >= seen FROM reading_revision")
    assert revisions == [(START + 900, 900, 2, False, True)]
    kept = "SELECT count(*) FROM reading WHERE first_seen <= updated AND start = :start"
    assert rows(kept, start=START + 900) == [(1,)]
    assert [export.key for export in store.readings.exports(account)] == ["jan", "jan"]


def test_an_estimate_that_becomes_actual_is_a_change(store: CompanyStore, account: int) -> None:
    actual = series([5])
    estimated = _with_readings(actual, Reading(START, 900, 5, estimated=True))
    store.readings.save(account, EXPORT, "jan", [estimated])
    assert store.readings.save(account, EXPORT, "jan", [actual]) == ReadingCounts(0, 1, 0)
    assert store.readings.series(account, ELECTRIC.id)[0].readings[0].estimated is False


def test_of_two_readings_of_one_start_the_last_counts(store: CompanyStore, account: int) -> None:
    twice = _with_readings(series([]), Reading(START, 900, 1), Reading(START, 900, 2))
    assert store.readings.save(account, EXPORT, "jan", [twice]) == ReadingCounts(1, 0, 0)
    assert store.readings.series(account, ELECTRIC.id)[0].readings == [Reading(START, 900, 2)]


def _former(rows: Rows) -> list[int]:
    return [mantissa for (mantissa,) in rows("SELECT mantissa FROM reading_revision ORDER BY id")]


def test_a_coarser_export_is_converted_to_the_stored_exponent_exactly(
    store: CompanyStore, account: int
) -> None:
    store.readings.save(account, EXPORT, "wh", [series([1500])])
    kwh = series([2, 3], start=START + 900, exponent=3)
    assert store.readings.save(account, EXPORT, "kwh", [kwh]) == ReadingCounts(2, 0, 0)
    assert store.readings.save(account, EXPORT, "kwh", [kwh]) == ReadingCounts(0, 0, 2)
    assert store.readings.series(account, ELECTRIC.id) == [_stored([1500, 2000, 3000])]


def test_a_finer_export_refines_what_is_stored_exactly(store: CompanyStore, account: int, rows: Rows) -> None:
    received = series([9], direction=Direction.RECEIVED)
    store.readings.save(account, EXPORT, "wh", [series([-1, 2, 30]), received])
    store.readings.save(account, EXPORT, "wh", [series([-1, 2, 3])])
    before = store.readings.fingerprints(account)
    finer = series([2000, 3500, 4001], start=START + 900, exponent=-3)
    assert store.readings.save(account, EXPORT, "milli", [finer]) == ReadingCounts(1, 1, 1)
    expected = [_stored([-1000, 2000, 3500, 4001], -3), _with_readings(received, *received.readings)]
    assert store.readings.series(account, ELECTRIC.id) == expected
    assert _former(rows) == [30_000, 3_000]
    assert store.readings.save(account, EXPORT, "wh", [series([-1, 2])]) == ReadingCounts(0, 0, 2)
    assert store.readings.series(account, ELECTRIC.id) == expected
    assert store.readings.fingerprints(account) != before


def test_a_refined_series_is_written_out_anew_even_if_no_value_changed(
    store: CompanyStore, account: int
) -> None:
    store.readings.save(account, EXPORT, "wh", [series([1])])
    before = store.readings.fingerprints(account)
    assert store.readings.save(account, EXPORT, "m", [series([1000], exponent=-3)]) == ReadingCounts(0, 0, 1)
    assert store.readings.fingerprints(account) != before


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (series([1], unit=Unit.THERM), "sent therm where Wh is stored"),
        (series([1], exponent=-19), "too many digits"),
        (series([10], exponent=18), "too many digits"),
        (series([2**63]), "too many digits"),
        (series([-(2**63)], exponent=-1), "too many digits"),
    ],
)
def test_what_cannot_be_kept_exactly_is_the_documents_fault_and_nothing_of_it_is_stored(
    store: CompanyStore, account: int, odd: Series, said: str
) -> None:
    store.readings.save(account, EXPORT, "wh", [series([5])])
    fine = series([1, 2], direction=Direction.RECEIVED)
    with pytest.raises(FormatError, match=said):
        store.readings.save(account, Document(b"odd", "text/csv", ""), "odd", [fine, odd])
    assert store.readings.series(account, ELECTRIC.id) == [_stored([5])]
    assert [export.key for export in store.readings.exports(account)] == ["wh"]


def test_coverage_folds_directions(store: CompanyStore, account: int) -> None:
    assert store.readings.coverage(account) == {}
    store.readings.save(account, EXPORT, "jan", [series(range(4)), series([1], direction=Direction.RECEIVED)])
    assert store.readings.coverage(account) == {ELECTRIC.id: Coverage(START, START + 3600, 5)}


def test_two_years_of_quarter_hours_are_kept_once(store: CompanyStore, account: int) -> None:
    much = [series(range(73_000)), series(range(18_000), direction=Direction.RECEIVED)]
    assert store.readings.save(account, EXPORT, "all", much).inserted == 91_000
    assert store.readings.save(account, EXPORT, "all", much).unchanged == 91_000


def test_processes_that_write_at_once_lose_nothing(
    store: CompanyStore, account: int, rows: Rows, environment: Mapping[str, str]
) -> None:
    """Four processes: quarter-hours of their own, one they fight over, TOTP steps, the session."""
    script = """
import sys
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests.storage.made import EXPORT, START, USERNAME, UTILITY, series

account, mine = map(int, sys.argv[1:])
with Store.open(Settings()).of() as store:
    customer = store.customers.ensure(UTILITY, USERNAME)
    claimed = 0
    for turn in range(12):
        own = series([turn], start=START + 900 * (1 + mine + 4 * turn))
        store.readings.save(account, EXPORT, f"{mine}-{turn}", [own, series([mine * 100 + turn + 1])])
        store.credentials.save_session(customer, b"state", trusted_since=None)
        claimed += store.logins.claim_totp_step(customer, turn)
    print(claimed)
"""
    arguments, its = [sys.executable, "-c", script, str(account)], {**os.environ, **environment}
    started = [
        subprocess.Popen([*arguments, str(n)], stdout=subprocess.PIPE, cwd=ROOT, env=its) for n in range(4)
    ]
    said = [process.communicate(timeout=100)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert sum(map(int, said)) == 12, "every step is claimed exactly once"
    assert store.readings.coverage(account)[ELECTRIC.id].readings == 49
    saved = store.credentials.run_context(store.customers.ensure(UTILITY, USERNAME)).session
    assert saved is not None
    assert saved.version == 48
    assert len(store.readings.exports(account)) == 48
    assert rows("SELECT refs FROM file") == [(48,)]
    revisions = rows("SELECT count(*) FROM reading_revision")
    assert revisions == [(47,)], "each of the 48 different values of the shared reading but the last"
