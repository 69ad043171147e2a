"""Missing days are asked for in as few exports as the portal allows."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from meterfarm.scrapers.runs.spans import by_month, days, spans

DAY = timedelta(days=1)
FIRST = date(2024, 1, 1)
MISSING = st.sets(st.integers(0, 800), max_size=120).map(
    lambda numbers: {FIRST + number * DAY for number in numbers}
)
RUNS = st.lists(st.tuples(st.integers(0, 800), st.integers(0, 90)), max_size=5).map(
    lambda runs: {FIRST + (start + n) * DAY for start, length in runs for n in range(length)}
)


@settings(deadline=None)
@given(missing=MISSING | RUNS, longest=st.integers(1, 60))
def test_spans_cover_the_missing_days_and_no_others(missing: set[date], longest: int) -> None:
    found = list(spans(missing, longest))
    assert [day for first, last in found for day in days(first, last)] == sorted(missing)
    assert all((last - first).days < longest for first, last in found)


@settings(deadline=None)
@given(missing=MISSING | RUNS, longest=st.integers(1, 60))
def test_spans_are_as_long_as_they_may_be(missing: set[date], longest: int) -> None:
    """A span ends only before a day that is not missing, or at its greatest length."""
    for first, last in spans(missing, longest):
        assert last + DAY not in missing or (last - first).days + 1 == longest


def test_days_and_spans_at_the_edges() -> None:
    assert list(days(FIRST, FIRST)) == [FIRST]
    assert not list(days(FIRST, FIRST - DAY))
    assert not list(spans([], 10))
    assert list(spans([FIRST], 1)) == [(FIRST, FIRST)]
    leap = list(days(date(2024, 2, 27), date(2024, 3, 1)))
    assert list(spans(reversed(leap), 3)) == [(leap[0], leap[2]), (leap[3], leap[3])]


@settings(deadline=None)
@given(wanted=MISSING | RUNS)
def test_months_hold_every_day_once_in_order(wanted: set[date]) -> None:
    months = list(by_month(wanted))
    assert [month for month, _ in months] == sorted({f"{day:%Y-%m}" for day in wanted})
    assert all(f"{day:%Y-%m}" == month for month, held in months for day in held)
    assert sum(len(held) for _, held in months) == len(wanted)
