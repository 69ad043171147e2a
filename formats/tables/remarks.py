"""What is to be told of a table's rows: each kind once, with its first place and how often it occurred."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from meterfarm.formats.tables.cells import Number, shown
from meterfarm.records import Issue, Severity

_MOST = 200
_MORE = "more of this kind than is told one by one"


class Remarks:
    """Counts by kind; the sentences name the first row."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, Severity]] = {}
        self._count: dict[str, int] = {}

    def add(self, what: str, where: str, severity: Severity = Severity.WARNING) -> None:
        """``what`` is a sentence that tells the kind."""
        if what not in self._count:
            if len(self._count) >= _MOST:
                what, severity = _MORE, Severity.WARNING
            self._first.setdefault(what, (where, severity))
        self._count[what] = self._count.get(what, 0) + 1

    def issues(self) -> Iterator[Issue]:
        """All that was counted so far; they are counted anew afterwards."""
        for what, (where, severity) in self._first.items():
            count = self._count[what]
            yield Issue(where, f"{what} ({count:,} times)" if count > 1 else what, severity)
        self._first, self._count = {}, {}

    def blank(self, line: int) -> None:
        self.add(
            "a row without a value is no reading",
            f"line {line}",
            Severity.NOTE,
        )

    def negative(self, line: int, _: Number) -> None:
        self.add("a value below zero in a column of one direction: it may hold the net", f"line {line}")

    def thousands(self, line: int) -> None:
        self.add("a comma is taken to part thousands", f"line {line}")

    def gap(self, line: int) -> None:
        self.add(
            "a time that the clock never showed, being put forward: taken as the moment it stands for",
            f"line {line}",
            Severity.NOTE,
        )

    def phantom(self, line: int) -> None:
        self.add(
            "a zero at a time that the clock never showed, beside a value for that moment: left out",
            f"line {line}",
            Severity.NOTE,
        )

    def once(self, line: int) -> None:
        self.add(
            "an hour that the clock shows twice is listed once: taken as its first pass, it may hold both",
            f"line {line}",
        )

    def passes(self, line: int) -> None:
        self.add("the order of rows doesn't tell the passes of a doubled hour apart", f"line {line}")

    def twice(self, at: int) -> None:
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.add("an interval overlaps one that was listed before", stamp)

    def apart(self) -> None:
        self.add("the intervals stand far apart: are they longer, or are days and months mixed up?", "")

    def empty(self, column: str) -> None:
        self.add(f"the column “{shown(column)}” is blank in every row", "the header", Severity.NOTE)

    def lines(self, line: int) -> None:
        self.add(
            "a cell holds several lines: a quote that was not closed may have swallowed rows", f"line {line}"
        )

    def no_unit(self, line: int) -> None:
        self.add("a value without a unit: none is guessed", f"line {line}")

    def steps(self) -> None:
        self.add(
            "the steps between rows are taken for their length, which is an unusual one: are some missing?",
            "",
        )

    def no_time(self, line: int) -> None:
        self.add("a row with a value but no time was not read", f"line {line}")

    def volume(self, line: int) -> None:
        self.add("a volume cannot be of electricity: told as of something else", f"line {line}")

    def tables(self, line: int) -> None:
        self.add("several tables, and nothing says which way each one's energy flows", f"line {line}")

    def mean(self, line: int) -> None:
        self.add("mean power over such intervals is no decimal number of Wh: told in W", f"line {line}")

    def granularities(self, line: int) -> None:
        self.add(
            "the same meter's values are listed at several interval lengths: they may be the same energy",
            f"line {line}",
            Severity.NOTE,
        )

    def kind(self, line: int, text: str) -> None:
        self.add(f"rows of the kind “{shown(text)}” were not read: nothing is known of it", f"line {line}")

    def total(self, line: int, text: str) -> None:
        self.add(f"a line of totals was left out: “{shown(text)}”", f"line {line}", Severity.NOTE)

    def text(self, line: int) -> None:
        self.add("a line of text was left out", f"line {line}", Severity.NOTE)

    def cut(self, *, whole: bool) -> None:
        cell = "" if whole else "its last cell may lack some of its text, and "
        self.add(f"it has no line end: {cell}rows below it may be missing", "the last line")

    def ends_bare(self) -> None:
        self.add(
            "it has no line end, as is usual in such files: missing rows below it would not show",
            "the last line",
            Severity.NOTE,
        )

    def short(self, line: int) -> None:
        self.add(
            "a row has fewer cells than rows around it: what it says may belong to other columns",
            f"line {line}",
        )
