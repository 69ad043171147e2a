"""A document of any kind that the readers know, read whole; memory does not grow with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.formats.recognise import Found, Kind, recognise
from meterfarm.records import BillReading, BillStatus, Issue, Series, Severity
from meterfarm.scrapers.utility import Utility
from meterfarm.services.bill_reading import bill_readings, reading_json, why_not_read
from meterfarm.services.file_report import FileReport
from meterfarm.services.series_totals import Tally
from meterfarm.support.instants import stamp
from meterfarm.utilities import load_layouts

OpenFile = Callable[[], AbstractContextManager[BinaryIO]]
"""Opens a file that can be sought in; may raise FormatError or OSError."""


SeenBills = Callable[[str, bytes, Sequence[BillReading]], None]
"""Takes the name of a ZIP's member ("" for a file by itself), a PDF, and the bills that were read from it."""


def read_document(
    name: str,
    open_file: OpenFile,
    zone: ZoneInfo | None = None,
    utility: Utility | None = None,
    seen: SeenBills | None = None,
) -> FileReport:
    """What a file holds, or as an issue why it was refused. ``utility``'s layouts are tried first.

    ``name`` is shown, and its ending is a hint; local times without a zone of their own are in ``zone``.
    ``seen`` is called for each PDF; it may raise FormatError.
    """
    layouts = load_layouts(utility.id) if utility else ()
    report = FileReport(name)
    beside: list[Issue] = []
    try:
        with open_file() as file:
            for found in recognise(Path(name).name, file, zone, layouts):
                beside += _read(report, found, utility, seen)
    except FormatError as exc:
        report.add(Issue("", str(exc), Severity.ERROR))
    except OSError as exc:
        report.add(Issue("", f"The file cannot be read: {exc.strerror or exc}.", Severity.ERROR))
    severity = Severity.NOTE if report.tally.series or report.bills else Severity.ERROR
    for each in beside:
        report.add(Issue(each.where, each.what, severity))
    if not (report.refused or report.tally.series or report.bills):
        report.add(Issue("", "The file holds no readings.", Severity.NOTE))
    return report


def _read(
    report: FileReport, found: Found, utility: Utility | None, seen: SeenBills | None
) -> Sequence[Issue]:
    """Read one document of the file; the issues returned are errors only if nothing beside it is read.

    That is a PDF in a ZIP which may be for people, as long as no utility is given.
    """
    tally, layout, read, doubted = Tally(), "", False, False
    beside: list[Issue] = []
    try:
        if found.kind is Kind.BILL:
            bills, unread = _read_bills(report, found, utility)
            layout = bills[0].reader if bills else ""
            beside += unread
            if seen is not None:
                found.file.seek(0)
                seen(found.member, found.file.read(), bills)
        for each in found.contents:
            if isinstance(each, Series):
                read = True
                tally.add(each)
            else:
                doubted |= each.severity is Severity.WARNING
                report.add(_placed(each, found.member))
    except FormatError as exc:
        issue = Issue(found.member, str(exc), Severity.ERROR)
        if found.kind is Kind.BILL and found.member and not utility:
            beside.append(issue)
        else:
            report.add(issue)
    if found.kind is Kind.GREEN_BUTTON:
        _look_at_readings(report, found.member, tally, nothing=doubted and not read)
    layout = layout or found.contents.layout
    proved = found.certain or read or (layout and found.kind is Kind.INTERVAL_CSV)
    report.kinds.append(found.kind if proved else Kind.UNKNOWN)
    report.layouts.append(layout if proved else "")
    if report.tally.join(tally):
        what = "Readings of a time that another file in this ZIP has too are shown as series of their own."
        report.add(Issue(found.member, what, Severity.NOTE))
    return beside


def _read_bills(
    report: FileReport, found: Found, utility: Utility | None
) -> tuple[Sequence[BillReading], list[Issue]]:
    """Add the bills of a PDF; them, and what is an error only if nothing beside it is read."""
    readings = bill_readings(found.file, utility)
    beside: list[Issue] = []
    for reading in readings:
        if reading.status is not BillStatus.UNLOCKED:
            issue = Issue(found.member, why_not_read(reading), Severity.ERROR)
            if found.member and not utility:
                beside.append(issue)
                continue
            report.add(issue)
        report.bills.append(reading_json(reading))
        for check in reading.checks:
            if not check.passed:
                report.add(Issue(found.member, f"{check.name}: {check.what}"))
    return readings, beside


def _look_at_readings(report: FileReport, member: str, tally: Tally, *, nothing: bool) -> None:
    """Add the issues of a feed that its reader, which passes readings on unchanged, does not report."""
    if nothing:
        report.add(Issue(member, "None of the readings could be used.", Severity.ERROR))
    if tally.twice is not None:
        what = "Readings overlap others of their series: all are counted, and added up."
        report.add(_placed(Issue(stamp(tally.twice), what), member))


def _placed(issue: Issue, member: str) -> Issue:
    if not member:
        return issue
    where = f"{member}: {issue.where}" if issue.where else member
    return Issue(where, issue.what, issue.severity)
