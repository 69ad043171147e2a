"""Green Button (ESPI) XML into series of readings.

Resources are tied by their links, whichever way those point, and else by their order in the file. ESPI
instants are epoch seconds in UTC; a file's LocalTimeParameters show where they are not. A multiplier belongs
to the reading type: one that some exporters write into each reading means nothing. What records cannot say
is reported, never guessed: readings of an unknown unit come out as such.

``stream_green_button(file)`` is for files of any size and any fault, ``read_green_button(content)`` for an
export that has to be whole. ``stream_columns`` is the first without an object a reading.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import BinaryIO
from zoneinfo import ZoneInfo

from meterfarm.formats.batches import ReadingBatch, gather
from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.entries import BATCH_SIZE
from meterfarm.formats.espi.href import Href
from meterfarm.formats.espi.reading import Oddities
from meterfarm.formats.espi.resources import Block, Item, RawBatch
from meterfarm.formats.espi.stream import Stream
from meterfarm.formats.espi.streams import Streams
from meterfarm.formats.espi.walk import Walk
from meterfarm.records import IntervalData, Issue, Series, Severity

SMALL = 8 * 1024 * 1024
"""Bytes of a file that is read once."""


def read_green_button(content: bytes, zone: ZoneInfo | None = None) -> IntervalData:
    """Whole series, ordered by time, of a Green Button file that is whole itself.

    A meter's id is its usage point's serial number, else its title if that looks like an id, else its link's
    end, else empty. ``zone`` is for local times that were written as UTC.

    Raises:
        FormatError: The file is empty, a web page or damaged, has a document type or nothing of ESPI.
    """
    return gather(stream_green_button(BytesIO(content), zone))


def stream_green_button(
    file: BinaryIO,
    zone: ZoneInfo | None = None,
    known: dict[str, Href] | None = None,
    *,
    small: int = SMALL,
) -> Iterator[Series | Issue]:
    """Batches of series in the file's order, and issues; every reading as often as the file has it.

    ``known`` is for files that belong together: what meters are named by, so that no two are named alike. The
    readings of a file of up to ``small`` bytes are kept while it is found out what they are; a longer one is
    read twice.

    Memory does not grow with the file.

    Raises:
        FormatError: Reading has to stop; what was yielded before stands.
    """
    for found in stream_columns(file, zone, known, small=small):
        yield found.series() if isinstance(found, ReadingBatch) else found


def stream_columns(
    file: BinaryIO,
    zone: ZoneInfo | None = None,
    known: dict[str, Href] | None = None,
    *,
    small: int = SMALL,
) -> Iterator[ReadingBatch | Issue]:
    """As ``stream_green_button``, by column. Raises FormatError as it does."""
    with tempfile.TemporaryFile() as spool:
        if not file.seekable():
            shutil.copyfileobj(file, spool)
            file = spool
        yield from _read(file, zone, Streams({} if known is None else known), small)


def _read(
    file: BinaryIO, zone: ZoneInfo | None, streams: Streams, small: int
) -> Iterator[ReadingBatch | Issue]:
    """What readings are can stand after them, so all other resources are read first."""
    once = file.seek(0, 2) <= small
    first = Walk(file, keep=once)
    items: list[Item] = []
    error: FormatError | None = None
    try:
        streams.know(_kept(first, items) if once else first)
    except FormatError as exc:
        error = exc
    if zone is not None:
        _find_local_times(items if once else _until(Walk(file, far=first.far)), streams, zone)
    again = items if once else _until(Walk(file, far=first.far))
    readings = 0
    for stream, raw_batch in _raw_batches(again, streams):
        for columns in raw_batch.columns(stream.oddities):
            for batch in stream.batches(columns):
                readings += 1
                yield batch
    yield from streams.issues()
    if error is not None:
        raise error
    yield from _left_out(first.others, readings)


def _find_local_times(items: Iterable[Item], streams: Streams, zone: ZoneInfo) -> None:
    """Shift what looks like local times that were written as UTC."""
    for stream, raw_batch in _raw_batches(items, streams):
        for columns in raw_batch.columns(Oddities()):
            stream.days.readings(columns)
    streams.shift(zone)


def _kept(items: Iterable[Item], kept: list[Item]) -> Iterator[Item]:
    for item in items:
        kept.append(item)
        yield item


def _until(walk: Walk) -> Iterator[Item]:
    """The same way again, up to where it had to stop the first time."""
    try:
        yield from walk
    except FormatError:
        return


def _raw_batches(items: Iterable[Item], streams: Streams) -> Iterator[tuple[Stream, RawBatch]]:
    """The readings of blocks that follow each other in one stream, a bounded number at a time."""
    place = 0
    current: Stream | None = None
    raw_batch = RawBatch()
    for item in items:
        if not isinstance(item, Block):
            place += 1
            continue
        stream = streams.of(item, place)
        stream.oddities.add(item.raw_batch.oddities)
        stream.seen(item.raw_batch.edges)
        if current is not None and (stream is not current or raw_batch.weight >= BATCH_SIZE):
            yield current, raw_batch
            raw_batch = RawBatch()
        current = stream
        raw_batch.extend(item.raw_batch)
    if current is not None:
        yield current, raw_batch


def _left_out(others: set[str], readings: int) -> Iterator[Issue]:
    summaries = sorted(name for name in others if name.endswith("Summary"))
    if summaries and readings:
        what = f"Billing period totals are not readings and were left out ({', '.join(summaries)})."
        yield Issue("", what, Severity.NOTE)
    if not readings:
        held = f": it has {', '.join(sorted(others))}" if others else ""
        yield Issue("", f"The Green Button file holds no readings{held}.", Severity.NOTE)
