"""Green Button links: a resource is its whole href; twins and contradictions are doubted."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from meterfarm.console.data.read import read_file
from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.formats.espi.href import href
from meterfarm.formats.espi.names import is_id
from meterfarm.records import Severity
from tests.formats.espi_feed import DAY, block, feed, meter_reading, reading_type, sums, told, usage_point

KWH = reading_type("/ReadingType/1")
LATER = DAY + 30 * 3600


def customer(
    point: str, value: int, start: int = DAY, *, base: str = "", kind: str = "/ReadingType/1"
) -> str:
    """A usage point with three readings of a value."""
    meter = f"{point}/MeterReading/1"
    return "".join(
        (
            usage_point(point, base=base),
            meter_reading(meter, kind, base=base),
            block(meter, [value] * 3, start, base=base),
        )
    )


@pytest.mark.parametrize(
    ("content", "meters"),
    [
        (
            feed(KWH, customer("/User/a/UsagePoint/01", 1000), customer("/User/b/UsagePoint/01", 500, LATER)),
            "ab",
        ),
        (
            feed(KWH, customer("https://a.x/UsagePoint/1", 1000), customer("https://b.x/UsagePoint/1", 500)),
            "ab",
        ),
        (
            feed(
                KWH,
                customer("UsagePoint/1", 1000, base="https://x.example/a/"),
                customer("UsagePoint/1", 500, base="https://x.example/b/"),
            ),
            "ab",
        ),
        (
            feed(
                reading_type("ReadingType/1"),
                customer("../a/UsagePoint/1", 1000, kind="/espi/ReadingType/1"),
                customer("../b/UsagePoint/1", 500, kind="/espi/ReadingType/1"),
                attributes=' xml:base="https://x.example/espi/"',
            ),
            "ab",
        ),
    ],
    ids=["path", "host", "base of entries", "base of the feed"],
)
def test_two_customers_of_one_last_part_are_two_meters(content: bytes, meters: str) -> None:
    found = sums(content)
    assert [total for *_, total in found] == [3000, 1500]
    names = [name for name, *_ in found]
    assert [letter in name for letter, name in zip(meters, names, strict=True)] == [True, True]
    assert len(set(names)) == 2
    assert not told(read_green_button(content))


def test_two_customers_without_an_entry_of_their_usage_point_are_two_meters() -> None:
    meters = [f"/User/{user}/UsagePoint/01/MeterReading/1" for user in "ab"]
    content = feed(
        KWH,
        *(meter_reading(each, "/ReadingType/1") for each in meters),
        *(block(each, [value]) for each, value in zip(meters, (1000, 500), strict=True)),
    )
    assert sorted(total for *_, total in sums(content)) == [500, 1000]
    assert len({name for name, *_ in sums(content)}) == 2


def test_two_customers_in_two_files_of_a_zip_are_two_meters(tmp_path: Path) -> None:
    path = tmp_path / "both.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for user, value, start in (("a", 1000, DAY), ("b", 500, LATER), ("a", 100, LATER + 86_400)):
            archive.writestr(f"{start}.xml", feed(KWH, customer(f"/User/{user}/UsagePoint/01", value, start)))
    found = read_file(str(path), None, None).tally.series
    assert [(each.meter, each.total) for each in found] == [("01", "3300"), ("/User/b/UsagePoint/01", "1500")]


def test_another_customers_usage_point_of_the_same_number_is_not_taken() -> None:
    content = feed(
        KWH,
        usage_point("/User/a/UsagePoint/01", title="E77"),
        meter_reading("/User/b/UsagePoint/01/MeterReading/1", "/ReadingType/1"),
        block("/User/b/UsagePoint/01/MeterReading/1", [5]),
    )
    ((name, *_),) = sums(content)
    assert name != "E77"


def test_a_usage_point_seen_as_a_customers_and_as_a_subscriptions_is_one() -> None:
    meter = "/espi/1_1/resource/Subscription/5/UsagePoint/1/MeterReading/1"
    content = feed(
        KWH,
        usage_point("/espi/1_1/resource/RetailCustomer/9/UsagePoint/1", title="E77"),
        meter_reading(meter, "/ReadingType/1"),
        block(meter, [5]),
    )
    assert sums(content) == [("E77", "delivered", "Wh", 5)]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("/UsagePoint/1", "https://Portal.Example/UsagePoint/1", True),
        ("https://portal.example:443/UsagePoint/1/", "//PORTAL.example/UsagePoint/1", True),
        ("/UsagePoint/1?format=xml", "/UsagePoint/1", True),
        ("/UsagePoint/1", "UsagePoint/1#top", True),
        ("/a/../UsagePoint/./1", "/UsagePoint//1", True),
        ("/UsagePoint/%31", "/UsagePoint/1", True),
        ("/UsagePoint/1?meter=1", "/UsagePoint/1?meter=2", False),
        ("https://a.example/UsagePoint/1", "https://b.example/UsagePoint/1", False),
        ("/a/UsagePoint/1", "/b/UsagePoint/1", False),
        ("/UsagePoint/1", "/UsagePoint/a", False),
    ],
)
def test_which_hrefs_may_be_of_one_resource(one: str, other: str, alike: bool) -> None:
    assert href(one).may_be(href(other)) is alike


X = "/Subscription/9/UsagePoint/X"
MX = f"{X}/MeterReading/X"
BX = f"{MX}/IntervalBlock/1"


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"flowDirection": 19}, [("X", "delivered", "Wh", 3000), ("X", "received", "Wh", 1200)]),
        (
            {"commodity": 7, "uom": 169, "powerOfTenMultiplier": -3},
            [("X", "delivered", "Wh", 3000), ("X", "delivered", "therm", 1200)],
        ),
    ],
)
@pytest.mark.parametrize("trailing", [False, True])
def test_meter_readings_of_one_href_are_told_apart_by_order_and_doubted(
    second: dict[str, int], expected: list[tuple[str, str, str, int]], trailing: bool
) -> None:
    parts = [
        [meter_reading(MX, "/ReadingType/1"), block(BX, [1000] * 3)],
        [meter_reading(MX, "/ReadingType/2"), block(BX, [400] * 3, LATER)],
    ]
    entries = [each for part in parts for each in (reversed(part) if trailing else part)]
    content = feed(KWH, reading_type("/ReadingType/2", **second), usage_point(X), *entries)
    assert sums(content) == expected
    doubts = told(read_green_button(content))
    assert sum("2 meter readings share the link" in each and "by their order" in each for each in doubts) == 1


def test_where_the_order_of_twins_tells_nothing_only_what_they_agree_on_is_taken() -> None:
    content = feed(
        KWH,
        reading_type("/ReadingType/2", flowDirection=19),
        usage_point(X),
        meter_reading(MX, "/ReadingType/1"),
        meter_reading(MX, "/ReadingType/2"),
        block(BX, [1000]),
        block(BX, [400], LATER),
    )
    assert sums(content) == [("X", "unknown", "Wh", 1400)]
    doubts = " ".join(told(read_green_button(content)))
    assert "the file does not show which is meant" in doubts
    assert "flowDirection '1' or '19'" in doubts


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ({"uom": 169}, ("X", "delivered", "unknown", 5)),
        ({"flowDirection": 4}, ("X", "unknown", "Wh", 5)),
        ({"powerOfTenMultiplier": 3}, ("X", "delivered", "unknown", 5)),
        ({"accumulationBehaviour": 1}, ("X", "delivered", "Wh", 5)),
    ],
)
def test_reading_types_of_one_href_that_differ_are_doubted(
    codes: dict[str, int], expected: tuple[str, str, str, int]
) -> None:
    content = feed(
        KWH,
        reading_type("/ReadingType/1", **codes),
        usage_point(X),
        meter_reading(MX, "/ReadingType/1"),
        block(BX, [5]),
    )
    assert sums(content) == [expected]
    assert "2 reading types share the link /ReadingType/1" in " ".join(told(read_green_button(content)))


def test_usage_points_of_one_href_that_differ_are_two_meters() -> None:
    content = feed(
        KWH,
        *(usage_point(X, title="1 Elm St"), meter_reading(MX, "/ReadingType/1"), block(BX, [5])),
        *(usage_point(X, title="2 Elm St"), block(BX, [7], LATER)),
    )
    assert [total for *_, total in sums(content)] == [5, 7]
    assert len({name for name, *_ in sums(content)}) == 2
    assert "2 usage points share the link" in " ".join(told(read_green_button(content)))


def test_what_a_file_has_twice_word_for_word_is_one_and_told() -> None:
    once = (KWH, usage_point(X), meter_reading(MX, "/ReadingType/1"))
    content = feed(*once, *once, block(BX, [5]))
    assert sums(content) == [("X", "delivered", "Wh", 5)]
    read = read_green_button(content)
    assert not told(read)
    assert len([each for each in told(read, Severity.NOTE) if "identical" in each]) == 3


def test_usage_points_that_cannot_be_told_apart_are_one_meter_and_doubted() -> None:
    """As where ids are masked, all by the same letter."""
    parts = [
        usage_point(X) + meter_reading(MX, "/ReadingType/1") + block(BX, [value], DAY + value * 86_400)
        for value in (5, 7)
    ]
    content = feed(KWH, *parts)
    assert sums(content) == [("X", "delivered", "Wh", 12)]
    assert ["each was read as one meter" in each for each in told(read_green_button(content))] == [True]


def test_types_and_meter_readings_of_no_readings_are_told() -> None:
    content = feed(
        KWH,
        reading_type("/ReadingType/2", flowDirection=19),
        usage_point(X),
        meter_reading(MX, "/ReadingType/1"),
        meter_reading(f"{X}/MeterReading/Y", "/ReadingType/2"),
        block(BX, [5]),
    )
    notes = " ".join(told(read_green_button(content), Severity.NOTE))
    assert "Reading types without readings: 1 (/ReadingType/2)" in notes
    assert (
        "Meter readings without interval readings: 1 (/Subscription/9/UsagePoint/X/MeterReading/Y)" in notes
    )


M1, M3 = f"{X}/MeterReading/1", f"{X}/MeterReading/3"
W = reading_type("/ReadingType/2", uom=38)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([block(f"{M3}/IntervalBlock/1", [8300], up=f"{M1}/IntervalBlock")], ("delivered", "W", 8300)),
        ([block(f"{M1}/IntervalBlock/1", [8300], up=f"{M3}/IntervalBlock")], ("delivered", "Wh", 8300)),
        ([block(f"{M1}/IntervalBlock/1", [8300], up=M3)], ("delivered", "Wh", 8300)),
        ([block(f"{M3}/IntervalBlock/1", [8300], related=[M1])], ("delivered", "Wh", 8300)),
        (
            [block(f"{M1}/IntervalBlock/1", [8300], up=f"{X}/MeterReading/7/IntervalBlock")],
            ("delivered", "Wh", 8300),
        ),
    ],
    ids=["self and up", "up and self", "up itself", "related", "one that is not there"],
)
def test_links_that_contradict_each_other_are_doubted(
    entries: list[str], expected: tuple[str, str, int]
) -> None:
    content = feed(
        KWH,
        W,
        usage_point(X),
        meter_reading(M1, "/ReadingType/1"),
        meter_reading(M3, "/ReadingType/2"),
        *entries,
    )
    assert [each[1:] for each in sums(content)] == [expected]
    assert ["contradict each other" in each for each in told(read_green_button(content))] == [True]


def test_a_meter_reading_of_two_types_or_two_usage_points_is_doubted() -> None:
    two_types = meter_reading(M1, "/ReadingType/1", more=["/ReadingType/2"])
    two_points = meter_reading(M1, "/ReadingType/1", up="/Subscription/9/UsagePoint/Y/MeterReading")
    points = usage_point(X), usage_point("/Subscription/9/UsagePoint/Y")
    for meter in (two_types, two_points):
        read = read_green_button(feed(KWH, W, *points, meter, block(f"{M1}/IntervalBlock/1", [5])))
        assert ["contradict each other" in each for each in told(read)] == [True]


def test_a_block_that_two_meter_readings_lead_to_is_doubted() -> None:
    other = meter_reading(M3, "/ReadingType/2", more=[f"{M1}/IntervalBlock"])
    content = feed(KWH, W, usage_point(X), meter_reading(M1, "/ReadingType/1"), other, block(M1, [5]))
    assert "contradict" in " ".join(told(read_green_button(content)))


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        *(
            (each, True)
            for each in ("E1234567", "0042", "G 77 0042", "Meter 42", "Zähler 7", "NMI: 4102035210")
        ),
        *(
            (each, True)
            for each in ("Electric meter #A-17", "UP-12", "redacted_user_id", "Service Point 0012345")
        ),
        *(
            (each, False)
            for each in ("", "1 Elm St", "20000 SOMEPLACE ST", "51 Ferry Street, Kingston, NY 12401")
        ),
        *(
            (each, False)
            for each in ("Hauptstraße 5", "Hauptstrasse5", "12-Main-St", "12_MAPLE_CT", "PO Box 12")
        ),
        *(
            (each, False)
            for each in ("One Main Street", "Jane Doe", "a galaxy far, far away", "jane@x.example")
        ),
        *((each, False) for each in ("5 Av 12", "Apt 4", "Maple Court", "12 rue de la Paix", "Unit 3")),
    ],
)
def test_a_title_is_an_id_only_if_it_looks_like_one(title: str, expected: bool) -> None:
    assert is_id(title) is expected


def test_a_meter_is_never_named_by_an_address_in_a_title() -> None:
    titles = ("1 Elm St", "51 Ferry Street, Kingston, NY 12401")
    entries = [
        usage_point(f"/UsagePoint/{number}", title=title)
        + meter_reading(f"/UsagePoint/{number}/MeterReading/1", "/ReadingType/1")
        + block(f"/UsagePoint/{number}/MeterReading/1", [5])
        for number, title in enumerate(titles)
    ]
    assert [name for name, *_ in sums(feed(KWH, *entries))] == ["0", "1"]
    nameless = [each.replace("<link", "<nothing") for each in entries]
    assert len({name for name, *_ in sums(feed(KWH, *nameless))}) == 2
    assert [name for name, *_ in sums(feed(KWH.replace("<link", "<nothing"), nameless[0]))] == [""]
