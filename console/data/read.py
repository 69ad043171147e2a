"""The `read` command: a file or standard input, read by its content. docs/data.md documents its JSON."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

from meterfarm.console.data.read_report import as_json, tables
from meterfarm.console.errors import UsageError
from meterfarm.console.terminal.output import print_json, show
from meterfarm.formats.archive import MAX_SPOOLED
from meterfarm.formats.errors import FormatError
from meterfarm.scrapers.utility import Utility
from meterfarm.services.documents import read_document
from meterfarm.services.file_report import FileReport
from meterfarm.support.crash import crashes_kept
from meterfarm.support.environment import state_directory
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utility_named

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


READ, REFUSED = 0, 3


async def read(files: Sequence[str], utility_id: str | None, zone_name: str | None, *, json: bool) -> int:
    """Tell of each file what it is and says; 3 if any, or anything in one, was refused."""
    secrets = Secrets()
    log_to_stderr(secrets)
    with crashes_kept(secrets, state_directory() / "evidence"):
        utility = load_utility_named(utility_id) if utility_id else None
        zone = _zone(zone_name) or (utility.zone if utility else None)
        status = READ
        for name in files:
            report = read_file(name, zone, utility)
            if json:
                print_json(as_json(report), indent=None)
            else:
                show(*tables(report))
            status = REFUSED if report.refused else status
    return status


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise UsageError(f"There is no time zone “{name}”; name one such as America/New_York.") from exc
