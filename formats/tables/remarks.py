"""Remarks on a table's rows: each kind once, with its first place and how often it occurred."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from meterfarm.formats.tables.cells import Number, shown
from meterfarm.records import Issue, Severity

_MOST = 200
_MORE = "further remarks are not listed"


class Remarks:
    """Counts by kind; the sentences name the first row."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, Severity]] = {}
        self._count: dict[str, int] = {}

    def add(self, what: str, where: str, severity: Severity = Severity.WARNING) -> None:
        """Count a remark; ``what`` is its sentence, ``where`` a place in the file."""
        if what not in self._count:
            if len(self._count) >= _MOST:
                what, severity = _MORE, Severity.WARNING
            self._first.setdefault(what, (where, severity))
        self._count[what] = self._count.get(what, 0) + 1

    def issues(self) -> Iterator[Issue]:
        """All that was counted so far; counting starts again afterwards."""
        for what, (where, severity) in self._first.items():
            count = self._count[what]
            yield Issue(where, f"{what} ({count:,} times)" if count > 1 else what, severity)
        self._first, self._count = {}, {}

    def blank(self, line: int) -> None:
        """A row without a value, which is no reading."""
        self.add(
            "row without a value",
            f"line {line}",
            Severity.NOTE,
        )

    def negative(self, line: int, _: Number) -> None:
        """A value below zero where values have one direction."""
        self.add("value below zero in a one-direction column: it may hold net values", f"line {line}")

    def thousands(self, line: int) -> None:
        """A number like 1,234."""
        self.add("comma treated as thousands separator", f"line {line}")

    def gap(self, line: int) -> None:
        """A time that local clocks never show."""
        self.add(
            "time skipped by the daylight saving change: read as if clocks had not moved yet",
            f"line {line}",
            Severity.NOTE,
        )

    def phantom(self, line: int) -> None:
        """A zero at such a time, where its instant has a value."""
        self.add(
            "zero at a time skipped by the daylight saving change, beside a value of that instant",
            f"line {line}",
            Severity.NOTE,
        )

    def once(self, line: int) -> None:
        """A repeated hour with one set of rows."""
        self.add(
            "hour repeated by the daylight saving change is listed once: it may hold both passes",
            f"line {line}",
        )

    def passes(self, line: int) -> None:
        """A repeated hour with rows in an order of neither kind."""
        self.add("the order of rows does not separate the two passes of a repeated hour", f"line {line}")

    def twice(self, at: int) -> None:
        """An interval, by its epoch seconds, over time that is covered already."""
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.add("interval overlaps an earlier one", stamp)

    def apart(self) -> None:
        """Days that lie a month apart."""
        self.add("intervals are far apart: check whether they are longer, or days and months are swapped", "")

    def empty(self, column: str) -> None:
        """A column without any value."""
        self.add(f"column “{shown(column)}” is blank in every row", "the header", Severity.NOTE)

    def lines(self, line: int) -> None:
        """A cell with line ends in it."""
        self.add("cell with several lines: an unclosed quote may have swallowed rows", f"line {line}")

    def no_unit(self, line: int) -> None:
        """A value without a unit."""
        self.add("value without a unit", f"line {line}")

    def steps(self) -> None:
        """An unusual length, known by the steps between rows alone."""
        self.add(
            "interval length taken from the steps between rows is unusual: check whether rows are missing",
            "",
        )

    def no_time(self, line: int) -> None:
        """A value without a time."""
        self.add("row with a value but no time was not read", f"line {line}")

    def volume(self, line: int) -> None:
        """Electricity in a unit of volume."""
        self.add("a volume cannot be electricity: read as another commodity", f"line {line}")

    def tables(self, line: int) -> None:
        """Several tables that nothing distinguishes."""
        self.add("several tables, and the file does not state the direction of each", f"line {line}")

    def mean(self, line: int) -> None:
        """A mean that is no exact energy."""
        self.add(
            "mean power over such intervals is no exact number of Wh: read as demand in W", f"line {line}"
        )

    def granularities(self, line: int) -> None:
        """A meter with intervals of several lengths."""
        self.add(
            "values of one meter at several interval lengths: they may be the same energy",
            f"line {line}",
            Severity.NOTE,
        )

    def kind(self, line: int, text: str) -> None:
        """A row of a kind that the layout does not know."""
        self.add(f"rows of the unknown kind “{shown(text)}” were not read", f"line {line}")

    def total(self, line: int, text: str) -> None:
        """A row of totals."""
        self.add(f"row of totals left out: “{shown(text)}”", f"line {line}", Severity.NOTE)

    def text(self, line: int) -> None:
        """A line of prose."""
        self.add("line of text left out", f"line {line}", Severity.NOTE)

    def cut(self, *, whole: bool) -> None:
        """A file without a line end at its end; ``whole``: its last cell is."""
        cell = "" if whole else "its last cell may be incomplete, and "
        self.add(f"no line end: {cell}rows may be missing", "the last line")

    def ends_bare(self) -> None:
        """The same of a portal that never writes that line end."""
        self.add(
            "no line end, as usual in such files: missing rows would not show",
            "the last line",
            Severity.NOTE,
        )

    def short(self, line: int) -> None:
        """A row with fewer cells than others."""
        self.add(
            "row with fewer cells than its neighbours: its values may belong to other columns",
            f"line {line}",
        )
