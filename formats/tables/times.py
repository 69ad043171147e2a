"""Stamps of rows turned into instants: what a row says of when its interval begins and how long it lasts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.formats.local_time import DAY, Day, LocalTime
from meterfarm.formats.tables.cells import clean
from meterfarm.formats.tables.layout import Times
from meterfarm.formats.tables.stamps import NotAStamp, TableClock, read_clock, read_date, split

_EPOCH = date(1970, 1, 1)
_MOST_KEPT = 20_000
_SPAN_WORDS = (" to ", " - ")
_LENGTH = re.compile(r"(\d{0,4})\s*(min|mins|minute|minutes|m|h|hr|hour|hours)?\.?", re.ASCII | re.IGNORECASE)
_clean = lru_cache(maxsize=8_192)(clean)
_A_DAY = ("day", "1 day", "daily", "1440", "1440 min")
_SOME_MINUTES = ("m", "min", "mins", "minute", "minutes")
_LAST_MINUTE = DAY - 60
_LONGEST = 400 * DAY
_GRID = 300
_LONGEST_PAST_MIDNIGHT = 3600
NO_ZONE = (
    "The file's times are local, and neither the file nor its layout states the time zone: "
    "pass it, for example --zone America/New_York."
)


class When(NamedTuple):
    """``at`` is where an interval begins, or ends; ``second`` one more instant that the clock calls the same.

    0 ``seconds``: not stated. ``gap``: the clock never shows it, it was put forward over it.
    """

    at: int
    seconds: int
    second: int = 0
    gap: bool = False


class _Moment(NamedTuple):
    """A stamp: day and second of the clock, and the instants it is. Without a day if it says its offset."""

    day: Day | None
    clock: int
    at: int
    second: int = 0
    gap: bool = False


class TimeReader:
    """Reads the stamps of one table's rows, in one zone if they are local.

    ``read`` raises NotAStamp where a row has none, FormatError where a zone is needed and none known.
    """

    def __init__(
        self, times: Times, columns: Mapping[str, int], zone: ZoneInfo | None, above: Iterable[str] = ()
    ) -> None:
        self.times = times
        self._above = _day_above(times, above)
        self.local = LocalTime(zone) if zone else None
        self.is_end = not (times.start or times.span)
        self._days: dict[str, Day] = {}
        self._clocks: dict[str, TableClock] = {}
        self._year_first: bool | None = None
        self._starts = _places(times.start or times.span, columns)
        self._ends = _places(times.end, columns)
        self._length = _places(times.length, columns)
        self.needed = max([*self._starts, *self._ends, *self._length]) + 1
        self.read: Callable[[Sequence[str]], When] = self._reader()

    def _reader(self) -> Callable[[Sequence[str]], When]:
        if self.times.span:
            return self._span
        if self.is_end:
            return self._end
        return self._start_and_end if self._ends else self._start

    def blank(self, cells: Sequence[str]) -> bool:
        """Whether a row gives no time at all."""
        return not clean(cells[(self._starts or self._ends)[0]])

    @property
    def _zone(self) -> LocalTime:
        if self.local is None:
            raise FormatError(NO_ZONE)
        return self.local

    def day(self, cells: Sequence[str]) -> Day:
        """The day of a row that is one."""
        moment = self._moment(*self._texts(cells, self._starts))
        if moment.day is None or moment.clock:
            raise NotAStamp(cells[self._starts[0]])
        return moment.day

    def of_clock(self, day: Day, second: int, seconds: int) -> When:
        """The interval that begins at ``second`` of a day and lasts ``seconds`` of the clock."""
        return _when(self._at(day, second), seconds)

    def _start(self, cells: Sequence[str]) -> When:
        start = self._moment(*self._texts(cells, self._starts))
        if self._length:
            return self._lasting(start, cells[self._length[0]])
        if self.times.hours:
            return _when(start, 3600)
        seconds = self.times.seconds
        if self.times.daily and not start.clock and start.day:
            seconds = start.day.seconds
        return _when(start, seconds)

    def _lasting(self, start: _Moment, text: str) -> When:
        """Minutes without a number are what the steps between rows make them; 23:59 may stand for its day."""
        lasting = clean(text).lower()
        if lasting in _SOME_MINUTES:
            return _when(start, 0)
        if lasting not in _A_DAY:
            return _when(start, length(text))
        if start.day and start.clock == _LAST_MINUTE:
            return When(start.day.start, start.day.seconds)
        return _when(start, self._true(start, start.day, DAY) if start.day else DAY)

    def _end(self, cells: Sequence[str]) -> When:
        end = self._moment(*self._texts(cells, self._ends))
        seconds = length(cells[self._length[0]]) if self._length else self.times.seconds
        return _when(
            end._replace(at=end.at - seconds, second=end.second - seconds if end.second else 0), seconds
        )

    def _start_and_end(self, cells: Sequence[str]) -> When:
        return self._between(self._moment(*self._texts(cells, self._starts)), *self._texts(cells, self._ends))

    def _span(self, cells: Sequence[str]) -> When:
        text = clean(cells[self._starts[0]])
        for word in _SPAN_WORDS:
            first, found, last = text.partition(word)
            if found:
                return self._between(self._moment(*split(first.strip())), *_parts(last.strip()))
        raise NotAStamp(text)

    def _texts(self, cells: Sequence[str], places: Sequence[int]) -> tuple[str, str]:
        first = _clean(cells[places[0]])
        if self._above:
            return self._above, first
        if len(places) == 1:
            return _parts(first)
        return first.removesuffix(" 00:00:00"), _clean(cells[places[1]])

    def _between(self, start: _Moment, end_day: str, end_clock: str) -> When:
        if start.day is None:
            end = self._moment(end_day, end_clock)
            if end.day is not None:
                raise NotAStamp(end_clock)
            return _when(start, _checked(end.at - start.at))
        clock = self._clock(end_clock)
        if clock.offset is not None:
            raise NotAStamp(end_clock)
        days = (self._day(end_day).date - start.day.date).days if end_day else 0
        if self.times.end_inclusive and not end_clock:
            days += 1
        clocked = days * DAY + clock.second - start.clock
        wall = self._wall(start.day, clocked)
        if wall <= 0 and not end_day:
            wall = self._past_midnight(start.day, start.clock, wall)
        if clocked <= 0 < clocked + start.day.shift == wall:
            return _in_doubled(start, start.day, wall)
        if start.day.seconds == DAY and start.clock + wall <= DAY:
            return _when(start, _checked(wall))
        return _when(start, _checked(self._true(start, start.day, wall)))

    def _wall(self, day: Day, wall: int) -> int:
        """Seconds that the clock moves from start to end; none or less if it moves past midnight."""
        if self.times.end_inclusive and wall % _GRID:
            wall += 60 - wall % 60
        into_second_pass = wall <= 0 < wall + day.shift
        return wall + day.shift if into_second_pass else wall

    def _past_midnight(self, day: Day, clock: int, wall: int) -> int:
        """The length of an interval that ends at midnight, or shortly after; any other is a mistake."""
        at_midnight = clock + wall == 0 and (wall or not self.times.end_inclusive)
        put_forward = -min(0, self._zone.day(day.date + timedelta(days=1)).shift)
        if not at_midnight and wall + DAY > _LONGEST_PAST_MIDNIGHT + put_forward:
            raise NotAStamp("an interval that ends before it begins")
        return wall + DAY

    def _true(self, start: _Moment, first: Day, wall: int) -> int:
        """Seconds that pass while the clock moves by ``wall``."""
        if (start.second or start.gap) and wall < DAY:
            return wall
        days, second = divmod(start.clock + wall, DAY)
        day = self._zone.day(first.date + timedelta(days=days))
        end = self._at(day, second)
        if end.second and end.second - start.at == wall:
            return wall
        return end.at - start.at

    def _moment(self, day_text: str, clock_text: str) -> _Moment:
        clock = self._clock(clock_text)
        if clock.offset is not None:
            days = (read_date(day_text, self.times.order) - _EPOCH).days
            return _Moment(None, 0, days * DAY + clock.second - clock.offset)
        return self._at(self._day(day_text), clock.second - self.times.tick)

    def _at(self, day: Day, second: int) -> _Moment:
        if day.seconds == DAY:
            return _Moment(day, second, day.start + second)
        instants = self._zone.instants(day.date, second)
        if not instants:
            return _Moment(day, second, self._zone.as_if(day.date, second), 0, True)
        return _Moment(day, second, instants[0], instants[1] if len(instants) > 1 else 0)

    def _day(self, text: str) -> Day:
        known = self._days.get(text)
        if known is None:
            read = read_date(text, self.times.order)
            self._same_way(text)
            if len(self._days) >= _MOST_KEPT:
                self._days.clear()
            known = self._days[text] = self._zone.day(read)
        return known

    def _same_way(self, text: str) -> None:
        """A spreadsheet that takes days for months turns the dates it can, and leaves the others as text."""
        way = text[:4].isdigit()
        if self._year_first is not None and way is not self._year_first:
            raise FormatError(
                "The file writes dates in two ways, as a spreadsheet does that swaps days and months: "
                "export it again, and read that file itself."
            )
        self._year_first = way

    def _clock(self, text: str) -> TableClock:
        known = self._clocks.get(text)
        if known is None:
            if len(self._clocks) >= _MOST_KEPT:
                self._clocks.clear()
            known = self._clocks[text] = _hour(text) if self.times.hours else read_clock(text)
        return known


def _when(start: _Moment, seconds: int) -> When:
    return When(start.at, seconds, start.second, start.gap)


def _in_doubled(start: _Moment, day: Day, wall: int) -> When:
    """An interval that ends, by the clock, before it starts: it leads into the second pass.

    A start that the clock shows once is the first pass's end, given for the second's begin.
    """
    if start.second:
        return _when(start, _checked(wall))
    return When(start.at - 2 * day.shift, _checked(wall), start.at - day.shift)


def _day_above(times: Times, above: Iterable[str]) -> str:
    if not times.day_above:
        return ""
    found = filter(None, (re.fullmatch(times.day_above, each) for each in above))
    return next((match[1] for match in found), "")


def _places(names: str, columns: Mapping[str, int]) -> Sequence[int]:
    return [columns[name] for name in names.split(" + ")] if names else []


@lru_cache(maxsize=4096)
def _parts(text: str) -> tuple[str, str]:
    """Date and clock of a stamp, or a clock alone."""
    if text[1:3].startswith(":") or text[2:3] == ":":
        return "", text
    return split(text)


def _hour(text: str) -> TableClock:
    """The hour of a day that ends at ``text``: 1 to 24."""
    number = text.removesuffix(":00").upper().removeprefix("HE").strip()
    if not (number.isascii() and number.isdigit() and 1 <= int(number[:3]) <= 24):
        raise NotAStamp(text)
    return TableClock((int(number) - 1) * 3600, None)


@lru_cache(maxsize=1024)
def length(text: str) -> int:
    """Seconds of a text of minutes or hours."""
    match = _LENGTH.fullmatch(clean(text))
    if match is None or not (match[1] or match[2]):
        raise NotAStamp(text)
    return _checked(int(match[1] or 1) * (3600 if (match[2] or "").lower().startswith("h") else 60))


@lru_cache(maxsize=4096)
def _checked(seconds: int) -> int:
    """``seconds``, if an interval may have that length."""
    parts_an_hour = not 3600 % seconds if 60 <= seconds < 3600 else seconds > 0 and not seconds % 900
    if not parts_an_hour or seconds > _LONGEST:
        raise NotAStamp(f"an interval of {seconds} seconds")
    return seconds
