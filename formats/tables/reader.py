"""Rows below a header, read as its layout says."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.formats.local_time import DAY, Day
from meterfarm.formats.tables.cells import BLANKS, NotANumber, clean, name, numbers, refused, shown, signs
from meterfarm.formats.tables.channel import SHORTEST_DAY
from meterfarm.formats.tables.channels import FileSeries, TableChannels
from meterfarm.formats.tables.claims import Claims
from meterfarm.formats.tables.columns import Estimates, UnreadColumns, Widths, is_number
from meterfarm.formats.tables.head import BoundValue, Head, find, label
from meterfarm.formats.tables.layout import UNITS, Layout
from meterfarm.formats.tables.net import NetOfColumns, check_charges, check_net
from meterfarm.formats.tables.range import check_range
from meterfarm.formats.tables.remarks import Remarks
from meterfarm.formats.tables.rows import End, Rows, check_end
from meterfarm.formats.tables.stamps import NotAStamp
from meterfarm.formats.tables.times import TimeReader, When, length
from meterfarm.formats.tables.what import Meaning, meter_above
from meterfarm.records import Issue, Measure, Series, Severity

_MOST_TEXTS = 1_000
_TOTALS = re.compile(r"(grand |sub-?)?(total|totals|totaal|totale|gesamt|sum|somme)\b.*", re.IGNORECASE)
_STAMPED = re.compile(r"\d\D?\d\d[ T]+\d{1,2}:\d\d")
_NUMBERS_BEGIN = frozenset("0123456789.")


class _Cell(NamedTuple):
    """A value of a row: where, of which column, with the time that is its own."""

    text: str
    bound: BoundValue
    when: When


class TableReader:
    """Reads one table, and those like it further down; yields its batches, then remarks."""

    def __init__(
        self,
        head: Head,
        family: Sequence[Layout],
        above: dict[str, str],
        zone: ZoneInfo | None,
        tables: int,
        *,
        series: FileSeries,
        end: End | None,
        grouped: bool,
    ) -> None:
        """``end`` is of a text, where cells go by their order; None of a workbook, where they have places."""
        self.remarks = Remarks()
        self._end = end
        self._grouped = grouped
        self._family = family
        self._zone = zone
        self._tables = tables
        self._table = 1
        self._channels = TableChannels(self.remarks, series)
        self._places = series.places
        self._seen: dict[str, str] = {}
        self._texts: list[int] = []
        self._last: tuple[Sequence[str], Sequence[str]] = ((), ())
        self._claims = Claims(self.remarks)
        self._count = 0
        self._take_up(head, above)

    def _take_up(self, head: Head, above: dict[str, str]) -> None:
        self._head, self._above, self._layout = head, above, head.layout
        self._changed = ""
        self._claims.enter(above)
        self._net = NetOfColumns(head.values, self.remarks)
        self._filled: set[int] = set()
        self._times = TimeReader(self._layout.times, head.columns, self._zone, above)
        self._meters = [head.columns[each] for each in self._layout.meter if each in head.columns]
        self._meter_above = meter_above(self._layout, above, self._places)
        table = self._table if self._tables > 1 else 0
        self._meaning = Meaning(self._layout, above, self.remarks, table, self._meter_above)
        self._key_of_table = self._channels.table(self._table, self._form())
        self._kind = head.columns.get(self._layout.kind, -1)
        self._unit = head.columns.get(self._layout.unit, -1)
        self._estimated = head.columns.get(self._layout.estimated, -1)
        self._estimates = Estimates(self._layout.estimates)
        comma, units = self._layout.comma, {each.what.unit for each in head.values}
        self._numbers = numbers(comma=comma, grouped=self._grouped and not comma)
        self._amounts = numbers(comma=comma, grouped=self._grouped and not comma, money=signs(units))
        self._wide = head.intervals()
        self._read: Callable[[Sequence[str]], When | Day] = (
            self._times.day if self._wide else self._times.read
        )
        if self._layout.note:
            self.remarks.add(self._layout.note, "", Severity.NOTE)
        if self._layout.doubt:
            self.remarks.add(self._layout.doubt, "")
        self._needed = max(
            self._times.needed, self._kind + 1, self._unit + 1, 0 if self._wide else head.last_needed + 1
        )
        self._unread = UnreadColumns(head.unread)
        places = (place for bound in head.values for place in (bound.place, bound.unit, bound.length))
        read = max([self._needed - 1, *places, *(place for place, *_ in self._wide)])
        self._widths = Widths(head.width, read, self.remarks, placed=self._end is None)

    def _form(self) -> Hashable:
        """The same for tables of the same values, as far as header and lines above show."""
        layout = self._layout
        kinds = [self._above.get(each, "") for each in layout.above_kinds]
        whats = (each.what for each in self._head.values)
        return (self._family.index(layout), self._meter_above, *kinds, *whats)

    def read(self, rows: Rows) -> Iterator[Series | Issue]:
        """The readings of rows below the header, and issues. Raises FormatError where a row is invalid."""
        try:
            yield from self._rows(rows)
            if self._end is not None:
                check_end(self._end, *self._last, self.remarks, ends_bare=self._layout.ends_bare)
            self._look_at_columns()
            for line in self._texts:
                self.remarks.text(line)
        except FormatError:
            self._unread.report(self.remarks)
            yield from self._channels.batches(self._times.local, final=True)
            yield from self.remarks.issues()
            raise
        yield from self._channels.batches(self._times.local, final=True)
        self._check_claims()
        yield from self.remarks.issues()
        if self._channels.are_all_left_out:
            yield Issue("", "none of the table's rows could be read", Severity.ERROR)

    def _rows(self, rows: Rows) -> Iterator[Series | Issue]:
        width, before = self._head.width, 0
        for line, cells in rows:
            several, before = before and line - before > 1, line
            self._last = (self._last[1], cells)
            missing = width - len(cells)
            if missing > 0:
                if len(cells) < self._needed:
                    width = self._aside(line, cells)
                    continue
                cells = [*cells, *[""] * missing]
            try:
                when = self._read(cells)
            except NotAStamp as exc:
                width = self._aside(line, cells, exc)
                continue
            if self._changed:
                raise refused(line, f"“{shown(self._changed)}” changes above it, without a header")
            if missing < 0 or width - missing != self._widths.usual:
                self._widths.look(line, cells[: width - missing])
            self._unread.look(cells)
            self._count += 1
            if several and any("\n" in cell or "\r" in cell for cell in cells):
                self.remarks.lines(line)
            self._values(line, cells, when)
            if self._channels.is_due:
                yield from self._channels.batches(self._times.local, final=False)

    def _look_at_columns(self) -> None:
        """A column without any value, beside others: perhaps of a workbook's formulas, never computed."""
        for each in self._head.values if self._filled else ():
            if not each.value.optional and each.place not in self._filled:
                self.remarks.empty(each.value.column)
        self._unread.report(self.remarks)

    def _values(self, line: int, cells: Sequence[str], when: When | Day) -> None:
        estimated = self._estimated >= 0 and self._estimates.mark(line, cells[self._estimated])
        if isinstance(when, Day):
            self._day(line, cells, when, estimated)
            return
        filled = False
        for number, bound in enumerate(self._head.values):
            text = cells[bound.place]
            if text and (text[0] in _NUMBERS_BEGIN or clean(text).lower() not in BLANKS):
                filled = True
                self._filled.add(bound.place)
                self._value(line, cells, number, _Cell(text, bound, when), estimated)
        if not filled:
            self.remarks.blank(line)
        elif self._net.places:
            self._net.look(line, cells, self._numbers)

    def _day(self, line: int, cells: Sequence[str], day: Day, estimated: bool) -> None:
        bound = BoundValue(0, self._layout.values[0], self._layout.values[0].what)
        for place, second, seconds in self._wide:
            text = cells[place]
            if not text or (text[0] not in _NUMBERS_BEGIN and clean(text).lower() in BLANKS):
                self.remarks.blank(line)
                continue
            when = self._times.of_clock(day, second, seconds)
            self._value(line, cells, 0, _Cell(text, bound, when), estimated)

    def _value(self, line: int, cells: Sequence[str], number: int, cell: _Cell, estimated: bool) -> None:
        bound, when = cell.bound, cell.when
        if bound.length >= 0:
            try:
                when = when._replace(seconds=length(cells[bound.length]))
            except NotAStamp as exc:
                raise refused(line, f"“{shown(cells[bound.length])}” is no length of an interval") from exc
        is_cost = bound.what.measure is Measure.COST  # not what the table's column of units is of
        unit = bound.unit if bound.unit >= 0 or is_cost else self._unit
        key = (
            "\0".join([cells[place] for place in self._meters]) if self._meters else self._meter_above,
            cells[self._kind] if self._kind >= 0 else "",
            cells[unit] if unit >= 0 else "",
            number,
            DAY if when.seconds >= SHORTEST_DAY else when.seconds,
            self._key_of_table,
        )
        by_key = self._channels.by_key
        if key not in by_key:
            self._channels.open(line, key, self._meaning, bound, is_end=self._times.is_end)
        channel = by_key[key]
        if channel is None:
            return
        money = channel.what.measure is Measure.COST
        try:
            read = (self._amounts if money else self._numbers)(cell.text)
        except NotANumber as exc:
            raise refused(line, f"“{shown(cell.text)}” is no number as this layout writes them") from exc
        channel.add(line, when, read, estimated)
        self._channels.waiting += 1

    def _aside(self, line: int, cells: Sequence[str], why: NotAStamp | None = None) -> int:
        """A row that is no reading: a blank one, a header again, lines above a further table, a total."""
        filled = [cell for cell in map(clean, cells) if cell]
        if not filled:
            return self._head.width
        head = find(cells, self._family, self._above | self._seen)
        if head:
            self._again(head)
        elif _TOTALS.fullmatch(filled[0]):
            self.remarks.total(line, filled[0])
            if len(filled) < 3 or name(filled[2]) in UNITS:
                label(self._seen, cells)
            else:
                comma = self._layout.comma
                self._claims.total_row(line, cells, self._head.values, self._channels.parts(), comma=comma)
        elif len(cells) >= self._needed and self._times.blank(cells):
            self.remarks.no_time(line)
        elif self._is_text(cells, filled):
            self._label(cells)
            if filled[0].strip("=-* "):
                self._texts.append(line)
                del self._texts[_MOST_TEXTS:]
        elif len(cells) >= self._needed and self._is_without_value(cells):
            self.remarks.blank(line)
        elif why is not None:
            raise refused(line, f"“{shown(str(why))}” is no time as this layout writes them") from why
        else:
            raise refused(line, f"it has {len(cells)} cells under a header of {self._head.width}")
        return self._head.width

    def _check_claims(self) -> None:
        self._claims.enter(self._seen)
        self._net.report()
        parts = [each for each in self._channels.parts() if each.channel.count]
        if parts:
            self._claims.check(parts, self._count, comma=self._layout.comma)
            check_net(parts, self.remarks)
            check_charges(parts, self.remarks)
            check_range(self._claims.lines, parts, self._times, self.remarks)

    def _label(self, cells: Sequence[str]) -> None:
        """Of what holds of all rows below, nothing is to change without a further header."""
        key, layout = label(self._seen, cells), self._layout
        of_all = (*layout.meter, layout.place, *layout.above, *layout.above_kinds, layout.several_above)
        if key in of_all and key and self._seen[key] != self._above.get(key, ""):
            self._changed = key

    def _is_text(self, cells: Sequence[str], filled: Sequence[str]) -> bool:
        """Whether it looks like a line above a table or below one, and not like a damaged reading."""
        first = filled[0]
        before = self._last[0]
        if cells[0] and len(before) >= self._needed > len(cells) and before[0] == cells[0]:
            return False
        if _STAMPED.search(first) and self._has_value(cells):
            return False
        of_a_kind = 0 <= self._kind < len(cells) and bool(self._meaning.kind(cells[self._kind]))
        return not first[0].isdigit() and not of_a_kind and (len(filled) <= 2 or ":" in first)

    def _is_without_value(self, cells: Sequence[str]) -> bool:
        places = [each.place for each in self._head.values]
        return all(place < len(cells) and clean(cells[place]).lower() in BLANKS for place in places)

    def _has_value(self, cells: Sequence[str]) -> bool:
        places = (each.place for each in self._head.values)
        return len(cells) >= self._needed and any(
            is_number(cells[each]) for each in places if each < len(cells)
        )

    def _again(self, head: Head) -> None:
        self._look_at_columns()
        self._net.report()
        self._texts.clear()
        if self._layout.several_above in self._seen:
            self._table += 1
        above, self._seen = self._above | self._seen, {}
        self._take_up(head, above)
