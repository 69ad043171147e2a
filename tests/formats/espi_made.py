"""Plausible series of any kind that Green Button knows, by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit
from tests.formats.espi_writer import UNITS, LinkStyle, Shape, green_button
from tests.formats.made import readings

WORLD = ("Australia/Sydney", "Australia/Lord_Howe", "Europe/Dublin", "America/Sao_Paulo", "America/St_Johns")
_MOVES = (
    date(2024, 3, 8),
    date(2024, 3, 29),
    date(2024, 4, 4),
    date(2024, 10, 4),
    date(2024, 10, 25),
    date(2024, 11, 1),
)
_LINKS: Sequence[LinkStyle] = ("both", "up", "related", "none")


@st.composite
def local_days(draw: st.DrawFn, lowest: int = 0) -> tuple[Reading, ...]:
    """Days of 23 to 25 hours, from a day near a change of clocks."""
    zone = ZoneInfo(draw(st.sampled_from(WORLD)))
    first = draw(st.sampled_from(_MOVES))
    values = draw(st.lists(st.integers(lowest, 99_999), min_size=1, max_size=6))
    midnights = [
        int(datetime.combine(first + timedelta(days=day), datetime.min.time(), zone).timestamp())
        for day in range(len(values) + 1)
    ]
    return tuple(
        Reading(start, end - start, value, value % 5 == 0)
        for start, end, value in zip(midnights, midnights[1:], values, strict=False)
    )


@st.composite
def any_series(draw: st.DrawFn, meter_id: str = "E1234567") -> list[Series]:
    """Series of one meter, each of another kind."""
    kinds = [(measure, unit) for measure, units in UNITS.items() for unit in units]
    commodity = draw(st.sampled_from((Commodity.ELECTRIC, Commodity.GAS, Commodity.WATER)))
    chosen = draw(
        st.lists(
            st.tuples(st.sampled_from(kinds), st.sampled_from(list(Direction))),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    if any(measure is Measure.VOLUME for (measure, _), _ in chosen) and commodity is Commodity.ELECTRIC:
        commodity = Commodity.GAS
    return [
        Series(
            meter_id,
            commodity,
            direction,
            unit,
            draw(st.integers(-5, 3)),
            draw(readings(most=40, lowest=-99_999) | local_days(-99)),
            measure,
        )
        for (measure, unit), direction in chosen
    ]


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    links = draw(st.sampled_from(_LINKS))
    return Shape(
        prefix=draw(st.sampled_from(("", "espi", "ns0"))),
        links=links,
        block=draw(st.integers(1, 50)),
        blocks_an_entry=draw(st.integers(1, 4)),
        types_last=draw(st.booleans()),
        start_first=draw(st.booleans()),
        atom=draw(st.booleans()),
        host=draw(st.sampled_from(("", "https://portal.example", "//portal.example:8443"))),
        query=draw(st.sampled_from(("", "?format=xml", "#top"))),
        gap=draw(st.sampled_from(("", "\n  ", "<!-- a -->"))),
    )


def one_way_below_zero(series: Series) -> bool:
    """Whether it has what cannot be of one direction."""
    adds = series.measure in (Measure.ENERGY, Measure.VOLUME, Measure.DEMAND)
    one_way = adds and series.direction in (Direction.DELIVERED, Direction.RECEIVED)
    return one_way and any(each.mantissa < 0 for each in series.readings)


START = 1_730_606_400


READINGS = tuple(Reading(START + place * 900, 900, 100 + place, place == 3) for place in range(8))


SERIES = Series("E1234567", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, READINGS)


FEED = green_button([SERIES])
