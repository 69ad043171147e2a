"""Whatever series records can hold are written as valid Green Button, and read back as they were."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import cycle, product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.formats.espi.green_button_writer import write_green_button
from meterfarm.formats.espi.local_time import local_time
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit
from tests.formats.espi_made import WORLD, any_series, local_days
from tests.formats.made import ZONES, electricity, gas, readings

SCHEMA = etree.XMLSchema(file=str(Path(__file__).parent / "schema" / "green_button_written.xsd"))
ZONE = ZoneInfo("America/St_Johns")
START = 1_730_606_400
READINGS = (Reading(START, 900, 12), Reading(START + 900, 900, -7, True), Reading(START + 1800, 900, 0))
SERIES = Series("E1", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, READINGS)
NAMESPACES = {"atom": "http://www.w3.org/2005/Atom", "espi": "http://naesb.org/espi"}


def written(series: list[Series], zone: ZoneInfo = ZONE) -> bytes:
    file = BytesIO()
    write_green_button(file, series, zone)
    feed = etree.fromstring(file.getvalue())
    SCHEMA.assertValid(feed)
    return file.getvalue()


def test_every_word_of_the_records_comes_back() -> None:
    """Each measure in each unit, whether it makes sense or not, and of each commodity in each direction."""
    rising = tuple(each._replace(mantissa=place) for place, each in enumerate(READINGS))
    series = [
        Series("E1", commodity, direction, unit, -4, rising, measure)
        for (measure, unit), (commodity, direction) in zip(
            product(Measure, Unit), cycle(product(Commodity, Direction)), strict=False
        )
    ]
    read = read_green_button(written(series))
    assert list(read.series) == series
    assert not read.issues


@given(
    any_series() | electricity() | gas(),
    any_series("E2"),
    st.sampled_from((*ZONES, *WORLD)).map(ZoneInfo),
)
def test_any_series_come_back(first: list[Series], second: list[Series], zone: ZoneInfo) -> None:
    read = read_green_button(written([*first, *second], zone))
    assert list(read.series) == [*first, *second]
    assert not read.issues


@given(st.integers(-12, 20), readings(most=20, lowest=-999) | local_days(), st.sampled_from(Measure))
def test_exponents_come_back(exponent: int, rows: tuple[Reading, ...], measure: Measure) -> None:
    """Or the amount is refused, for those that ESPI's 48 bits cannot hold."""
    series = Series("E1", Commodity.GAS, Direction.NET, Unit.CCF, exponent, rows, measure)
    try:
        file = written([series])
    except FormatError as exc:
        assert exponent > 18, exc  # noqa: PT017 - that it is refused is no failure, when it is might be
        assert "larger than" in str(exc)  # noqa: PT017
        return
    assert read_green_button(file).series == (series,)


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20) | st.just("a\tb\n<c>&\"'"))
def test_any_meter_id_comes_back(meter_id: str) -> None:
    if "\ufffe" in meter_id or "\uffff" in meter_id:
        return
    series = [replace(SERIES, meter_id=meter_id), replace(SERIES, meter_id=meter_id + "2", unit=Unit.VARH)]
    assert list(read_green_button(written(series)).series) == series


def test_a_registers_instants_and_mixed_lengths_come_back() -> None:
    instants = (Reading(START, 0, 5), Reading(START + 900, 900, 6), Reading(START + 3600, 0, 7))
    register = replace(SERIES, measure=Measure.REGISTER, readings=instants)
    lengths = replace(SERIES, direction=Direction.NET, readings=(READINGS[0], Reading(START + 900, 3600, 8)))
    assert read_green_button(written([register, lengths])).series == (register, lengths)


def test_without_its_own_words_the_file_says_the_same_by_the_codes_alone() -> None:
    kinds = [
        (Commodity.ELECTRIC, Measure.ENERGY, Unit.WH),
        (Commodity.GAS, Measure.ENERGY, Unit.THERM),
        (Commodity.WATER, Measure.VOLUME, Unit.US_GALLON),
        (Commodity.ELECTRIC, Measure.DEMAND, Unit.W),
        (Commodity.ELECTRIC, Measure.COST, Unit.CAD),
        (Commodity.ELECTRIC, Measure.REGISTER, Unit.WH),
    ]
    rising = tuple(each._replace(mantissa=place) for place, each in enumerate(READINGS))
    for commodity, measure, unit in kinds:
        series = Series("E1", commodity, Direction.RECEIVED, unit, -3, rising, measure)
        feed = etree.fromstring(written([series]))
        for each in feed.xpath("//espi:extension", namespaces=NAMESPACES):
            each.getparent().remove(each)
        read = read_green_button(etree.tostring(feed))
        assert read.series == (series,)
        assert not read.issues


def test_blocks_are_local_days() -> None:
    rows = tuple(Reading(START + place * 3600, 3600, place) for place in range(-30, 40))
    feed = etree.fromstring(written([replace(SERIES, readings=rows)], ZoneInfo("America/New_York")))
    blocks = feed.xpath("//espi:IntervalBlock", namespaces=NAMESPACES)
    counts = [len(block.findall("espi:IntervalReading", NAMESPACES)) for block in blocks]
    assert sum(counts) == len(rows)
    assert 25 in counts  # the day on which clocks go back


def test_the_same_series_make_the_same_bytes() -> None:
    assert written([SERIES]) == written([SERIES])


def test_no_series_are_a_feed_without_readings() -> None:
    read = read_green_button(written([replace(SERIES, readings=())]))
    assert not read.series
    assert [str(each.severity) for each in read.issues] == ["note"]


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        (replace(SERIES, exponent=-13), "too fine"),
        (replace(SERIES, readings=(Reading(START, 900, 2**47),)), "larger than"),
        (replace(SERIES, exponent=30), "larger than"),
        (replace(SERIES, meter_id="a\0"), "character"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(series: Series, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        written([series])


@pytest.mark.parametrize(
    ("zone", "rules"),
    [
        ("America/New_York", ("B40E2000", 3600, "360E2000", -18_000)),
        ("America/Phoenix", ("00000000", 0, "00000000", -25_200)),
        ("Europe/Brussels", ("AE0E3000", 3600, "3E0E2000", 3600)),
        ("Australia/Sydney", ("440E3000", 3600, "A40E2000", 36_000)),
        ("Australia/Lord_Howe", ("440E2000", 1800, "A40E2000", 37_800)),
        ("America/St_Johns", ("B40E2000", 3600, "360E2000", -12_600)),
    ],
)
def test_clocks_are_moved_by_rules(zone: str, rules: tuple[str, int, str, int]) -> None:
    assert local_time(ZoneInfo(zone), 2024) == rules
