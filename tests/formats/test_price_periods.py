"""A feed that has the price periods of a day apart: they are parts of it, and add up."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest

from meterfarm.console.data.read import read_file
from meterfarm.formats.batches import gather, of_period, period_of
from meterfarm.formats.espi.green_button import read_green_button, stream_green_button
from meterfarm.formats.time_ranges import TimeRangesByPeriod
from meterfarm.records import IntervalData, Measure, Reading, Series, Severity, Unit

DAY = 86_400
FIRST = 1_730_606_400
DAYS = [FIRST + DAY * number for number in range(3)]
OFF, MID, ON = "3", "2", "1"
AMOUNTS = {OFF: (64_695, 10, 7), MID: (0, 20, 0), ON: (0, 30, 5)}

_FEED = '<feed xmlns="http://www.w3.org/2005/Atom">{}</feed>'
_POINT = (
    '<entry><link rel="self" href="/Customer/1/UsagePoint/J1"/><link rel="up" href="/Customer/1/UsagePoint"/>'
    '<content type="text/xml"><UsagePoint xmlns="http://naesb.org/espi"><ServiceCategory><kind>0</kind>'
    "</ServiceCategory></UsagePoint></content></entry>"
)


def period(code: str, values: Sequence[int], *, number: str = "", of_reading: str = "", uom: int = 72) -> str:
    """What a portal writes of one price period: its type, its meter reading, its block of days."""
    number = number or code
    own = f"/Customer/1/UsagePoint/J1/MeterReading/{number}"
    tou = f"<tou>{of_reading}</tou>" if of_reading else ""
    readings = "".join(
        f"<IntervalReading><cost>{value * 2}</cost><timePeriod><duration>{DAY}</duration>"
        f"<start>{start}</start></timePeriod><value>{value}</value>{tou}</IntervalReading>"
        for start, value in zip(DAYS, values, strict=True)
    )
    said = f"<tou>{code}</tou>" if code else ""
    return (
        f'<entry><link rel="self" href="/ReadingType/{number}"/><content><ReadingType xmlns="http://naesb.org/espi">'
        f"<accumulationBehaviour>4</accumulationBehaviour><commodity>1</commodity><currency>124</currency>"
        f"<flowDirection>1</flowDirection><intervalLength>3600</intervalLength>"
        f"<powerOfTenMultiplier>-3</powerOfTenMultiplier>{said}<uom>{uom}</uom></ReadingType></content></entry>"
        f'<entry><link rel="self" href="{own}"/><link rel="related" href="{own}/IntervalBlock"/>'
        f'<link rel="related" href="/ReadingType/{number}"/>'
        '<content><MeterReading xmlns="http://naesb.org/espi"/></content></entry>'
        f'<entry><link rel="self" href="{own}/IntervalBlock/1"/><link rel="up" href="{own}/IntervalBlock"/>'
        f'<content><IntervalBlock xmlns="http://naesb.org/espi">{readings}</IntervalBlock></content></entry>'
    )


def read(*parts: str) -> IntervalData:
    return read_green_button(_FEED.format(_POINT + "".join(parts)).encode())


def amounts(data: IntervalData, measure: Measure = Measure.ENERGY) -> list[list[tuple[int, int, int]]]:
    return [
        [(each.start, each.seconds, each.mantissa) for each in one.readings]
        for one in data.series
        if one.measure is measure
    ]


def doubts(data: IntervalData) -> list[str]:
    return [each.what for each in data.issues if each.severity is not Severity.NOTE]


SUMS = [sum(values) for values in zip(*AMOUNTS.values(), strict=True)]


def test_the_periods_of_a_day_are_added_up() -> None:
    data = read(*(period(code, values) for code, values in AMOUNTS.items()))
    assert amounts(data) == [[(start, DAY, value) for start, value in zip(DAYS, SUMS, strict=True)]]
    assert amounts(data, Measure.COST) == [[(s, DAY, 2 * value) for s, value in zip(DAYS, SUMS, strict=True)]]
    assert {each.meter_id for each in data.series} == {"J1"}
    assert not doubts(data)
    assert "added up: 3." in data.issues[0].what


@pytest.mark.parametrize("spoiled", [False, True])
def test_readings_may_name_the_period_themselves(spoiled: bool) -> None:
    """Also where all stand under one meter reading, in runs as one by one."""
    blocks = [period("", values, of_reading=code, number="1") for code, values in AMOUNTS.items()]
    feed = _FEED.format(
        _POINT + blocks[0] + "".join(f"<entry{each.rpartition('<entry')[2]}" for each in blocks[1:])
    )
    if spoiled:
        feed = feed.replace("IntervalReading>", "IntervalReading >")
    data = read_green_button(feed.encode())
    assert amounts(data) == [[(start, DAY, value) for start, value in zip(DAYS, SUMS, strict=True)]]
    assert not doubts(data)


def test_periods_that_follow_each_other_are_left_as_they_are() -> None:
    """Hours each of which is in one period are no parts of anything, and there is nothing to tell."""
    starts = [FIRST + 3600 * number for number in range(48)]
    hours = [(start, "312"[number // 6 % 3]) for number, start in enumerate(starts)]
    readings = "".join(
        f"<IntervalReading><timePeriod><duration>3600</duration><start>{start}</start></timePeriod>"
        f"<value>{start % 7}</value><tou>{code}</tou></IntervalReading>"
        for start, code in hours
    )
    empty = period("", (1, 1, 1))
    content, end = empty.split("<IntervalReading>", 1)[0], "</IntervalBlock></content></entry>"
    data = read(content + readings + end)
    assert amounts(data) == [[(start, 3600, start % 7) for start in starts]]
    assert not data.issues


def test_one_period_twice_is_no_sum() -> None:
    data = read(period(ON, (1, 2, 3)), period(ON, (5, 2, 3), number="9"))
    assert amounts(data) == [[(DAYS[0], DAY, 5), (DAYS[1], DAY, 2), (DAYS[2], DAY, 3)]]
    assert doubts(data) == ["Readings replaced by later ones in the file: 1."] * 2  # of energy and of cost


def test_what_is_of_no_period_is_no_part() -> None:
    """It is perhaps the whole of them: then it says the same as they do."""
    parts = [period(code, values) for code, values in AMOUNTS.items()]
    data = read(*parts, period("0", SUMS, number="7"))
    assert amounts(data) == [[(start, DAY, value) for start, value in zip(DAYS, SUMS, strict=True)]]
    assert not doubts(data)
    assert doubts(read(*parts, period("", (1, 2, 3), number="7")))


def test_demand_of_several_periods_is_not_added_up() -> None:
    data = read(period(ON, (5, 5, 5), uom=38), period(OFF, (3, 3, 3), uom=38))
    assert amounts(data, Measure.DEMAND) == [[(start, DAY, 3) for start in DAYS]]
    assert doubts(data)


def test_batches_name_the_period_they_are_of() -> None:
    feed = _FEED.format(_POINT + period(ON, (1, 2, 3)) + period("", (4, 5, 6), number="8"))
    batches = [each for each in stream_green_button(BytesIO(feed.encode())) if isinstance(each, Series)]
    assert [period_of(each) for each in batches] == [ON, ON, "", ""]
    assert {type(each) for each in gather(batches).series} == {Series}


def test_an_estimated_part_makes_an_estimated_sum() -> None:
    def of(code: str, estimated: bool) -> Series:
        reading = Reading(FIRST, DAY, 5, estimated)
        whole = read(period(code, (1, 1, 1))).series[0]
        return of_period(Series("E", whole.commodity, whole.direction, Unit.WH, 0, (reading,)), code)

    (sum_,) = gather([of(ON, True), of(OFF, False)]).series
    assert sum_.readings == (Reading(FIRST, DAY, 10, True),)


def test_time_is_covered_twice_only_within_a_period_or_by_what_is_of_none() -> None:
    covered = TimeRangesByPeriod()
    assert not covered.add(ON, 0, 10)
    assert not covered.add(OFF, 0, 10)
    assert covered.add(ON, 9, 12)
    assert covered.add("", 5, 6)
    assert not covered.add("", 20, 30)
    assert covered.add(MID, 25, 26)


def test_a_file_of_periods_is_told_without_a_doubt_and_their_whole_beside_them_with_one(
    tmp_path: Path,
) -> None:
    parts = "".join(period(code, values) for code, values in AMOUNTS.items())
    file = tmp_path / "days.xml"
    file.write_text(_FEED.format(_POINT + parts))
    report = read_file(str(file), None, None)
    energy = report.tally.series[0]
    assert (energy.count, energy.total) == (9, "64.767")
    assert not report.issues
    file.write_text(_FEED.format(_POINT + parts + period("0", SUMS, number="7")))
    report = read_file(str(file), None, None)
    assert report.tally.series[0].count == 12
    assert [each.severity for each in report.issues] == [Severity.WARNING]
