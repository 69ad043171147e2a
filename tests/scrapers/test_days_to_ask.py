"""What is asked for again: days that may be told anew, once there are newer ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from meterfarm.scrapers.runs.intervals import to_ask

FIRST = date(2026, 11, 1)


def _days(numbers: Iterable[int]) -> frozenset[date]:
    return frozenset(FIRST + timedelta(days=number) for number in numbers)


@pytest.mark.parametrize(
    ("had", "restated", "zeros", "asked"),
    [
        ([], 2, [], range(10)),
        (range(8), 0, [], [8, 9]),
        (range(8), 2, [], [6, 7, 8, 9]),
        (range(8), 1, [5, 6, 7], [5, 6, 7, 8, 9]),
        (range(8), 0, [7, 8], [7, 8, 9]),
        (range(10), 2, [8, 9], []),
        ([0, 1, 4, 5, 6, 7, 8, 9], 2, [9], [2, 3]),
        (range(8), 0, [12], [8, 9]),
    ],
)
def test_the_days_that_are_asked_for(
    had: Iterable[int], restated: int, zeros: Iterable[int], asked: Iterable[int]
) -> None:
    assert to_ask(_days(range(10)), _days(had), restated, _days(zeros)) == _days(asked)


@pytest.mark.parametrize(
    ("overtaken", "restated", "asked"),
    [(9, 2, [8, 9]), (10, 2, [8, 9]), (11, 2, []), (9, 0, []), (None, 2, [])],
)
def test_the_last_days_of_a_meter_that_was_taken_away_are_asked_for_once_more(
    overtaken: int | None, restated: int, asked: Iterable[int]
) -> None:
    """Once the account has newer days than those, which are another meter's."""
    had = _days(range(10))
    until = None if overtaken is None else FIRST + timedelta(days=overtaken)
    assert to_ask(had, had, restated, overtaken=until) == _days(asked)
