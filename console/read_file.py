"""A file from disk or standard input, read by its content."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

from meterfarm.formats.archive import MAX_SPOOLED
from meterfarm.formats.errors import FormatError
from meterfarm.scrapers.utility import Utility
from meterfarm.services.documents import read_document
from meterfarm.services.file_report import FileReport

STDIN = "-"
_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 1024 * 1024


def read_file(name: str, zone: ZoneInfo | None, utility: Utility | None) -> FileReport:
    """What one file holds, or why it was refused; ``-`` is standard input. ``utility``'s layouts go first."""
    shown = os.fsencode(name).decode("utf-8", "replace")
    return read_document(shown, partial(_opened, name), zone, utility)


def _copy(source: BinaryIO, target: BinaryIO, most: int) -> None:
    """Raises FormatError if there are more than ``most`` bytes: it may come without end."""
    while piece := source.read(_PIECE):
        if target.tell() + len(piece) > most:
            raise FormatError(
                f"There is more of it than {most / 1024**3:.3g} GiB: save it, and read the file."
            )
        target.write(piece)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """The file, to be sought in. Raises FormatError if it is none that can be read."""
    if name == STDIN:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
            with os.fdopen(os.dup(0), "rb") as stdin:
                _copy(stdin, cast(BinaryIO, copy), MAX_SPOOLED)
            yield cast(BinaryIO, copy)
        return
    path = Path(name)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a directory: name the files in it" if stat.S_ISDIR(mode) else "no file: save it as one"
            raise FormatError(f"This is {what}.")
        file = path.open("rb")
    except OSError as exc:
        raise FormatError(f"The file cannot be opened: {exc.strerror or exc}.") from exc
    with file:
        yield file
