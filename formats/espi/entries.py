"""What an Atom entry holds waits for its links; what stands outside of entries has none to wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.links import EntryLinks, Links
from meterfarm.formats.espi.reading import RawReading
from meterfarm.formats.espi.resources import Block, Edge, Item, RawBatch
from meterfarm.formats.espi.runs import Run

BATCH_SIZE = 2_048
"""The weight at which readings are handed out: so many, or about twice as many in runs."""
_MOST_WAITING = 10_000


@dataclass(slots=True)
class _Entry:
    """An entry that is being read. ``far`` is its number if it is too long to wait for its end."""

    links: EntryLinks = field(default_factory=EntryLinks)
    waiting: list[Callable[[Links], Item]] = field(default_factory=list)
    far: int | None = None


class Entries:
    """Is given resources and readings in order, and gives items with their links.

    Of entries that are too long, a pass that does not ``keep`` readings puts the links in ``far``, by number.
    One that does hands out their readings by those.
    """

    def __init__(self, keep: bool, far: dict[int, Links]) -> None:
        self.raw_batch = RawBatch()
        self._keep = keep
        self._far = far
        self._first: Run | RawReading | None = None
        self._last: Run | RawReading | None = None
        self._items: list[Item] = []
        self._open: list[_Entry] = []
        self._ended = 0

    def taken(self) -> Iterator[Item]:
        """The items that have become whole since; they are handed out once."""
        items, self._items = self._items, []
        yield from items

    def rest(self) -> Iterator[Item]:
        """What is left at the end, or where reading had to stop: with the links that were read so far."""
        while self._open:
            self.end()
        self._end_batch()
        yield from self.taken()

    def start(self) -> None:
        """An entry begins."""
        self._end_batch()
        self._open.append(_Entry())

    def link(self, rel: str, href: str, base: str) -> None:
        """A link of the entry."""
        if self._open:
            self._open[-1].links.add(rel, href, base)

    def title(self, text: str) -> None:
        """The entry's title."""
        if self._open:
            self._open[-1].links.title = " ".join(text.split())

    def reading(self, part: Run | RawReading | None) -> None:
        """A reading, or a run of them; None is one of which nothing is kept."""
        if part is None:
            self.raw_batch.weight += 1
        else:
            self.raw_batch.add(part, self._keep)
            self._first, self._last = self._first or part, part
        if self.raw_batch.weight >= BATCH_SIZE:
            self._hand_out_early()

    def resource(self, make: Callable[[Links], Item]) -> None:
        """Add a resource, which ``make`` makes of its entry's links."""
        self._end_batch()
        self._add(make)

    def start_block(self) -> None:
        """An interval block begins."""
        self._first = self._last = None

    def end_block(self) -> None:
        """The blocks of an entry are one batch."""
        if self._keep and self._first and self._last:
            first = self._first.first_start if isinstance(self._first, Run) else self._first.start
            last = self._last.last if isinstance(self._last, Run) else self._last[:2]
            self.raw_batch.edges.append(Edge(first, *last))
        self._first = self._last = None
        if not self._open:
            self._end_batch()

    def end(self) -> None:
        """The entry ends: what it holds is handed out with its links."""
        self._end_batch()
        entry = self._open.pop()
        links = entry.links.links()
        self._hand_out(entry, links)
        if entry.far is not None:
            self._far[entry.far] = links
        self._ended += 1

    def _hand_out_early(self) -> None:
        """Hand out readings of a long block, if its links are known by now."""
        if not self._open:
            self._end_batch()
        elif self._ended in self._far:
            self._end_batch()
            self._hand_out(self._open[-1], self._far[self._ended])
        elif not self._keep:
            self.raw_batch = RawBatch()
            self._open[-1].far = self._ended

    def _end_batch(self) -> None:
        raw_batch = self.raw_batch
        if raw_batch.weight or raw_batch.oddities or raw_batch.edges:
            self.raw_batch = RawBatch()
            self._add(partial(Block, raw_batch))

    def _hand_out(self, entry: _Entry, links: Links) -> None:
        self._items += [make(links) for make in entry.waiting]
        entry.waiting.clear()

    def _add(self, make: Callable[[Links], Item]) -> None:
        if not self._open:
            self._items.append(make(Links()))
            return
        waiting = self._open[-1].waiting
        waiting.append(make)
        if len(waiting) > _MOST_WAITING:
            raise FormatError(
                "An entry of the Green Button file holds more than an export's: check that it is one."
            )
