"""What a Green Button file says of its own readings is held against them; and entities of HTML are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from meterfarm.console.data.read import read_file
from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.formats.espi.walk import CHUNK
from meterfarm.formats.espi.xml_faults import Entities
from meterfarm.records import Measure
from tests.formats.espi_feed import block, feed, meter_reading, reading_type, sums, told, usage_point

POINT, METER, KIND = "/UsagePoint/1", "/UsagePoint/1/MeterReading/1", "/ReadingType/1"


def one_meter(values: list[int], seconds: int | None = 3600, title: str = "", **codes: int) -> bytes:
    kind = reading_type(KIND, **codes)
    return feed(
        kind, usage_point(POINT, title), meter_reading(METER, KIND), block(METER, values, seconds=seconds)
    )


@pytest.mark.parametrize(
    ("values", "codes", "doubted"),
    [
        ([-400, -400, -400], {"flowDirection": 19}, "flow direction is received: 3"),
        ([5, -1, 0], {"flowDirection": 1}, "flow direction is delivered: 1"),
        ([5, -1, 0], {"flowDirection": 19, "uom": 38}, "flow direction is received: 1"),
        ([5, -1, 0], {"commodity": 7, "uom": 42}, "flow direction is delivered: 1"),
        ([5, 1, 0], {"flowDirection": 19}, ""),
        ([5, -1, 0], {"flowDirection": 4}, ""),
        ([5, -1, 0], {"flowDirection": 0}, ""),
        ([5, -1, 0], {"flowDirection": 1, "uom": 23}, ""),
    ],
)
def test_values_below_zero_in_one_direction_are_doubted(
    values: list[int], codes: dict[str, int], doubted: str
) -> None:
    issues = told(read_green_button(one_meter(values, 3600, "", **codes)))
    doubts = [each for each in issues if "below zero" in each]
    assert [doubted in each for each in doubts] == [True] * bool(doubted)


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("seconds", [0, None])
def test_a_registers_instants_last_no_time_and_do_not_overlap(
    seconds: int | None, odd: bool, tmp_path: Path
) -> None:
    content = one_meter([1000, 1100, 1200], seconds, accumulationBehaviour=1, intervalLength=86_400)
    if odd:
        content = content.replace(b"<value>", b"<!-- --><value>")
    path = tmp_path / "register.xml"
    path.write_bytes(content.replace(b"<duration>0</duration><start>", b"<duration>0</duration><start>"))
    (series,) = read_green_button(content).series
    assert series.measure is Measure.REGISTER
    assert {each.seconds for each in series.readings} == {0}
    assert not read_file(str(path), None, None).issues


def test_a_net_register_may_go_down() -> None:
    for direction, doubted in ((4, 0), (1, 1)):
        content = one_meter([5, -6], 0, accumulationBehaviour=1, flowDirection=direction)
        assert ["from 5 to -6" in each for each in told(read_green_button(content))] == [True] * doubted


def test_an_instant_within_an_interval_does_not_overlap_it(tmp_path: Path) -> None:
    content = one_meter([5, 6, 7], uom=38)
    (tmp_path / "demand.xml").write_bytes(content.replace(b"<duration>3600<", b"<duration>0<", 1))
    assert not read_file(str(tmp_path / "demand.xml"), None, None).issues


def test_amounts_of_no_time_take_their_types_length_and_are_doubted() -> None:
    read = read_green_button(one_meter([5, 6, 7], 0, intervalLength=3600))
    assert {each.seconds for each in read.series[0].readings} == {3600}
    assert [
        "read with the intervalLength of the reading type (3600 s): 3" in each for each in told(read)
    ] == [True]
    assert not read_green_button(one_meter([5, 6, 7], None, intervalLength=3600)).issues


def test_entities_of_html_are_read() -> None:
    content = one_meter([5], title="Caf&eacute;&nbsp;7").replace(b"<value>", b"<value>&nbsp;")
    assert sums(content) == [("1", "delivered", "Wh", 5)]
    titled = one_meter([5], title="E&ndash;1&amp;2").replace(b"/UsagePoint/1", b"/UsagePoint/&auml;")
    assert sums(titled) == [("E–1&2", "delivered", "Wh", 5)]  # noqa: RUF001 - a dash


@pytest.mark.parametrize("place", range(-9, 3))
def test_an_entity_at_the_end_of_a_chunk_is_read(place: int) -> None:
    head, tail = one_meter([5], title="E&nbsp;1").split(b"E&nbsp;1")
    padding = b" " * (CHUNK - len(head) + place)
    assert sums(head.replace(b"<entry>", padding + b"<entry>", 1) + b"E&middot;1" + tail)[0][0] == "E·1"


def test_what_is_no_entity_of_html_stays_as_it_is() -> None:
    entities = Entities()
    parts = [entities.replace(each, False) for each in (b"&lt;&", b"amp;&#65;&un", b"known; & &Eacu", b"te;")]
    assert b"".join([*parts, entities.replace(b"&", True)]) == b"&lt;&amp;&#65;&unknown; & &#201;&"
