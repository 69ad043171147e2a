"""NEM12 and NEM13, the meter data files of Australia's electricity market: records of days, or of readings.

Their times are market time, UTC+10 all year round, wherever the meter is. A meter's streams are told apart
by their suffix: E is delivered to the customer, B received from them, Q and K their reactive energy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from formats.covered import Covered
from formats.errors import FormatError
from formats.espi_reading import LENGTH_LIMIT
from formats.local_time import DAY
from formats.remarks import Remarks
from formats.stamps import FIRST_YEAR, LAST_YEAR
from formats.table import DELIVERED, ELECTRIC, NET, RECEIVED, UNITS, What
from formats.table_cells import NotANumber, Number, name, numbers, shown
from formats.table_channel import Channel
from formats.table_rows import Rows
from formats.table_times import When
from records import Problem, Series, Severity

STRETCH = 4_096
_MOST_CHANNELS = 5_000
_AHEAD = 10 * 3600
_FLOWS = {"E": DELIVERED, "Q": DELIVERED, "B": RECEIVED, "K": RECEIVED, "N": NET, "X": NET}
_LENGTHS = (1, 5, 10, 15, 20, 30, 60)
_ESTIMATED = ("E", "F", "S")
_QUALITIES = ("A", "N", "V", *_ESTIMATED)
_AFTER_VALUES = 5


@dataclass(slots=True)
class _Stream:
    """The stream that a 200 record began; ``channel`` is None if its unit is not known."""

    channel: Channel | None
    minutes: int


@dataclass(slots=True)
class _Day:
    """A 300 record, kept until the 400 records that tell its quality have passed."""

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
        self._channels: dict[tuple[str, str, str], Channel | None] = {}
        self._covered: dict[tuple[object, ...], Covered] = {}
        self._stream: _Stream | None = None
        self._day: _Day | None = None
        self._numbers = numbers()
        self._begun = self._ended = self._any = False
        self._waiting = 0

    def read(self, rows: Rows) -> Iterator[Series | Problem]:
        """Yields stretches and, last, problems. Raises FormatError where a record makes no sense."""
        try:
            for line, cells in rows:
                self._record(line, cells)
                if self._waiting >= STRETCH:
                    yield from self._flushed()
            self._close_day()
            self._check_frame()
        except FormatError:
            self._day = None
            yield from self._flushed()
            yield from self._remarks.told()
            raise
        yield from self._flushed()
        yield from self._remarks.told()

    def _check_frame(self) -> None:
        """Records 100 and 900 frame a file; portals hand out bare records too, but not half a frame."""
        if self._ended and not self._begun:
            raise FormatError("The NEM12 file lacks its first record, 100, and is cut: ask for it again.")
        if not self._any:
            raise FormatError("The NEM12 file holds no readings: ask for other days.")
        if not self._ended:
            self._remarks.add("the last record, 900, is missing: the file may be cut short", "the end")

    def _flushed(self) -> Iterator[Series]:
        for channel in self._channels.values():
            stretch = channel.take(None, final=True) if channel else None
            if stretch:
                yield stretch
        self._waiting = 0

    def _record(self, line: int, cells: Sequence[str]) -> None:
        kind = cells[0].strip() if cells else ""
        if kind == "400":
            self._part(line, cells)
            return
        self._close_day()
        self._any = self._any or kind in ("250", "300")
        if kind == "200":
            self._stream = self._stream_of(line, cells)
        elif kind == "250":
            self._accumulated(line, cells)
        elif kind == "300":
            self._day = self._day_of(line, cells)
        elif kind == "100":
            self._begun = True
        elif kind == "900":
            self._ended = True
        elif kind not in ("500", "550") and any(map(str.strip, cells)):
            raise _refused(line, f"there is no record of the kind “{shown(kind)}”")

    def _stream_of(self, line: int, cells: Sequence[str]) -> _Stream:
        if len(cells) < 9:
            raise _refused(line, "a record 200 has 9 cells or more")
        nmi, suffix, unit, minutes = (cells[place].strip() for place in (1, 4, 7, 8))
        if not nmi or not minutes.isascii() or not minutes.isdigit() or int(minutes) not in _LENGTHS:
            raise _refused(line, f"“{shown(minutes)}” is no interval length, or the meter is not named")
        return _Stream(self._channel(line, nmi, suffix, unit), int(minutes))

    def _channel(self, line: int, nmi: str, suffix: str, unit: str) -> Channel | None:
        key = (nmi, suffix, unit)
        if key not in self._channels:
            if len(self._channels) >= _MOST_CHANNELS:
                raise FormatError(f"The file has more than {_MOST_CHANNELS:,} meters: split it.")
            self._channels[key] = self._made(line, nmi, suffix, unit)
        return self._channels[key]

    def _made(self, line: int, nmi: str, suffix: str, unit: str) -> Channel | None:
        known = UNITS.get(name(unit))
        if known is None:
            what = f"values in “{shown(unit)}” were not read: the unit is not known"
            self._remarks.add(what, f"line {line}", Severity.REFUSED)
            return None
        flow = _FLOWS.get(suffix[:1].upper())
        if flow is None:
            self._remarks.add(f"nothing says which way the stream “{shown(suffix)}” flows", f"line {line}")
        what_ = known.over((flow or What()).over(What(commodity=ELECTRIC.commodity, register=suffix)))
        covered = self._covered.setdefault((nmi, suffix, what_.measure, what_.unit), Covered())
        return Channel(nmi, what_, self._remarks, covered, is_end=False)

    def _day_of(self, line: int, cells: Sequence[str]) -> _Day:
        if self._stream is None:
            raise _refused(line, "a record 300 stands before any record 200")
        count = 1440 // self._stream.minutes
        if len(cells) < count + 3:
            raise _refused(line, f"a day of {self._stream.minutes} minute intervals has {count} values")
        quality = cells[count + 2].strip()
        if quality[:1] not in _QUALITIES or len(cells) > count + 2 + _AFTER_VALUES + 1:
            raise _refused(line, f"after {count} values comes no quality but “{shown(quality)}”")
        return _Day(
            line, _date(line, cells[1].strip()), self._values(line, cells[2 : count + 2]), quality[:1]
        )

    def _values(self, line: int, cells: Sequence[str]) -> Sequence[Number]:
        try:
            return [self._numbers(cell) for cell in cells]
        except NotANumber as exc:
            raise _refused(line, f"“{shown(str(exc))}” is no number") from exc

    def _part(self, line: int, cells: Sequence[str]) -> None:
        try:
            first, last, quality = int(cells[1]), int(cells[2]), cells[3].strip()[:1]
        except (ValueError, IndexError) as exc:
            raise _refused(line, "a record 400 names the first and the last interval and a quality") from exc
        if self._day is None or not 1 <= first <= last <= len(self._day.values) or quality not in _QUALITIES:
            raise _refused(line, "a record 400 is of intervals of the day before it")
        self._day.parts.append((first, last, quality))

    def _close_day(self) -> None:
        day, self._day = self._day, None
        if day is None or self._stream is None or self._stream.channel is None:
            return
        qualities = [day.quality] * len(day.values)
        for first, last, quality in day.parts:
            qualities[first - 1 : last] = [quality] * (last - first + 1)
        if "V" in qualities:
            raise _refused(day.line, "its quality varies, and no record 400 says how")
        seconds = self._stream.minutes * 60
        for place, (value, quality) in enumerate(zip(day.values, qualities, strict=True)):
            if quality == "N":
                self._remarks.add("values marked as no data were not read", f"line {day.line}", Severity.NOTE)
                continue
            when = When(day.start + place * seconds, seconds)
            self._stream.channel.add(day.line, when, value, quality in _ESTIMATED)
        self._waiting += len(day.values)

    def _accumulated(self, line: int, cells: Sequence[str]) -> None:
        """A record 250: what a register counted between two readings."""
        if len(cells) < 20:
            raise _refused(line, "a record 250 has 20 cells or more")
        nmi, suffix, unit = (cells[place].strip() for place in (1, 4, 19))
        start, end = (_instant(line, cells[place].strip()) for place in (9, 14))
        if not nmi or end <= start:
            raise _refused(line, "it ends before it begins, or the meter is not named")
        if end - start > LENGTH_LIMIT:
            raise _refused(line, "a register is read more often than once in 400 days")
        (value,) = self._values(line, cells[18:19])
        channel = self._channel(line, nmi, suffix, unit)
        if channel:
            channel.add(line, When(start, end - start), value, cells[15].strip()[:1] in _ESTIMATED)
            self._waiting += 1


def is_nem(cells: Sequence[str]) -> bool:
    """Whether a file's first row begins such a file."""
    first = [cell.strip().upper() for cell in cells[:2]]
    return first in (["100", "NEM12"], ["100", "NEM13"]) or (first[:1] == ["200"] and len(cells) >= 9)


def _date(line: int, text: str) -> int:
    """Epoch seconds of a day's begin."""
    if len(text) != 8 or not text.isascii() or not text.isdigit():
        raise _refused(line, f"“{shown(text)}” is no date")
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError as exc:
        raise _refused(line, f"“{shown(text)}” is no date") from exc
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise _refused(line, f"“{shown(text)}” is no date")
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - _AHEAD


def _instant(line: int, text: str) -> int:
    clock = text[8:]
    if len(clock) != 6 or not clock.isascii() or not clock.isdigit():
        raise _refused(line, f"“{shown(text)}” is no date and time")
    hours, minutes, seconds = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    if minutes > 59 or seconds > 59 or hours * 3600 + minutes * 60 + seconds > DAY:
        raise _refused(line, f"“{shown(text)}” is no date and time")
    return _date(line, text[:8]) + hours * 3600 + minutes * 60 + seconds


def _refused(line: int, why: str) -> FormatError:
    return FormatError(f"Line {line} of the NEM12 file makes no sense: {why}. Ask for it again.")
