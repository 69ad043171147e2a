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

from rich.text import Text

from meterfarm.console.data.read_report import as_json, tables
from meterfarm.console.errors import UsageError
from meterfarm.console.terminal.output import print_json, show
from meterfarm.formats.archive import MAX_SPOOLED
from meterfarm.formats.errors import FormatError
from meterfarm.records import BillReading, Issue, Severity
from meterfarm.scrapers.utility import Utility
from meterfarm.services.documents import SeenBills, read_document
from meterfarm.services.file_report import FileReport
from meterfarm.support.crash import crashes_kept
from meterfarm.support.environment import state_directory
from meterfarm.support.errors import MachineError
from meterfarm.support.extras import require
from meterfarm.support.file_names import Names
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utility_named

STDIN = "-"
_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 1024 * 1024


def read_file(
    name: str, zone: ZoneInfo | None, utility: Utility | None, seen: SeenBills | None = None
) -> FileReport:
    """What one file holds, or why it was refused; ``-`` is standard input. ``utility``'s layouts go first."""
    return read_document(_shown(name), partial(_opened, name), zone, utility, seen)


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


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
_OUT = Path("out/explain")


async def read(
    files: Sequence[str],
    utility_id: str | None,
    zone_name: str | None,
    *,
    json: bool,
    explain: bool = False,
    out: Path | None = None,
) -> int:
    """Tell of each file what it is and says; 3 if any, or anything in one, was refused.

    With ``explain`` pictures of the bills' pages are written to ``out``.

    Raises:
        UsageError: the options do not fit each other, or there is no such utility or time zone.
        MachineError: pictures cannot be drawn here, or ``out`` cannot be written.
    """
    if explain:
        require("explain", "`read --explain`")
    elif out is not None:
        raise UsageError("--out is where --explain writes its pictures: add --explain, or leave --out out.")
    secrets = Secrets()
    log_to_stderr(secrets)
    with crashes_kept(secrets, state_directory() / "evidence"):
        utility = load_utility_named(utility_id) if utility_id else None
        zone = _zone(zone_name) or (utility.zone if utility else None)
        status, names = READ, Names()
        for name in files:
            pictures = Pictures(name, out or _OUT, names) if explain else None
            report = read_file(name, zone, utility, pictures)
            if pictures is not None and not pictures.written and not report.refused:
                report.add(Issue("", "It has no bill that --explain could draw.", Severity.NOTE))
            if json:
                written = {} if pictures is None else {"pictures": pictures.written}
                print_json(as_json(report) | written, indent=None)
            else:
                show(
                    *tables(report),
                    *(Text(f"  drawn: {path}") for path in (pictures.written if pictures else ())),
                )
            status = REFUSED if report.refused else status
    return status


class Pictures:
    """Draws the bills of one file."""

    def __init__(self, name: str, out: Path, names: Names) -> None:
        self.written: list[str] = []
        self._out, self._names = out, names
        self._stem = "stdin" if name == STDIN else Path(_shown(name)).stem

    def __call__(self, member: str, pdf: bytes, bills: Sequence[BillReading]) -> None:
        """Draw a PDF's bills. Raises FormatError, MachineError."""
        from meterfarm.services.bill_explain import explain

        name = self._names.take(f"{self._stem}-{Path(member).stem}" if member else self._stem)
        try:
            self._out.mkdir(parents=True, exist_ok=True)
            self.written += [str(path) for path in explain(pdf, bills, self._out, name)]
        except OSError as exc:
            raise MachineError(
                f"The pictures cannot be written to {self._out} ({exc.strerror}): make it writable, or "
                "name another folder with --out."
            ) from exc


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise UsageError(f"There is no time zone “{name}”; name one such as America/New_York.") from exc
