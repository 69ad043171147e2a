"""From when to when a table says it is, compared with the readings in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from meterfarm.formats.local_time import DAY, LocalTime
from meterfarm.formats.tables.cells import clean, shown
from meterfarm.formats.tables.claims import ClaimedPart
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.formats.tables.stamps import NotAStamp, read_clock, read_date, split
from meterfarm.formats.tables.times import TimeReader

_OF = "(data|reading|readings|report|usage|interval|intervals|billing|period|service)"
_POINT = rf"( ?date| ?time| date/time| {_OF})?"
_START = re.compile(rf"({_OF} )?(start|starts|begin|from|first){_POINT}|date from")
_END = re.compile(rf"({_OF} )?(end|ends|to|through|until|last|stop){_POINT}|date to")
_RANGE = re.compile(rf"({_OF} )?(date|time)? ?(range|period|dates)|period|data for( period)?")
_TO = re.compile(r"\s+(?:to|-|\u2013|through|until)\s+")
_DURATION = re.compile(rf"({_OF} |total )?(duration|days)|number of days")
_DAYS = re.compile(r"(\d{1,4})( days?)?", re.ASCII | re.IGNORECASE)
_FOR_DAYS = re.compile(r"(.+?),? +for +(\d{1,4}) days?", re.ASCII | re.IGNORECASE)
_HOUR = 3600
_WHERE = "beside the rows"


class _At(NamedTuple):
    """An instant that a line names; ``clock`` is False of a day alone."""

    label: str
    text: str
    at: int
    clock: bool


def check_range(
    lines: Iterable[tuple[str, str]], parts: Sequence[ClaimedPart], times: TimeReader, remarks: Remarks
) -> None:
    """Of several tables in a file the first start and the last end count."""
    local = times.local
    if local is None:
        return
    first = min(each.channel.first for each in parts)
    last = max(each.channel.last for each in parts)
    step = min((each.channel.length for each in parts if each.channel.length), default=3600)
    starts, ends = [], []
    for label, text in lines:
        lasting = _FOR_DAYS.fullmatch(text)
        if _START.fullmatch(label):
            start = _read(label, lasting[1] if lasting else text, times, local)
            starts += [start] if start else []
            if start and lasting:
                ends.append(start._replace(text=text, at=start.at + int(lasting[2]) * DAY, clock=False))
        elif _END.fullmatch(label):
            end = _read(label, text, times, local)
            ends += [end] if end else []
        elif _RANGE.fullmatch(label):
            pair = [_read(label, each, times, local) for each in _TO.split(text, maxsplit=1)]
            starts += [each._replace(text=text) for each in pair[:1] if each]
            ends += [each._replace(text=text) for each in pair[1:] if each]
        elif _DURATION.fullmatch(label):
            shown_days = (local_day(last - 1, local) - local_day(first, local)) // DAY + 1
            _check_days(label, text, round((last - first) / DAY), shown_days, remarks)
    if starts:
        start = min(starts, key=lambda each: each.at)
        if abs(first - start.at) > _HOUR and local_day(first, local) != local_day(start.at, local):
            _say(start, "begin", first, local, remarks)
    if ends:
        end = max(ends, key=lambda each: each.at)
        days = local_day(end.at, local) - local_day(last - 1, local)
        fits = abs(end.at - last) <= max(2 * step, _HOUR) if end.clock else days in (0, DAY)
        if not fits:
            _say(end, "end", last, local, remarks)


def local_day(at: int, local: LocalTime) -> int:
    """Seconds from 1970 to the midnight of the clock's day, were it one of UTC."""
    return int(local.day_of(at).date.toordinal()) * DAY


def _read(label: str, text: str, times: TimeReader, local: LocalTime) -> _At | None:
    try:
        day_text, clock_text = split(clean(text))
        day, clock = read_date(day_text, times.times.order), read_clock(clock_text)
    except NotAStamp:
        return None
    if clock.offset is not None:
        return None
    return _At(label, text, local.day(day).start + clock.second, bool(clock.second))


def _check_days(label: str, text: str, days: int, shown_days: int, remarks: Remarks) -> None:
    """``days`` is how long the readings last, rounded; ``shown_days`` counts the days of the clock."""
    match = _DAYS.fullmatch(clean(text))
    if match and int(match[1]) not in (days, shown_days):
        what = f"the file's own “{shown(label)}” is {shown(text)}, but the readings cover {shown_days} days"
        remarks.add(what, _WHERE)


def _say(claim: _At, verb: str, at: int, local: LocalTime, remarks: Remarks) -> None:
    read = datetime.fromtimestamp(at, UTC).astimezone(local.zone)
    ours = f"the file's own “{shown(claim.label)}” is {shown(claim.text)}"
    remarks.add(f"{ours}, but the readings {verb} at {read:%Y-%m-%d %H:%M}", _WHERE)
