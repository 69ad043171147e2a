"""What commands print: listings and lines for people, tab-separated lines and JSON for programs."""

from __future__ import annotations

import select
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

from rich.console import Console, RenderableType

from meterfarm.console.errors import ReaderGone
from meterfarm.console.terminal.listing import Listing, in_a_pipe
from meterfarm.support.foreign_text import as_json, lines, one_line
from meterfarm.support.instants import instant

_WARNING = 2_000


def print_line(line: str) -> None:
    """A line on standard output, at once, with nothing in it that acts on a terminal. Raises ReaderGone."""
    _write(lines(line))


def print_prompt(text: str) -> None:
    """What stands before an answer, on its line. Raises ReaderGone."""
    _write(lines(text), end="")


def print_json(value: object, *, indent: int | None = 2) -> None:
    """A JSON document on standard output. Raises ReaderGone."""
    _write(as_json(plain(value), indent=indent))


def warn(sentence: str, *, by: str = "meterfarm: ") -> None:
    """A sentence on standard error, after ``by``."""
    line = f"{by}{one_line(sentence, _WARNING)}"
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def show(*what: RenderableType) -> None:
    """Listings, facts and texts on standard output: at a terminal for people, else tab-separated."""
    if not sys.stdout.isatty():
        _write("\n".join(in_a_pipe(item) for item in what))
        return
    console = Console()
    with console.capture() as captured:
        for item in what:
            console.print(item, markup=False, highlight=False)
    _write(captured.get().removesuffix("\n"))


def show_empty(sentence: str, listing: Listing) -> None:
    """That a listing is empty: for people a sentence, in a pipe the header alone."""
    if sys.stdout.isatty():
        print_line(sentence)
    else:
        _write(listing.as_tsv())


def _write(text: str, end: str = "\n") -> None:
    try:
        sys.stdout.write(f"{text}{end}")
        sys.stdout.flush()
    except BrokenPipeError as exc:
        raise ReaderGone from exc


def must_have_a_reader() -> None:
    """Raises ReaderGone if nobody reads standard output any more, without writing to it."""
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)
    if any(happened & select.POLLERR for _, happened in watch.poll(0)):
        raise ReaderGone


def plain(value: object) -> Any:
    """Records as JSON has them: instants in UTC and days by ISO 8601, sets in order."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value
