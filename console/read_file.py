"""Reads a file from disk, whatever it is, and tells what it says; memory does not grow with it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

from meterfarm.console.read_bill import read_bill
from meterfarm.console.read_report import FileReport
from meterfarm.console.read_tally import Tally
from meterfarm.formats.archive import MAX_SPOOLED
from meterfarm.formats.errors import FormatError
from meterfarm.formats.recognise import Found, Kind, recognise
from meterfarm.records import Issue, Series, Severity
from meterfarm.scrapers.utility import Utility
from meterfarm.utilities import load_layouts

STDIN = "-"
_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 1024 * 1024


def read_file(name: str, zone: ZoneInfo | None, utility: Utility | None) -> FileReport:
    """What one file says, or why it was refused; ``-`` is standard input. ``utility``'s layouts go first."""
    layouts = load_layouts(utility.id) if utility else ()
    report = FileReport(os.fsencode(name).decode("utf-8", "replace"))
    beside: list[Issue] = []
    try:
        with _opened(name) as file:
            for found in recognise(Path(name).name, file, zone, layouts):
                beside += _take(report, found, utility)
    except FormatError as exc:
        report.issue(Issue("", str(exc), Severity.ERROR))
    except OSError as exc:
        report.issue(Issue("", f"The file cannot be read: {exc.strerror or exc}.", Severity.ERROR))
    severity = Severity.NOTE if report.tally.series or report.bills else Severity.ERROR
    for each in beside:
        report.issue(Issue(each.where, each.what, severity))
    if not (report.refused or report.tally.series or report.bills):
        report.issue(Issue("", "The file holds no readings.", Severity.NOTE))
    return report


def _take(report: FileReport, found: Found, utility: Utility | None) -> Sequence[Issue]:
    """Enter one document of the file; what comes back is refused only if nothing beside it is read.

    That is a PDF in a ZIP which may be for people, as long as nobody says whose bills are expected.
    """
    tally, layout, read, doubted = Tally(), "", False, False
    beside: list[Issue] = []
    try:
        if found.kind is Kind.BILL:
            layout, bill = read_bill(found.file, utility)
            report.bills.append(bill)
        for each in found.contents:
            if isinstance(each, Series):
                read = True
                tally.add(each)
            else:
                doubted |= each.severity is Severity.WARNING
                report.issue(_placed(each, found.member))
    except FormatError as exc:
        issue = Issue(found.member, str(exc), Severity.ERROR)
        if found.kind is Kind.BILL and found.member and not utility:
            beside.append(issue)
        else:
            report.issue(issue)
    if found.kind is Kind.GREEN_BUTTON:
        _look_at_readings(report, found.member, tally, nothing=doubted and not read)
    layout = layout or found.contents.layout
    proved = found.certain or read or (layout and found.kind is Kind.INTERVAL_CSV)
    report.kinds.append(found.kind if proved else Kind.UNKNOWN)
    report.layouts.append(layout if proved else "")
    if report.tally.join(tally):
        what = "Readings of a time that another file in this ZIP has too are shown as series of their own."
        report.issue(Issue(found.member, what, Severity.NOTE))
    return beside


def _look_at_readings(report: FileReport, member: str, tally: Tally, *, nothing: bool) -> None:
    """Say of a feed what its reader, which hands readings on as they stand, does not."""
    if nothing:
        report.issue(Issue(member, "None of the readings could be used.", Severity.ERROR))
    if tally.twice is not None:
        at = datetime.fromtimestamp(tally.twice, UTC)
        what = "Readings overlap others of their series: all are counted, and added up."
        report.issue(_placed(Issue(f"{at:%Y-%m-%dT%H:%M:%SZ}", what), member))


def _placed(issue: Issue, member: str) -> Issue:
    if not member:
        return issue
    where = f"{member}: {issue.where}" if issue.where else member
    return Issue(where, issue.what, issue.severity)


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
