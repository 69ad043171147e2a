"""The channels of one file's tables: which of them a value is of, and batches of their readings."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from meterfarm.formats.errors import FormatError
from meterfarm.formats.local_time import LocalTime
from meterfarm.formats.tables.channel import Channel
from meterfarm.formats.tables.claims import ClaimedPart
from meterfarm.formats.tables.head import BoundValue
from meterfarm.formats.tables.layout import What
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.formats.tables.what import Meaning
from meterfarm.formats.time_ranges import TimeRanges
from meterfarm.records import Series

BATCH_SIZE = 4_096
"""Readings after which batches are handed on."""
_MOST_WAITING = 65_536
_MOST_CHANNELS = 5_000
Key = tuple[str, str, str, int, int, int]
"""What tells channels apart: the row's meters (NUL between them), kind and unit; the number of the value's
column; seconds of an interval, 86,400 of a day however long; and the table (``TableChannels.table``)."""


@dataclass(slots=True)
class FileSeries:
    """The series of a file so far, in whichever of its sheets."""

    covered: dict[tuple[object, ...], TimeRanges] = field(default_factory=dict)
    granularities: dict[tuple[str, What], set[int]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    """Numbers of the places that name a meter, which are not shown."""


class TableChannels:
    """Those of one sheet or text; ``by_key`` has None where values are left out."""

    def __init__(self, remarks: Remarks, series: FileSeries) -> None:
        self.by_key: dict[Key, Channel | None] = {}
        self.waiting = 0
        """Readings that are in no batch yet."""
        self._remarks = remarks
        self._series = series
        self._flush_at = BATCH_SIZE
        self._forms: dict[Hashable, int] = {}

    def table(self, number: int, form: Hashable) -> int:
        """A table's part of a key: those of the same number and ``form`` share their channels.

        Raises:
            FormatError: There are more than 5,000 forms.
        """
        if len(self._forms) >= _MOST_CHANNELS:
            raise FormatError(f"The file has more than {_MOST_CHANNELS:,} tables: split it.")
        return number * _MOST_CHANNELS + self._forms.setdefault(form, len(self._forms))

    def open(self, line: int, key: Key, meaning: Meaning, bound: BoundValue, *, is_end: bool) -> None:
        """Add the channel of a key. ``is_end`` says that rows have the end of their interval alone.

        Raises:
            FormatError: There are more than 5,000 channels, or a row's unit or meter is not known.
        """
        if len(self.by_key) >= _MOST_CHANNELS:
            raise FormatError(f"The file has more than {_MOST_CHANNELS:,} meters: split it.")
        what = meaning.of(line, key[:3], bound, key[4])
        self.by_key[key] = None if what is None else self._channel(line, key, meaning, what, is_end)

    def _channel(self, line: int, key: Key, meaning: Meaning, what: What, is_end: bool) -> Channel:
        meter = meaning.meter_id(key[0])
        lengths = self._series.granularities.setdefault((meter, what), set())
        lengths.add(key[4])
        if len(lengths) > 1:
            self._remarks.granularities(line)
        series = (meter, what.register, what.commodity, what.measure, what.direction, what.unit, key[4])
        covered = self._series.covered.setdefault(series, TimeRanges())
        channel = Channel(meter, what, self._remarks, covered, is_end=is_end)
        channel.length = key[4]
        return channel

    @property
    def are_all_left_out(self) -> bool:
        """Whether there were values, and none of them was read."""
        return bool(self.by_key) and not any(self.by_key.values())

    @property
    def is_due(self) -> bool:
        """Whether enough readings wait for ``batches``."""
        return self.waiting >= self._flush_at

    def parts(self) -> list[ClaimedPart]:
        """The channels that are read, with the numbers of their columns."""
        return [ClaimedPart(key[3], channel) for key, channel in self.by_key.items() if channel]

    def batches(self, local: LocalTime | None, *, final: bool) -> Iterator[Series]:
        """The readings of channels that have many, or of all."""
        everything = final or self.waiting >= _MOST_WAITING
        for channel in self.by_key.values():
            if channel is not None and (everything or len(channel.rows) >= BATCH_SIZE // 2):
                batch = channel.take(local, final=final)
                if batch:
                    self.waiting -= len(batch.readings)
                    yield batch
        self._flush_at = min(self.waiting + BATCH_SIZE, _MOST_WAITING)
