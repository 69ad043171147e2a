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
