"""Standings of a register become amounts only where asked, and never a wrong one."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterfarm.formats.registers import deltas
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit

START = 1_730_606_400


def register(*readings: Reading, measure: Measure = Measure.REGISTER) -> Series:
    return Series("E1", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 3, readings, measure)


@given(st.lists(st.integers(0, 9_999), min_size=1, max_size=50), st.sampled_from((0, 900)))
def test_amounts_come_back_from_their_sums(amounts: list[int], seconds: int) -> None:
    standings = accumulate(amounts, initial=70_000)
    series = register(
        *(Reading(START + place * 900, seconds, standing) for place, standing in enumerate(standings))
    )
    (used,) = deltas(series).series
    assert used.measure is Measure.ENERGY
    assert [reading.mantissa for reading in used.readings] == amounts
    assert [reading.start for reading in used.readings] == [
        START + seconds + place * 900 for place in range(len(amounts))
    ]
    assert {reading.seconds for reading in used.readings} == {900}


def test_over_a_register_that_went_down_nothing_is_known() -> None:
    data = deltas(
        register(Reading(START, 0, 99_990), Reading(START + 900, 0, 4), Reading(START + 1800, 0, 9, True))
    )
    assert data.series[0].readings == (Reading(START + 900, 900, 5, True),)
    assert "goes down" in data.issues[0].what


def test_amounts_are_no_standings() -> None:
    with pytest.raises(ValueError, match="energy and no register"):
        deltas(register(measure=Measure.ENERGY))
