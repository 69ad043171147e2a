"""What a plot shows of a meter, also where the same energy is in store in several lengths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meterfarm.records import Reading
from meterfarm.services.interval_plot import PlotLevel, interval_plot, plotted_channels
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests.storage.made import ACCOUNT, EXPORT, UTILITY, series
from tests.storage.ready_home import ready_home

UTC = ZoneInfo("UTC")
MIDNIGHT = 1_700_006_400
DAY, HOUR, QUARTER = 86_400, 3_600, 900


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CompanyStore]:
    ready_home(tmp_path / "home")
    with Store.open(Settings(home=tmp_path / "home")) as farm:
        yield farm.of()


def test_the_finest_of_several_lengths_counts(store: CompanyStore) -> None:
    """Thirty days of hours, of which the second half is there in quarters, too."""
    customer = store.customers.ensure(UTILITY, "two@bayou.energy")
    account = store.accounts.save(customer, ACCOUNT)
    quarters = series([500] * 96 * 15, start=MIDNIGHT + 15 * DAY)
    hours = replace(quarters, readings=[Reading(MIDNIGHT + HOUR * n, HOUR, 1_000) for n in range(24 * 30)])
    store.readings.save(account, EXPORT, "hours", [hours])
    store.readings.save(account, EXPORT, "quarters", [quarters])
    (plotted,) = plotted_channels(store, customer)
    plot = interval_plot(store, plotted, UTC, 0, 2**40)
    assert plot.level is PlotLevel.DAYS
    assert [bar.value for bar in plot.bars] == [24.0] * 15 + [48.0] * 15
    assert all(bar.is_whole for bar in plot.bars)
    day = interval_plot(store, plotted, UTC, MIDNIGHT + 14 * DAY, MIDNIGHT + 16 * DAY)
    assert day.level is PlotLevel.STORED
    assert {bar.end - bar.start for bar in day.bars} == {HOUR, QUARTER}


def test_what_is_lacking_has_no_value_and_what_is_not_whole_is_marked(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, "gap@bayou.energy")
    account = store.accounts.save(customer, ACCOUNT)
    first = series([250] * 48, start=MIDNIGHT)
    later = series([250] * 96 * 28, start=MIDNIGHT + 2 * DAY)
    store.readings.save(account, EXPORT, "a", [first])
    store.readings.save(account, EXPORT, "b", [later])
    (plotted,) = plotted_channels(store, customer)
    bars = interval_plot(store, plotted, UTC, 0, 2**40).bars
    assert [(bar.value, bar.is_whole) for bar in bars[:3]] == [(12.0, False), (None, False), (24.0, True)]
    hours = interval_plot(store, plotted, UTC, MIDNIGHT, MIDNIGHT + 4 * DAY).bars
    assert [bar.value for bar in hours[10:14]] == [1.0, 1.0, None, None]
    stored = interval_plot(store, plotted, UTC, MIDNIGHT, MIDNIGHT + 3 * DAY).bars
    assert [bar.end - bar.start for bar in stored if bar.value is None] == [36 * HOUR]
    assert interval_plot(store, plotted, UTC, MIDNIGHT + 90 * DAY, MIDNIGHT + 91 * DAY).bars == ()
