"""Green Button: what is written is read back, however a feed is built; what cannot be said is reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import FormatError
from formats.green_button import read_green_button
from records import Commodity, Direction, Reading, Series, Unit
from tests.formats.espi_writer import green_button
from tests.formats.made import electricity, gas

START = 1_730_606_400
READINGS = tuple(Reading(START + place * 900, 900, 100 + place, place == 3) for place in range(8))
SERIES = Series("E1234567", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, READINGS)
FEED = green_button([SERIES])


@given(
    st.one_of(electricity(), gas()), st.sampled_from(("", "espi", "ns0")), st.booleans(), st.integers(1, 97)
)
def test_reads_back_what_was_written(series: list[Series], prefix: str, linked: bool, block: int) -> None:
    read = read_green_button(green_button(series, prefix=prefix, linked=linked, block=block))
    assert list(read.series) == series
    assert not read.problems


@given(st.one_of(electricity(), gas()))
def test_decimals_are_kept_exactly(series: list[Series]) -> None:
    read = read_green_button(green_button(series, decimals=True)).series
    assert len(read) == len(series)
    for one, other in zip(read, series, strict=True):
        quantities = [[r.mantissa * 10 ** (s.exponent + 9) for r in s.readings] for s in (one, other)]
        assert quantities[0] == quantities[1]
        assert [r.start for r in one.readings] == [r.start for r in other.readings]


def test_a_value_with_a_fraction_shifts_its_whole_series() -> None:
    read = read_green_button(FEED.replace(b"<value>101</value>", b"<value> 12.5 </value>")).series[0]
    assert read.exponent == -1
    assert [reading.mantissa for reading in read.readings[:3]] == [1000, 125, 1020]


@pytest.mark.parametrize(
    ("quality", "estimated"),
    [(0, False), (8, True), (9, True), (12, True), (17, False), (19, False), (99, False)],
)
def test_quality_codes(quality: int, estimated: bool) -> None:
    feed = FEED.replace(b"<quality>8<", f"<quality>{quality}<".encode())
    assert read_green_button(feed).series[0].readings[3].estimated is estimated


def test_a_reading_without_quality_or_duration_takes_those_of_its_type() -> None:
    stated = b"<defaultQuality>8</defaultQuality><intervalLength>900</intervalLength><uom>"
    feed = FEED.replace(b"<uom>", stated).replace(b"<duration>900</duration>", b"")
    assert read_green_button(feed).series[0].readings == tuple(
        each._replace(estimated=True) for each in READINGS
    )


def test_a_resource_without_an_entry_is_read_by_order() -> None:
    bare = b"".join(
        FEED[FEED.index(b"<" + name + b" xmlns") : FEED.index(b"</" + name + b">") + len(name) + 3]
        for name in (b"UsagePoint", b"ReadingType", b"IntervalBlock")
    )
    read = read_green_button(b"<all>" + bare + b"</all>")
    assert read.series == (Series("", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, READINGS),)


def test_usage_points_of_one_title_are_told_apart_by_their_links() -> None:
    other = FEED[FEED.index(b"<entry>") : FEED.index(b"</feed>")].replace(b"UsagePoint/1", b"UsagePoint/2")
    other = other.replace(b"ReadingType/1", b"ReadingType/2").replace(b"<kind>0<", b"<kind>1<")
    read = read_green_button(FEED.replace(b"</feed>", other + b"</feed>"))
    assert [(each.meter_id, len(each.readings)) for each in read.series] == [("1", 8), ("2", 8)]


def test_a_serial_number_names_the_meter() -> None:
    feed = FEED.replace(b"<ServiceCategory>", b"<serialNumber> 0042 </serialNumber><ServiceCategory>")
    assert read_green_button(feed).series[0].meter_id == "0042"


def test_a_reading_given_twice_counts_once() -> None:
    again = FEED[FEED.index(b"<IntervalReading>") : FEED.index(b"</IntervalReading>") + 18]
    feed = FEED.replace(b"</IntervalBlock>", again + b"</IntervalBlock>")
    assert read_green_button(feed).series == (SERIES,)
    assert not read_green_button(feed).problems
    corrected = read_green_button(
        FEED.replace(b"</IntervalBlock>", again.replace(b">100<", b">7<") + b"</IntervalBlock>")
    )
    assert corrected.series[0].readings[0].mantissa == 7
    assert "replaced" in corrected.problems[0]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"<uom>72<", b"<uom>38<", "unit code '38'"),
        (b"<uom>72<", b"<uom>169<", "electricity or gas"),
        (b"Behaviour>4<", b"Behaviour>1<", "per interval"),
        (b"Multiplier>0<", b"Multiplier>99999999999<", "power-of-ten multiplier"),
        (b"Multiplier>0<", b"Multiplier>3.5<", "power-of-ten multiplier"),
        (b"flowDirection>1<", b"flowDirection>2<", "flow direction '2'"),
        (b"flowDirection>1<", b"flowDirection><", "flow direction ''"),
        (b'related" href="ReadingType/1"', b'related" href="ReadingType/7"', "no reading type"),
    ],
)
def test_what_cannot_be_said_is_left_out_and_reported(old: bytes, new: bytes, reason: str) -> None:
    assert old in FEED
    read = read_green_button(FEED.replace(old, new))
    assert not read.series
    assert len(read.problems) == 1
    assert reason in read.problems[0]
    assert "E1234567" in read.problems[0]


@pytest.mark.parametrize("value", [b"", b"n/a", b"NaN", b"1e5", b"9" * 30, b"9" * 5000, b"1.2.3"])
def test_an_unusable_value_is_no_reading(value: bytes) -> None:
    read = read_green_button(FEED.replace(b"<value>101<", b"<value>" + value + b"<"))
    assert [reading.mantissa for reading in read.series[0].readings] == [100, 102, 103, 104, 105, 106, 107]
    assert read.problems == ("Readings of meter 'E1234567' without a usable start, length or value: 1.",)


def test_an_unusable_start_is_no_reading() -> None:
    read = read_green_button(FEED.replace(b"<start>%d<" % START, b"<start>99999999999<"))
    assert read.series[0].readings == READINGS[1:]
    assert len(read.problems) == 1


def test_a_feed_without_readings_is_no_error() -> None:
    feed = FEED[: FEED.rindex(b"<entry>")] + b"</feed>"
    assert read_green_button(feed).series == ()


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">]>"""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (b"\xef\xbb\xbf\n<HTML>", "web page"),
        (b"<!-- x --><html xmlns='http://www.w3.org/1999/xhtml'/>", "web page"),
        (b"<rss><channel/></rss>", "no Green Button data"),
        (
            b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>News</title></entry></feed>',
            "no Green Button data",
        ),
        (b"name,usage\n1,2\n", "cut short or damaged"),
        (FEED.replace(b"</IntervalBlock>", b"</Interval>"), "cut short or damaged"),
        (FEED + b"<feed/>", "cut short or damaged"),
        (LAUGHS + b"<lolz>&f;</lolz>", "document type|damaged"),
        (LAUGHS + b'<feed><entry><UsagePoint a="&f;"/></entry></feed>', "document type|damaged"),
        (FEED.replace(b"<feed", b'<!DOCTYPE feed SYSTEM "file:///etc/passwd"><feed', 1), "document type"),
        (
            FEED.replace(
                b"<feed", b'<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/hostname">]><feed', 1
            ).replace(b"E1234567", b"&x;"),
            "document type",
        ),
        (b"<feed>" * 100_000, "cut short or damaged"),
    ],
)
def test_broken_files_are_refused_in_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence) as caught:
        read_green_button(content)
    assert str(caught.value).count("\n") == 0
    assert len(str(caught.value)) < 160


@given(st.integers(0, len(FEED) - 1))
def test_a_file_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(FormatError):
        read_green_button(FEED[:length])


@given(st.integers(0, len(FEED) - 1), st.binary(min_size=1, max_size=12))
def test_damage_never_raises_anything_else(place: int, damage: bytes) -> None:
    try:
        read = read_green_button(FEED[:place] + damage + FEED[place + len(damage) :])
    except FormatError:
        return
    assert all(reading.seconds > 0 for series in read.series for reading in series.readings)
