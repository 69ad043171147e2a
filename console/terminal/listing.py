"""Listings: few columns and lines of text below them at a terminal, tab-separated and uncut in a pipe."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from meterfarm.support.foreign_text import NAME, cell, one_line
from meterfarm.support.instants import instant

_BETWEEN = 2
_INDENT = 4
_NARROWEST = 8
_WIDTH_OF_A_FILE = 200

Shown = str | Text
"""A ``Text`` is ours and has a style; a ``str`` may be anybody's and is made safe."""


@dataclass(frozen=True, slots=True)
class Column:
    """``if_room``: left out where the terminal is too narrow for it. ``right``: numbers."""

    heading: str
    right: bool = False
    if_room: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    cells: Sequence[Text]
    below: Sequence[Text]
    record: Mapping[str, object]


class Listing:
    """Rows as people and as programs read them. ``names`` are the columns of the tab-separated form."""

    def __init__(self, columns: Sequence[Column], names: Sequence[str], title: str = "") -> None:
        self._columns = columns
        self._names = names
        self._title = title
        self._lines: list[_Line] = []

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, cells: Sequence[Shown], record: Mapping[str, object], below: Sequence[Shown] = ()) -> None:
        """A row; ``below`` are texts that get lines of their own, "" none."""
        texts = [safe_text(text) for text in below]
        self._lines.append(
            _Line([safe_text(shown, NAME) for shown in cells], [text for text in texts if text.plain], record)
        )

    def as_tsv(self) -> str:
        """A header, then a line for each row: instants in UTC by ISO 8601, nothing for what is not known."""
        rows = [list(self._names)]
        rows += [[in_tsv(line.record.get(name)) for name in self._names] for line in self._lines]
        return "\n".join("\t".join(row) for row in rows)

    def within(self, console: Console, height: int) -> Listing:
        """Its first rows: as many as fit into so many lines with the header, and one at least."""
        fitting = Listing(self._columns, self._names, self._title)
        chosen, widths = self._laid_out(console.width)
        left = height - 1 - bool(self._title)
        for line in self._lines:
            left -= len(self._shown(console, console.width, chosen, widths, line))
            if left < 0 and len(fitting):
                break
            fitting._lines.append(line)
        return fitting

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._title:
            yield Text(self._title, style="bold")
        chosen, widths = self._laid_out(options.max_width)
        headings = [Text(self._columns[number].heading) for number in chosen]
        for line in self._row(console, chosen, widths, headings):
            line.stylize("dim")
            yield line
        for laid_line in self._lines:
            yield from self._shown(console, options.max_width, chosen, widths, laid_line)

    def _shown(
        self, console: Console, width: int, chosen: Sequence[int], widths: Sequence[int], line: _Line
    ) -> list[Text]:
        rows = self._row(console, chosen, widths, [line.cells[number] for number in chosen])
        return rows + [part for text in line.below for part in _indented(console, text, width)]

    def _laid_out(self, width: int) -> tuple[list[int], list[int]]:
        """The columns that there is room for, and how wide they are."""
        natural = [self._natural(number) for number in range(len(self._columns))]
        chosen = self._that_fit(natural, width)
        return chosen, _folded([natural[number] for number in chosen], width)

    def _natural(self, number: int) -> int:
        texts = [self._columns[number].heading, *(line.cells[number].plain for line in self._lines)]
        return max(map(cell_len, texts))

    def _that_fit(self, natural: Sequence[int], width: int) -> list[int]:
        """The columns' numbers, without those for which there is no room."""
        chosen = [number for number, column in enumerate(self._columns) if not column.if_room]
        for number, column in enumerate(self._columns):
            taken = sum(natural[shown] + _BETWEEN for shown in [*chosen, number]) - _BETWEEN
            if column.if_room and taken <= width:
                chosen.append(number)
        return sorted(chosen)

    def _row(
        self, console: Console, chosen: Sequence[int], widths: Sequence[int], cells: Sequence[Text]
    ) -> list[Text]:
        folded = [
            text.wrap(console, width, overflow="fold") if text.cell_len > width else [text]
            for text, width in zip(cells, widths, strict=True)
        ]
        rows = []
        for parts in zip_longest(*folded):
            row = Text(no_wrap=True, overflow="crop")
            for number, part, width in zip(chosen, parts, widths, strict=True):
                text = part.copy() if part is not None else Text()
                blank = " " * max(0, width - text.cell_len)
                row.append_text(Text(blank) + text if self._columns[number].right else text + Text(blank))
                row.append(" " * _BETWEEN)
            row.rstrip()
            rows.append(row)
        return rows


def _folded(natural: Sequence[int], width: int) -> list[int]:
    """Columns as wide as their text is; where that is too much, the widest are made narrower."""
    widths = list(natural)
    too_much = sum(widths) + _BETWEEN * (len(widths) - 1) - width
    while too_much > 0 and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
        too_much -= 1
    return widths


class Facts:
    """What is known of one thing: a name and a text a line; what is empty is left out.

    ``style`` is that of the names, ``margin`` how wide they are at least.
    """

    def __init__(self, facts: Sequence[tuple[str, Shown]], *, style: str = "dim", margin: int = 0) -> None:
        self._facts = [(name, text) for name, given in facts if (text := safe_text(given)).plain]
        self._style = style
        self._margin = max([margin, *(len(name) + _BETWEEN for name, _ in self._facts)])

    def as_tsv(self) -> str:
        """A line each: the name, a tab, the value."""
        return "\n".join(f"{name}\t{cell(text.plain)}" for name, text in self._facts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for name, text in self._facts:
            first = Text(name.ljust(self._margin), style=self._style)
            width = max(options.max_width - self._margin, _NARROWEST)
            for part in text.wrap(console, width, overflow="fold"):
                yield first + part
                first = Text(" " * self._margin)


def safe_text(text: Shown, most: int | None = None) -> Text:
    """``text`` for the terminal: never markup, nothing that acts on it, short."""
    if isinstance(text, Text):
        return text
    return Text(one_line(text, most) if most else one_line(text))


def styled(text: str, style: str, most: int | None = None) -> Text:
    """The same with a style."""
    safe = safe_text(text, most)
    safe.stylize(style)
    return safe


def in_tsv(value: object) -> str:
    """A value as a cell of the tab-separated form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return instant(value)
    return cell(str(value.value if isinstance(value, Enum) else value))


def in_a_pipe(what: RenderableType) -> str:
    """What programs read instead of what people see; what has no such form is printed wide."""
    if isinstance(what, Listing | Facts):
        return what.as_tsv()
    if isinstance(what, Text | str):
        return str(what)
    console = Console(width=_WIDTH_OF_A_FILE, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(what)
    return captured.get().removesuffix("\n")


def _indented(console: Console, text: Text, width: int) -> list[Text]:
    wrapped = text.wrap(console, max(width - _INDENT, _NARROWEST), overflow="fold")
    return [Text(" " * _INDENT) + line for line in wrapped]
