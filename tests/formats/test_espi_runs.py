"""Readings taken out of the XML in runs are read as the XML parser reads them one by one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.formats.espi.runs import Cutter
from meterfarm.records import IntervalData
from tests.formats.espi_made import FEED, SERIES
from tests.formats.espi_writer import Shape, green_button

START = 1_730_606_400
BODY = FEED[FEED.index(b"<IntervalReading>") : FEED.index(b"</IntervalBlock>")].decode()
SPOILED = ("x='1'", "", "xmlns:other='urn:x'")

_number = st.one_of(
    st.integers(-5, 10**15).map(str),
    st.sampled_from(("", "0.5", "-2.125", " 7", "7 ", "+3", "1_0", "٣", "x")),
)
_start = st.one_of(
    st.integers(START, START + 9000).map(str), st.sampled_from(("0", "-1", "", "8589934592", "99999999999"))
)
_length = st.sampled_from(("900", "0", "", "0900", "34560001", "-900", "9e2"))
_quality = st.sampled_from(
    ("", *(f"<ReadingQuality><quality>{code}</quality></ReadingQuality>" for code in (0, 8, "08", 17, "")))
)
_gap = st.sampled_from(("", "", "\n  ", "\r\n\t", "<!-- a -->", "\v"))
_shape = st.sampled_from(
    (
        "<IntervalReading>{g}{q}<timePeriod><duration>{d}</duration>{g}<start>{s}</start></timePeriod>{g}"
        "<value>{v}</value>{after}</IntervalReading>",
    )
    * 4
    + (
        "<IntervalReading><timePeriod><start>{s}</start></timePeriod><value>{v}</value></IntervalReading>",
        "<IntervalReading><value>{v}</value><timePeriod><start>{s}</start></timePeriod></IntervalReading>",
        "<IntervalReading><cost>5</cost><timePeriod><start>{s}</start></timePeriod><value>{v}</value>"
        "<value>{d}</value></IntervalReading>",
        "<IntervalReading><timePeriod><start>{s}</start></timePeriod></IntervalReading>",
        "<IntervalReading/>",
        "<!-- {r} -->",
        "<![CDATA[{r}]]>",
        "<other>{r}</other>",
        "<IntervalReading>{r}</IntervalReading>",
        "<IntervalBlock>{r}</IntervalBlock>",
        "</IntervalBlock>{r}<IntervalBlock>",
        "</IntervalBlock></content></entry><entry><content><IntervalBlock>",
        "<LocalTimeParameters>{r}</LocalTimeParameters>",
    )
)


@st.composite
def _readings(draw: st.DrawFn) -> str:
    plain = (
        f"<IntervalReading><timePeriod><duration>900</duration><start>{START}</start></timePeriod>"
        "<value>1</value></IntervalReading>"
    )
    parts = []
    for _ in range(draw(st.integers(0, 8))):
        parts.append(draw(_gap))
        parts.append(
            draw(_shape).format(
                g=draw(_gap),
                q=draw(_quality),
                after=draw(_quality),
                d=draw(_length),
                s=draw(_start),
                v=draw(_number),
                r=plain * draw(st.integers(1, 2)),
            )
        )
    return "".join(parts)


def _outcome(content: bytes) -> IntervalData | str:
    try:
        return read_green_button(content)
    except FormatError as exc:
        return str(exc)


_alike = st.sampled_from(
    (
        "<IntervalReading>{g}{q}<timePeriod><duration>900</duration><start>{s}</start></timePeriod>{g}"
        "<value>{v}</value>{g}</IntervalReading>",
        "<IntervalReading><cost>{c}</cost>{q}<timePeriod><start>{s}</start><duration>900</duration></timePeriod>"
        "<value>{v}</value></IntervalReading>",
        "<IntervalReading><timePeriod><start>{s}</start></timePeriod><value>{v}</value>{q}"
        "<consumptionTier>1</consumptionTier><tou>3</tou><cpp>-2</cpp></IntervalReading>",
        "<IntervalReading>{q}<timePeriod><start>{s}</start></timePeriod><value>{v}</value>"
        "<tou></tou></IntervalReading>",
    )
)


@st.composite
def _readings_alike(draw: st.DrawFn) -> str:
    """Some of them, but one perhaps, are alike but for their numbers and qualities."""
    shapes = [draw(_alike)] * draw(st.integers(2, 9)) + draw(st.lists(_alike, max_size=1))
    gap = draw(st.sampled_from(("", "\n  ")))
    return gap.join(
        shape.format(
            g=gap,
            q=draw(_quality) if draw(st.booleans()) else "",
            s=START + 900 * place + draw(st.sampled_from((0, 0, 0, 10**10))),
            v=draw(st.one_of(st.integers(-5, 10**15 - 1).map(str), st.sampled_from(("0.5", "-2.125")))),
            c=draw(st.integers(-5, 10**9)),
        )
        for place, shape in enumerate(shapes)
    )


@settings(deadline=None, max_examples=400)
@given(
    readings=st.one_of(_readings(), _readings_alike()),
    prefix=st.sampled_from(("", "espi", "n.s-1")),
    spoiled=st.sampled_from(SPOILED),
)
def test_a_run_is_read_as_its_readings_one_by_one(readings: str, prefix: str, spoiled: str) -> None:
    """An attribute or a blank in its tag makes any reading one that is left to the parser."""
    feed = green_button([SERIES], Shape(prefix=prefix)).decode()
    espi = f"{prefix}:" if prefix else ""
    names = (
        "IntervalReading",
        "IntervalBlock",
        "LocalTimeParameters",
        "ReadingQuality",
        "quality",
        "timePeriod",
    )
    for name in (*names, "duration", "start", "value", "cost", "consumptionTier", "tou", "cpp", "other"):
        readings = readings.replace(f"<{name}", f"<{espi}{name}").replace(f"</{name}", f"</{espi}{name}")
    end = f"</{espi}IntervalBlock>"
    written = feed.replace(end, readings + end)
    one_by_one = written.replace("IntervalReading>", f"IntervalReading {spoiled}>")
    one_by_one = one_by_one.replace(f"</{espi}IntervalReading {spoiled}>", f"</{espi}IntervalReading>")
    assert Cutter().cut(one_by_one.encode(), last=True) == one_by_one.encode()
    assert _outcome(written.encode()) == _outcome(one_by_one.encode())


def test_plain_readings_are_taken_out_of_the_xml() -> None:
    xml = Cutter().cut(FEED.replace(b"</IntervalReading>", b"</IntervalReading>\r\n  "), last=True)
    assert xml.count(b"IntervalReading") == 1
    assert b"<value>" not in xml


@pytest.mark.parametrize("deeper", range(92, 97))
def test_a_run_is_as_deep_as_its_readings(deeper: int) -> None:
    feed = FEED.replace(b"<IntervalBlock", b"<a>" * deeper + b"<IntervalBlock").replace(
        b"</IntervalBlock>", b"</IntervalBlock>" + b"</a>" * deeper
    )
    assert _outcome(feed) == _outcome(feed.replace(b"IntervalReading>", b"IntervalReading >"))


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ('">\n{r}\n"1"', "", 6),
        ("'\n{r}\n", "", 1),
        ("{r}\n{r}", "", 4),
        ("<?xml versid>{r}\n=", "", 1),
        ("<!-- {r} -->\n<?xml version='1.0'?>\n{r}", "", 5),
        ("", '\n\n"{r}" {r}', 1),
        ("\n\n", "\n{r}\n<x>'</x>", 1),
        ("", "\n<!-- {r} -- -->", 1),
    ],
)
def test_damage_around_the_outermost_element_is_told_by_one_line(before: str, after: str, line: int) -> None:
    reading = re.sub("(</?timePeriod>|<value>)", r"\n\1", BODY[: BODY.index("</IntervalReading>") + 18])
    content = b"".join((before.format(r=reading).encode(), FEED, after.format(r=reading).encode()))
    one_by_one = content.replace(b"IntervalReading>", b"IntervalReading >")
    with pytest.raises(FormatError) as caught:
        read_green_button(content)
    assert _outcome(content) == _outcome(one_by_one)
    assert re.search(rf"at line {line}\b", str(caught.value))


def test_a_comment_before_the_outermost_element_may_be_longer_than_is_waited_for() -> None:
    declaration, found, rest = FEED.partition(b"?>")
    long = declaration + found + b"<!--" + b" long" * 20_000 + BODY.encode() + b"-->" + rest
    assert read_green_button(long) == read_green_button(FEED)


@given(st.integers(1, len(FEED)), st.integers(0, len(FEED)))
def test_chunks_may_end_anywhere(size: int, first: int) -> None:
    cutter = Cutter()
    chunks = [FEED[:first], *(FEED[start : start + size] for start in range(first, len(FEED), size))]
    xml = [cutter.cut(chunk, last=False) for chunk in chunks] + [cutter.cut(b"", last=True)]
    marks = re.findall(rb'meterfarm-run="(\w+)"', b"".join(xml))
    runs = [run.text for run in map(cutter.run, (mark.decode() for mark in marks)) if run]
    assert re.sub(rb"<IntervalReading meterfarm-run=.*?/>", lambda _: runs.pop(0), b"".join(xml)) == FEED


@pytest.mark.parametrize("around", ["<!--{}-->", "<![CDATA[{}]]>", "<?pi {}?>"])
def test_what_only_looks_like_readings_is_none(around: str) -> None:
    feed = FEED.replace(b"</IntervalBlock>", around.format(BODY).encode() + b"</IntervalBlock>")
    assert read_green_button(feed) == read_green_button(FEED)


def test_a_file_that_has_the_mark_itself_deceives_nobody() -> None:
    forged = b'<IntervalReading meterfarm-run="0"/>'
    feed = FEED.replace(b"</IntervalBlock>", forged + b"</IntervalBlock>")
    read = read_green_button(feed)
    assert read.series == (SERIES,)
    assert "without a usable start, length or value" in str(read.issues[0])


def test_damage_after_a_run_is_told_by_its_line() -> None:
    feed = FEED.replace(b"<IntervalReading>", b"\n<IntervalReading>").replace(
        b"</content></entry></feed>", b""
    )
    with pytest.raises(FormatError, match="at line 9, inside <content>"):
        read_green_button(feed)
