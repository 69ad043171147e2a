"""Files of any size are read in bounded memory, with what is tied to what wherever it stands."""

from __future__ import annotations

import resource
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from typing import BinaryIO

import pytest

from meterfarm.formats.batches import ReadingBatch
from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.green_button import stream_columns, stream_green_button
from meterfarm.records import Commodity, Direction, Issue, Reading, Series, Unit
from tests.formats.espi_writer import Shape, green_button

START = 1_000_000_000
READINGS = 16_000
SMALL = 1_000_000
MIB = 1024 * 1024
SHAPES = {
    "a block a day": Shape(),
    "one block": Shape(block=READINGS),
    "types after the blocks, upward links": Shape(types_last=True, links="up"),
    "no links": Shape(links="none", block=1_000),
    "bare, in one block": Shape(atom=False, block=READINGS),
    "few readings a block": Shape(block=2),
    "hardly a reading is like the other": Shape(gap="<!-- a -->", block=500),
}


def _series(count: int = READINGS) -> list[Series]:
    readings = [Reading(START + place * 900, 900, place % 977, place % 50 == 0) for place in range(count)]
    half = count // 2
    return [
        Series("E1", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, -1, tuple(readings[:half])),
        Series("E1", Commodity.ELECTRIC, Direction.RECEIVED, Unit.WH, -3, tuple(readings[half:])),
    ]


class _OneWay(RawIOBase):
    """A file that cannot be sought in."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_a_long_file_is_read_in_batches(shape: Shape, tmp_path: Path) -> None:
    series = _series(READINGS if shape.block > 2 else READINGS // 2)
    path = tmp_path / "export.xml"
    path.write_bytes(green_button(series, shape))
    assert path.stat().st_size > SMALL
    read: dict[Direction, list[Reading]] = {each.direction: [] for each in series}
    with path.open("rb") as file:
        for found in stream_green_button(file, small=SMALL):
            assert isinstance(found, Series), found
            assert len(found.readings) < 10_000
            assert (found.meter_id, found.unit) == ("E1", Unit.WH)
            read[found.direction] += found.readings
    assert [tuple(each) for each in read.values()] == [each.readings for each in series]


def test_a_file_that_cannot_be_sought_in_is_read_as_well() -> None:
    content = green_button(_series())
    with BufferedReader(_OneWay(BytesIO(content))) as file:
        assert (
            sum(
                len(each.starts)
                for each in stream_columns(file, small=SMALL)
                if isinstance(each, ReadingBatch)
            )
            == READINGS
        )


def test_of_a_long_file_that_breaks_off_the_most_is_read() -> None:
    content = green_button(_series())[:-200_000]
    assert len(content) > SMALL
    read = 0

    def to_the_end() -> None:
        nonlocal read
        for found in stream_columns(BytesIO(content), small=SMALL):
            read += len(found.starts) if isinstance(found, ReadingBatch) else 0

    with pytest.raises(FormatError, match="is cut short: it ends at line"):
        to_the_end()
    assert read == content.count(b"</IntervalReading>")


class _Endless(RawIOBase):
    """A file of many MiB that is nowhere in memory: a head, and the same over and over."""

    def __init__(self, head: bytes, again: bytes, mib: int) -> None:
        self._head, self._again = head, again * (1 + MIB // len(again))
        self._size, self._at = mib * MIB, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = self._size if whence == 2 else offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        size = min(size, self._size - self._at)
        in_head = self._at < len(self._head)
        content = self._head[self._at : self._at + size] if in_head else self._again[:size]
        self._at += len(content)
        return content


_READING = (
    b"<IntervalReading><timePeriod><start>1000</start></timePeriod><value>5</value></IntervalReading>\n"
)
_ENTRY = b'<entry><link rel="self" href="x"/><title>a</title></entry>\n'


@pytest.mark.parametrize(
    ("head", "again"),
    [
        (b"<feed><IntervalBlock>", _READING),
        (b"<feed><entry><IntervalBlock>", _READING),
        (b"<feed><IntervalBlock>", _READING.replace(b"<value>", b"<odd/><value>")),
        (b"<feed>", _ENTRY),
        (b"<feed>", b"<UsageSummary><billingPeriod><start>1</start></billingPeriod></UsageSummary>"),
        (b"<feed><entry>", b'<link rel="related" href="abc"/>'),
        (b"<feed><entry>", b"<UsagePoint/>"),
        (b"<feed><UsagePoint/>", b"<MeterReading/>"),
        (b"<feed><UsagePoint><ServiceCategory><kind>", b"1 "),
        (b"<feed><entry><title>", b"long "),
        (b"<feed><entry><title a='", b"long "),
        (b"<feed><!--", b"long "),
        (b"<feed><a>", b"<IntervalReading><!-- "),
        (b"<feed>", b"<a>"),
        (b"", b" "),
        (b"<", b"a"),
    ],
)
def test_endless_files_end_in_one_error_and_little_memory(head: bytes, again: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    issues: list[Issue] = []

    def to_the_end() -> None:
        for found in stream_columns(_Endless(head, again, 4), small=SMALL):  # type: ignore[arg-type]
            issues.extend([found] if isinstance(found, Issue) else [])

    with pytest.raises(FormatError):
        to_the_end()
    assert len(issues) < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 14 * 1024
