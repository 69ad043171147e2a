"""Many instants as text, quickly: what they have in common is made once."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

_DAY = 86_400


class Stamps:
    """ISO stamps of epoch seconds. Dates and times of day are made once, offsets once for each UTC day."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._dates = _Dates()
        self._clocks = _Clocks()
        self._offsets: dict[int, tuple[int, str] | None] = {}

    def utc(self, instant: int) -> str:
        """Date and time in UTC, without its Z."""
        return f"{self._dates[instant // _DAY]}T{self._clocks[instant % _DAY]}"

    def local(self, instant: int) -> str:
        """Date and time in the zone, with its offset."""
        seconds, text = self._known(instant)
        return self.utc(instant + seconds) + text

    def offset(self, instant: int) -> int:
        """How many seconds the zone's clock is ahead of UTC."""
        return self._known(instant)[0]

    def _known(self, instant: int) -> tuple[int, str]:
        day = instant // _DAY
        if day not in self._offsets:
            first, last = self._offset(day * _DAY), self._offset((day + 1) * _DAY)
            self._offsets[day] = first if first == last else None
        return self._offsets[day] or self._offset(instant)

    def _offset(self, instant: int) -> tuple[int, str]:
        local = datetime.fromtimestamp(instant, self._zone)
        offset = local.utcoffset()
        seconds = int(offset.total_seconds()) if offset else 0
        return seconds, local.isoformat()[19:]


class _Dates(dict[int, str]):
    def __missing__(self, day: int) -> str:
        self[day] = text = datetime.fromtimestamp(day * _DAY, UTC).date().isoformat()
        return text


class _Clocks(dict[int, str]):
    def __missing__(self, second: int) -> str:
        minutes, seconds = divmod(second, 60)
        self[second] = text = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
        return text
