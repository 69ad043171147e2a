"""NEM12 and NEM13, the meter data files of Australia's electricity market: records of days, or of reads.

Their times are market time, UTC+10 all year round, wherever the meter is. A
suffix distinguishes a meter's streams.

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13, sections on records 100 to 900; records are
named by their RecordIndicator, and their cells as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.reading import LENGTH_LIMIT
from meterfarm.formats.tables.cells import NotANumber, Number, name, numbers, shown
from meterfarm.formats.tables.channel import Channel
from meterfarm.formats.tables.layout import ELECTRIC, UNITS, What
from meterfarm.formats.tables.nem_records import (
    day_start,
    flow_of,
    instant,
    quantity_doubt,
    refused,
    unit_doubt,
)
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.formats.tables.rows import Rows
from meterfarm.formats.tables.times import When
from meterfarm.formats.time_ranges import TimeRanges
from meterfarm.records import Issue, Series, Severity

BATCH_SIZE = 4_096
_MOST_CHANNELS = 5_000
_LENGTHS = (1, 5, 10, 15, 20, 30, 60)  # minutes; IntervalLength of record 200
_ESTIMATED = ("E", "F", "S")  # QualityMethod: (forward) estimate, final substitute, substitute
_QUALITIES = ("A", "N", "V", *_ESTIMATED)  # the same: actual, no data, variable
_AFTER_VALUES = 5  # QualityMethod, ReasonCode, its description, and two times


@dataclass(slots=True)
class _Stream:
    """The stream that a 200 record began; ``channel`` is None if its unit is unknown."""

    channel: Channel | None
    minutes: int


@dataclass(slots=True)
class _Day:
    """A 300 record, kept until the 400 records with its qualities have passed."""

    line: int
    start: int
    values: Sequence[Number]
    quality: str
    parts: list[tuple[int, int, str]] = field(default_factory=list)


class Nem:
    """Reads the records of one file."""

    layout = "nem12"

    def __init__(self) -> None:
        self._remarks = Remarks()
        self._channels: dict[tuple[str, str, str, str], Channel | None] = {}
        self._covered: dict[tuple[object, ...], TimeRanges] = {}
        self._stream: _Stream | None = None
        self._day: _Day | None = None
        self._numbers = numbers()
        self._any = self._ended = False
        self._framed = False
        self._waiting = 0

    def read(self, rows: Rows) -> Iterator[Series | Issue]:
        """Batches and, last, issues.

        Raises:
            FormatError: A record is invalid, or there is no reading.
        """
        try:
            for line, cells in rows:
                self._record(line, cells)
                if self._waiting >= BATCH_SIZE:
                    yield from self._flushed()
            self._close_day()
            self._check_frame()
        except FormatError:
            self._day = None
            yield from self._flushed()
            yield from self._remarks.issues()
            raise
        yield from self._flushed()
        yield from self._remarks.issues()

    def _check_frame(self) -> None:
        """Records 100 and 900 frame a file; some portals hand out others, so these are doubted."""
        if not self._any:
            raise FormatError("The NEM12 file holds no readings: ask for other days.")
        if not self._ended:
            self._remarks.add("no record 900 ends the file: compare its last day with the portal", "the end")

    def _flushed(self) -> Iterator[Series]:
        for channel in self._channels.values():
            batch = channel.take(None, final=True) if channel else None
            if batch:
                yield batch
        self._waiting = 0

    def _record(self, line: int, cells: Sequence[str]) -> None:
        kind = cells[0].strip() if cells else ""
        if kind == "400":
            self._part(line, cells)
            return
        self._close_day()
        if kind in ("200", "250", "300"):
            self._check_begun(line)
        self._any = self._any or kind in ("250", "300")
        if kind == "200":
            self._stream = self._stream_of(line, cells)
        elif kind == "250":
            self._accumulated(line, cells)
        elif kind == "300":
            self._day = self._day_of(line, cells)
        elif kind == "100":
            self._framed, self._ended = True, False
        elif kind == "900":
            self._framed, self._ended = False, True
        elif kind not in ("500", "550") and any(map(str.strip, cells)):
            raise refused(line, f"there is no record of the kind “{shown(kind)}”")

    def _check_begun(self, line: int) -> None:
        self._ended = False
        if not self._framed:
            what = "no record 100 begins these records: compare their first day with the portal"
            self._remarks.add(what, f"line {line}")
            self._framed = True

    def _stream_of(self, line: int, cells: Sequence[str]) -> _Stream:
        if len(cells) < 9:
            raise refused(line, "a record 200 has 9 cells or more")
        nmi, suffix, unit, minutes = (cells[place].strip() for place in (1, 4, 7, 8))
        if not nmi or not minutes.isascii() or not minutes.isdigit() or int(minutes) not in _LENGTHS:
            raise refused(line, f"“{shown(minutes)}” is no interval length, or the meter is not named")
        return _Stream(self._channel(line, nmi, suffix, unit), int(minutes))

    def _channel(
        self, line: int, nmi: str, suffix: str, unit: str, indicator: str | None = None
    ) -> Channel | None:
        key = (nmi, suffix, unit, indicator or "")
        if key not in self._channels:
            if len(self._channels) >= _MOST_CHANNELS:
                raise FormatError(f"The file has more than {_MOST_CHANNELS:,} meters: split it.")
            self._channels[key] = self._made(line, nmi, suffix, unit, indicator)
        return self._channels[key]

    def _made(self, line: int, nmi: str, suffix: str, unit: str, indicator: str | None) -> Channel | None:
        known = UNITS.get(name(unit))
        if known is None:
            what = f"values in “{shown(unit)}” were not read: the unit is unknown"
            self._remarks.add(what, f"line {line}", Severity.ERROR)
            return None
        flow = flow_of(suffix, indicator)
        for doubt in filter(None, (*flow.doubts, unit_doubt(suffix, known.unit))):
            self._remarks.add(doubt, f"line {line}")
        what_ = known.over(flow.what.over(What(commodity=ELECTRIC.commodity, register=suffix)))
        key = nmi, suffix, what_.direction, what_.measure, what_.unit
        covered = self._covered.setdefault(key, TimeRanges())
        return Channel(nmi, what_, self._remarks, covered, is_end=False)

    def _day_of(self, line: int, cells: Sequence[str]) -> _Day:
        if self._stream is None:
            raise refused(line, "a record 300 stands before any record 200")
        count = 1440 // self._stream.minutes
        if len(cells) < count + 3:
            raise refused(line, f"a day of {self._stream.minutes} minute intervals has {count} values")
        quality = cells[count + 2].strip()
        if quality[:1] not in _QUALITIES or len(cells) > count + 2 + _AFTER_VALUES + 1:
            raise refused(line, f"after {count} values comes no quality but “{shown(quality)}”")
        return _Day(
            line, day_start(line, cells[1].strip()), self._values(line, cells[2 : count + 2]), quality[:1]
        )

    def _values(self, line: int, cells: Sequence[str]) -> Sequence[Number]:
        try:
            return [self._numbers(cell) for cell in cells]
        except NotANumber as exc:
            raise refused(line, f"“{shown(str(exc))}” is no number") from exc

    def _part(self, line: int, cells: Sequence[str]) -> None:
        try:
            first, last, quality = int(cells[1]), int(cells[2]), cells[3].strip()[:1]
        except (ValueError, IndexError) as exc:
            raise refused(line, "a record 400 names the first and the last interval and a quality") from exc
        if self._day is None or not 1 <= first <= last <= len(self._day.values) or quality not in _QUALITIES:
            raise refused(line, "a record 400 is of intervals of the day before it")
        self._day.parts.append((first, last, quality))

    def _close_day(self) -> None:
        day, self._day = self._day, None
        if day is None or self._stream is None or self._stream.channel is None:
            return
        qualities = [day.quality] * len(day.values)
        for first, last, quality in day.parts:
            qualities[first - 1 : last] = [quality] * (last - first + 1)
        if "V" in qualities:
            raise refused(day.line, "its quality varies, and no record 400 says how")
        seconds = self._stream.minutes * 60
        for place, (value, quality) in enumerate(zip(day.values, qualities, strict=True)):
            if quality == "N":
                self._no_data(day.line)
                continue
            when = When(day.start + place * seconds, seconds)
            self._stream.channel.add(day.line, when, value, quality in _ESTIMATED)
        self._waiting += len(day.values)

    def _no_data(self, line: int) -> None:
        self._remarks.add("values marked as no data were not read", f"line {line}", Severity.NOTE)

    def _accumulated(self, line: int, cells: Sequence[str]) -> None:
        """A record 250: what a register counted between two readings."""
        if len(cells) < 20:
            raise refused(line, "a record 250 has 20 cells or more")
        nmi, suffix, indicator, unit = (cells[place].strip() for place in (1, 4, 7, 19))
        start, end = (instant(line, cells[place].strip()) for place in (9, 14))
        if not nmi or end <= start:
            raise refused(line, "it ends before it begins, or the meter is not named")
        if end - start > LENGTH_LIMIT:
            raise refused(line, "a register is read more often than once in 400 days")
        if not cells[18].strip() or cells[15].strip().upper()[:1] == "N":
            self._no_data(line)
            return
        (value,) = self._values(line, cells[18:19])
        doubt = quantity_doubt(cells[8], cells[13], cells[18])
        if doubt:
            self._remarks.add(doubt, f"line {line}")
        channel = self._channel(line, nmi, suffix, unit, indicator)
        if channel:
            channel.add(line, When(start, end - start), value, cells[15].strip()[:1] in _ESTIMATED)
            self._waiting += 1


def is_nem(cells: Sequence[str]) -> bool:
    """Whether a file's first row begins such a file."""
    first = [cell.strip().upper() for cell in cells[:2]]
    bare = (first[:1] == ["200"] and len(cells) >= 9) or (first[:1] == ["250"] and len(cells) >= 20)
    return bare or first in (["100", "NEM12"], ["100", "NEM13"])
