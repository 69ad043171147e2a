"""Green Button: what is written is read back, however a feed is built; what cannot be said is reported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.green_button import read_green_button, stream_green_button
from meterfarm.records import Commodity, Direction, Issue, Measure, Reading, Series, Severity, Unit
from tests.formats.espi_made import FEED, READINGS, SERIES, START, any_series, one_way_below_zero, shapes
from tests.formats.espi_writer import Shape, green_button
from tests.formats.made import electricity


def said(issues: Iterable[Issue], severity: Severity = Severity.WARNING) -> list[str]:
    return [str(each) for each in issues if each.severity is severity]


@given(any_series(), shapes())
def test_reads_back_what_was_written(series: list[Series], shape: Shape) -> None:
    read = read_green_button(green_button(series, shape))
    assert list(read.series) == series
    below_zero = [each for each in series if one_way_below_zero(each)]
    assert ["Values below zero" in each for each in said(read.issues)] == [True] * len(below_zero)
    assert len(read.issues) == len(below_zero)


@given(any_series(), shapes())
def test_lengths_may_stand_in_the_type_alone(series: list[Series], shape: Shape) -> None:
    hourly = [
        Series(
            each.meter_id,
            each.commodity,
            each.direction,
            each.unit,
            each.exponent,
            tuple(reading._replace(seconds=900) for reading in each.readings),
            each.measure,
        )
        for each in series
    ]
    read = read_green_button(green_button(hourly, Shape(prefix=shape.prefix, lengths_in_type=True)))
    assert list(read.series) == hourly


@given(electricity())
def test_decimals_are_kept_exactly(series: list[Series]) -> None:
    read = read_green_button(green_button(series, Shape(decimals=True))).series
    assert len(read) == len(series)
    for one, other in zip(read, series, strict=True):
        quantities = [[Decimal(r.mantissa).scaleb(s.exponent) for r in s.readings] for s in (one, other)]
        assert quantities[0] == quantities[1]
        assert [r.start for r in one.readings] == [r.start for r in other.readings]


def test_a_value_with_a_fraction_shifts_its_whole_series() -> None:
    read = read_green_button(FEED.replace(b"<value>101</value>", b"<value> 12.5 </value>")).series[0]
    assert read.exponent == -1
    assert [reading.mantissa for reading in read.readings[:3]] == [1000, 125, 1020]


@pytest.mark.parametrize(
    ("quality", "estimated"),
    [
        *((0, False), (8, True), (9, True), (12, True), (17, False), (19, False), (99, False)),
        *(("estimated", True), ("Actual", False), ("", False)),
    ],
)
def test_quality_codes(quality: int | str, estimated: bool) -> None:
    feed = FEED.replace(b"<quality>8<", f"<quality>{quality}<".encode())
    read = read_green_button(feed)
    assert read.series[0].readings[3].estimated is estimated
    told = said(read.issues, Severity.NOTE)
    assert bool(told) is (quality in (99, "estimated", "Actual"))
    assert not told or repr(str(quality)) in told[0]


def test_a_reading_without_quality_or_duration_takes_those_of_its_type() -> None:
    stated = b"<defaultQuality>8</defaultQuality><intervalLength>900</intervalLength><uom>"
    feed = FEED.replace(b"<uom>", stated).replace(b"<duration>900</duration>", b"")
    assert read_green_button(feed).series[0].readings == tuple(
        each._replace(estimated=True) for each in READINGS
    )


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
    read = read_green_button(feed)
    assert read.series == (SERIES,)
    assert not said(read.issues)
    assert "more than once: 1" in said(read.issues, Severity.NOTE)[0]
    corrected = read_green_button(
        FEED.replace(b"</IntervalBlock>", again.replace(b">100<", b">7<") + b"</IntervalBlock>")
    )
    assert corrected.series[0].readings[0].mantissa == 7
    assert "replaced" in said(corrected.issues)[0]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"<uom>72<", b"<uom>65<", "unit code '65'"),
        (b"<uom>72<", b"<uom><", "unit code ''"),
        (b"Multiplier>0<", b"Multiplier>99999999999<", "power-of-ten multiplier"),
        (b"Multiplier>0<", b"Multiplier>3.5<", "power-of-ten multiplier"),
        (b'related" href="/ReadingType/1"', b'related" href="/ReadingType/7"', "no reading type"),
    ],
)
def test_what_has_no_known_unit_comes_out_as_such(old: bytes, new: bytes, reason: str) -> None:
    assert old in FEED
    read = read_green_button(FEED.replace(old, new))
    (series,) = read.series
    assert (series.unit, series.measure, series.exponent) == (Unit.UNKNOWN, Measure.OTHER, 0)
    assert series.readings == READINGS
    (issue,) = said(read.issues)
    assert reason in issue
    assert "E1234567" in issue


@pytest.mark.parametrize(
    ("old", "new", "direction", "doubts"),
    [
        (b"flowDirection>1<", b"flowDirection>19<", Direction.RECEIVED, 0),
        (b"flowDirection>1<", b"flowDirection>4<", Direction.NET, 0),
        (b"flowDirection>1<", b"flowDirection>0<", Direction.UNKNOWN, 0),
        (b"<flowDirection>1</flowDirection>", b"", Direction.UNKNOWN, 0),
        (b"flowDirection>1<", b"flowDirection>2<", Direction.UNKNOWN, 1),
        (b"flowDirection>1<", b"flowDirection>20<", Direction.UNKNOWN, 1),
        (b"flowDirection>1<", b"flowDirection>forward<", Direction.UNKNOWN, 1),
    ],
)
def test_directions(old: bytes, new: bytes, direction: Direction, doubts: int) -> None:
    read = read_green_button(FEED.replace(old, new))
    assert read.series[0].direction is direction
    assert len(read.issues) == doubts


@pytest.mark.parametrize(
    ("old", "new", "measure", "doubt"),
    [
        (b"Behaviour>4<", b"Behaviour>0<", Measure.ENERGY, ""),
        (b"Behaviour>4<", b"Behaviour>1<", Measure.REGISTER, ""),
        (b"Behaviour>4<", b"Behaviour>2<", Measure.REGISTER, ""),
        (b"Behaviour>4<", b"Behaviour>3<", Measure.REGISTER, ""),
        (b"Behaviour>4<", b"Behaviour>12<", Measure.OTHER, "neither amounts"),
        (b"<uom>", b"<dataQualifier>8</dataQualifier><uom>", Measure.OTHER, "data qualifier '8'"),
        (b"<uom>", b"<dataQualifier>12</dataQualifier><uom>", Measure.ENERGY, ""),
        (b"<uom>72<", b"<uom>38<", Measure.DEMAND, ""),
        (b"<uom>72<", b"<uom>29<", Measure.OTHER, ""),
        (b"<uom>72<", b"<uom>6<", Measure.TEMPERATURE, ""),
        (b"<uom>72<", b"<uom>42<", Measure.VOLUME, "electricity is not measured in m3"),
        (b"commodity>1<", b"commodity>7<", Measure.ENERGY, "of gas, but the usage point is of electric"),
    ],
)
def test_what_was_measured(old: bytes, new: bytes, measure: Measure, doubt: str) -> None:
    read = read_green_button(FEED.replace(old, new))
    assert read.series[0].measure is measure
    assert [reading.mantissa for reading in read.series[0].readings] == list(range(100, 108))
    assert len(read.issues) == bool(doubt)
    assert doubt in "".join(said(read.issues))


def test_a_register_that_goes_down_is_doubted() -> None:
    feed = FEED.replace(b"Behaviour>4<", b"Behaviour>1<").replace(b"<value>105<", b"<value>3<")
    read = read_green_button(feed)
    assert read.series[0].measure is Measure.REGISTER
    assert "Register readings go down" in said(read.issues)[0]


def test_costs_are_a_series_of_their_own() -> None:
    costly = FEED.replace(b"<timePeriod>", b"<cost>1234567</cost><timePeriod>", 5)
    costly = costly.replace(b"<cost>1234567</cost>", b"", 1).replace(
        b"<uom>", b"<currency>124</currency><uom>"
    )
    energy, cost = read_green_button(costly).series
    assert energy == SERIES
    assert (cost.measure, cost.unit, cost.exponent) == (Measure.COST, Unit.CAD, -5)
    assert cost.readings == tuple(each._replace(mantissa=1_234_567) for each in READINGS[1:5])
    unpriced = read_green_button(costly.replace(b">124<", b">999<"))
    assert unpriced.series[1].unit is Unit.UNKNOWN
    assert "currency" in said(unpriced.issues)[0]


def test_a_reading_may_have_a_cost_and_no_value() -> None:
    feed = FEED.replace(b"<value>103</value>", b"<cost>7</cost>")
    energy, cost = read_green_button(feed).series
    assert energy.readings == (*READINGS[:3], *READINGS[4:])
    assert cost.readings == (READINGS[3]._replace(mantissa=7),)


@pytest.mark.parametrize(
    "gone",
    [b"UsagePoint", b"MeterReading", b"ReadingType"],
)
def test_a_feed_that_lacks_a_resource_is_read_all_the_same(gone: bytes) -> None:
    entries = FEED.split(b"<entry>")
    feed = b"<entry>".join(each for each in entries if b"<" + gone + b" xmlns" not in each)
    read = read_green_button(feed)
    assert read.series[0].readings == READINGS
    assert read.series[0].meter_id == ("1" if gone == b"UsagePoint" else "E1234567")
    assert (read.series[0].unit is Unit.UNKNOWN) is (gone == b"ReadingType")


def test_the_blocks_of_another_usage_point_are_not_taken_for_the_one_there_is() -> None:
    feed = FEED.replace(b"/UsagePoint/1/MeterReading/1/", b"/UsagePoint/2/MeterReading/1/")
    read = read_green_button(feed)
    assert read.series[0].meter_id == "2"


def test_several_types_and_links_that_lead_nowhere_are_doubted() -> None:
    other = Series("E1234567", Commodity.ELECTRIC, Direction.RECEIVED, Unit.WH, 0, READINGS)
    feed = green_button([SERIES, other])
    nameless = feed.replace(b'related" href="/ReadingType', b'related" href="/Other')
    assert ["chosen by order" in each for each in said(read_green_button(nameless).issues)] == [True, True]
    surplus = re.sub(b"<link [^>]*>", b"", feed.replace(b"<title></title>", b""))
    blocks = surplus.rindex(b"<entry>")
    assert not read_green_button(surplus).issues
    assert "by order" in said(read_green_button(surplus[:blocks] + b"</feed>").issues)[0]


def test_hours_and_days_of_one_meter_stay_apart() -> None:
    day = Reading(START, 86_400, 5_000)
    daily = Series("E1234567", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, 0, (day,))
    read = read_green_button(green_button([SERIES, daily]))
    assert read.series == (SERIES, daily)
    assert "different interval lengths" in said(read.issues, Severity.NOTE)[0]


def test_what_a_file_holds_beside_readings_is_told() -> None:
    summary = b"<entry><content><UsageSummary><overallConsumptionLastPeriod><value>9</value>"
    summary += b"</overallConsumptionLastPeriod></UsageSummary></content></entry></feed>"
    read = read_green_button(FEED.replace(b"</feed>", summary))
    assert read.series == (SERIES,)
    assert "UsageSummary" in said(read.issues, Severity.NOTE)[0]
    customers = b"<feed><entry><content><Customer/><CustomerAccount/></content></entry></feed>"
    read = read_green_button(customers)
    assert not read.series
    assert "no readings: it has Customer, CustomerAccount" in said(read.issues, Severity.NOTE)[0]


@pytest.mark.parametrize("value", [b"", b"n/a", b"NaN", b"1e5", b"9" * 30, b"9" * 5000, b"1.2.3"])
def test_an_unusable_value_is_no_reading(value: bytes) -> None:
    read = read_green_button(FEED.replace(b"<value>101<", b"<value>" + value + b"<"))
    assert [reading.mantissa for reading in read.series[0].readings] == [100, 102, 103, 104, 105, 106, 107]
    severity = Severity.WARNING if value else Severity.NOTE
    assert ["1." in each for each in said(read.issues, severity)] == [True]


def test_an_unusable_start_is_no_reading() -> None:
    read = read_green_button(FEED.replace(b"<start>%d<" % START, b"<start>99999999999<"))
    assert read.series[0].readings == READINGS[1:]
    assert len(read.issues) == 1


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
        (b"name,usage\n1,2\n", "not well-formed XML at line 1"),
        (FEED.replace(b"</IntervalBlock>", b"</Interval>"), r"at line 1 \(mismatched tag\)"),
        (FEED + b"<feed/>", "junk after document element"),
        (FEED[:-7], "cut short: it ends at line 1, inside <feed>; download it again"),
        (FEED[: FEED.index(b"<value>") + 9], "cut short: it ends at line 1, inside <value>"),
        (FEED.replace(b"E1234567", b"A&B"), r"at line 1 \(invalid token\)"),
        (FEED.replace(b"E1234567", b"&what;"), "has &what; at line 1, which XML does not define"),
        (FEED.replace(b'self" href="/User', b'self" href="/&what;'), "has &what; at line 1"),
        (
            FEED.decode().replace("UTF-8", "UTF-16").replace("E1", "&nbsp;").encode("utf-16"),
            "does not define",
        ),
        (LAUGHS + b"<lolz>&f;</lolz>", "document type|damaged"),
        (LAUGHS + b'<feed><entry><UsagePoint a="&f;"/></entry></feed>', "document type|damaged"),
        (FEED.replace(b"<feed", b'<!DOCTYPE feed SYSTEM "file:///etc/passwd"><feed', 1), "document type"),
        (
            FEED.replace(
                b"<feed", b'<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/hostname">]><feed', 1
            ).replace(b"E1234567", b"&x;"),
            "document type",
        ),
        (b"<feed>" * 100_000, "nested too deeply"),
        (b"<feed>" + b"".join(b"<a%d/>" % n for n in range(10_000)), "more names than an export"),
        (b"<feed>" + b"<a" + b" " * 20_000_000, "a comment of more than 2 MB at line 1"),
        (FEED.replace(b"UTF-8", b"UTF-16"), "not in the encoding"),
        (FEED.replace(b"UTF-8", b"x-none"), "not in the encoding"),
        (FEED.replace(b"E1234567", "Zähler".encode("latin-1")), "at line 1 .invalid token"),
    ],
)
def test_broken_files_are_refused_in_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence) as caught:
        read_green_button(content)
    assert str(caught.value).count("\n") == 0
    assert len(str(caught.value)) < 180


@given(st.integers(0, len(FEED) - 1))
def test_of_a_file_cut_anywhere_what_was_there_is_read(length: int) -> None:
    read: list[Reading] = []

    def to_the_end() -> None:
        for each in stream_green_button(BytesIO(FEED[:length])):
            read.extend(each.readings if isinstance(each, Series) else ())

    with pytest.raises(FormatError):
        to_the_end()
    assert read == list(READINGS[: FEED[:length].count(b"</IntervalReading>")])
    with pytest.raises(FormatError):
        read_green_button(FEED[:length])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "iso-8859-1", "windows-1252"])
def test_other_encodings(encoding: str) -> None:
    text = FEED.decode().replace("UTF-8", encoding.removesuffix("-sig")).replace("E1234567", "Zähler 7")
    (series,) = read_green_button(text.encode(encoding)).series
    assert series.meter_id == "Zähler 7"
    assert series.readings == READINGS


def test_blanks_before_the_declaration_and_prefixes_that_nobody_declared_do_no_harm() -> None:
    feed = b"\n \n" + FEED.replace(b"<entry>", b"<a:entry>").replace(b"</entry>", b"</a:entry>")
    assert read_green_button(feed).series == (SERIES,)


@given(st.integers(0, len(FEED) - 1), st.binary(min_size=1, max_size=12))
def test_damage_never_raises_anything_else(place: int, damage: bytes) -> None:
    try:
        read = read_green_button(FEED[:place] + damage + FEED[place + len(damage) :])
    except FormatError:
        return
    assert all(reading.seconds >= 0 for series in read.series for reading in series.readings)
