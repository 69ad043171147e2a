"""A bill's PDF from disk, read by a utility's layout, the one named or the one that fits, or generically."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from meterfarm.formats.bills.bayou import unstored_bill_json
from meterfarm.formats.bills.layout import LayoutReader
from meterfarm.formats.bills.reading_fields import reading_fields
from meterfarm.formats.bills.stored_reading import failed
from meterfarm.formats.errors import Contradiction, Encrypted, FormatError
from meterfarm.records import BillReading, BillSource, BillStatus, Document
from meterfarm.scrapers.bill_reader import (
    GENERIC,
    by_layout,
    generically,
    not_supported,
    only_bill,
    read_by,
    recognised,
    why_unread,
)
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.utility import Utility
from meterfarm.storage.data import UploadedBill
from meterfarm.support.foreign_text import one_line
from meterfarm.utilities import load_bill_layouts, load_utilities

_LARGEST = 64 * 1024 * 1024


def bill_readings(file: BinaryIO, utility: Utility | None) -> list[BillReading]:
    """The bills that a PDF holds: one by a utility's layout, the given one or the one that fits.

    Without such a layout it is what the generic reader is certain of. One that cannot be read at all has the
    status ``not_supported``.

    Raises:
        FormatError: it is no PDF, damaged or too large; the given utility's layout does not read it; several
            layouts do.
        Contradiction: it is several bills of a layout that reads one.
    """
    from meterfarm.formats.bills.pdf import pdf_text

    content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise FormatError("The PDF is larger than 64 MB, which no bill is: read the bill by itself.")
    try:
        pages = pdf_text(content)
    except Encrypted as exc:
        return [not_supported(str(exc))]
    if not "".join(pages).strip():
        return recognised(content)
    if utility is not None and _with_bills(utility).bill_layout:
        return [_shown(utility, _by(utility, pages), content)]
    scripts = [each for each in load_utilities() if each.bill_layout]
    fits = _fitting([*scripts, *load_bill_layouts()], pages)
    if len(fits.found) > 1:
        names = ", ".join(each.id for each, _ in fits.found)
        raise FormatError(f"Several layouts read this PDF: say which is right with --utility ({names}).")
    if fits.contradiction is not None:
        raise Contradiction(f"The bill was not read: {fits.contradiction}.")
    if fits.found:
        return [_shown(*fits.found[0], content)]
    return generically(content, fits.failures)


def reading_json(reading: BillReading) -> dict[str, object]:
    """A bill as `read` shows it: Bayou's fields and more, line items, checks, and what was left out."""
    from meterfarm.formats.bills.generic.output import FIELDS

    shown: dict[str, object] = {
        "utility": None,
        **dict.fromkeys(FIELDS),
        "address": None,
        "meters": [],
        **reading.fields,
        "status": reading.status.value,
        **reading_fields(reading),
    }
    if not reading.ocr:
        del shown["ocr"]
    return shown


def why_not_read(reading: BillReading) -> str:
    """A sentence for a reading that is none: what is lacking of it."""
    if reading.status is BillStatus.NOT_SUPPORTED:
        return why_unread(reading)
    return (
        f"No layout reads this PDF, and too little of it is certain ({why_unread(reading)}): name its utility"
        " with --utility, or add a layout to that one's folder."
    )


def _shown(utility: Utility | LayoutReader, reading: BillReading, content: bytes) -> BillReading:
    """With Bayou's fields, and the charges that the sums of the bill prove, if its layout reads no lines."""
    from meterfarm.formats.bills.generic.read import line_items
    from meterfarm.formats.bills.words import pages_of

    if reading.bill is not None:
        bayou = unstored_bill_json(reading.bill, utility.id)
        reading = replace(reading, fields={**bayou, **reading.fields})
    if reading.line_items:
        return reading
    try:
        return replace(reading, line_items=line_items(list(pages_of(content))))
    except FormatError:  # the bill itself is read
        return reading


def uploaded_bill(
    document: Document, utilities: Sequence[Utility], source: BillSource, *, preferred: str = ""
) -> UploadedBill:
    """A PDF and what is read from it: by the layout that fits, else as far as it is certain of any bill.

    Of several layouts that of the utility ``preferred`` counts. A layout of a utility without a script does
    not make the bill that one's. One that a layout knows and finds to be
    several bills is not read. To be called in the reader's thread.
    """
    from meterfarm.formats.bills.pdf import pdf_text

    scripts = [each for each in utilities if each.bill_layout]
    with_layouts: list[Utility | LayoutReader] = [*scripts, *load_bill_layouts()]
    known = {each.id for each in utilities}
    tried = [*map(read_by, with_layouts), GENERIC]
    try:
        pages = pdf_text(document.content)
    except FormatError as exc:
        is_supported = not isinstance(exc, Encrypted)
        reading = None if is_supported else not_supported(str(exc))
        return UploadedBill(
            document, source, problems=(str(exc),), supported=is_supported, tried=tried, reading=reading
        )
    fits = _fitting(with_layouts, pages)
    fitting = next((each for each in fits.found if each[0].id == preferred), None)
    if fitting is None and len(fits.found) == 1:
        fitting = fits.found[0]
    if fitting is not None:
        utility, reading = fitting
        return UploadedBill(
            document,
            source,
            reading.bill,
            utility.id if utility.id in known else preferred,
            *read_by(utility),
            problems=failed(reading),
            tried=tried,
            reading=reading,
        )
    if fits.found or fits.contradiction is not None:
        several = f"several layouts read it: {', '.join(each.id for each, _ in fits.found)}"
        why = several if fits.found else str(fits.contradiction)
        return UploadedBill(document, source, problems=(one_line(why),), tried=tried)
    return _generic_upload(document, source, preferred, pages, tried)


def _generic_upload(
    document: Document,
    source: BillSource,
    utility: str,
    pages: Sequence[str],
    tried: Sequence[tuple[str, int]],
) -> UploadedBill:
    has_text = bool("".join(pages).strip())
    try:
        readings = generically(document.content) if has_text else recognised(document.content)
    except FormatError as exc:
        return UploadedBill(document, source, problems=(str(exc),), tried=tried)
    reading, why = only_bill(readings)
    return UploadedBill(
        document,
        source,
        reading.bill,
        utility if reading.bill is not None else "",
        *GENERIC,
        problems=(one_line(why),) if why else failed(reading),
        supported=reading.status is not BillStatus.NOT_SUPPORTED,
        tried=tried,
        reading=reading,
    )


def _with_bills(utility: Utility) -> Utility:
    if not utility.capabilities.bills:
        raise FormatError(f"{utility.name} has no bills: name another utility with --utility, or none.")
    return utility


@dataclass(frozen=True, slots=True)
class _Fits:
    """The layouts that read a PDF; else what those say that know it, and the one that finds several bills."""

    found: Sequence[tuple[Utility | LayoutReader, BillReading]]
    failures: Sequence[str]
    contradiction: Contradiction | None


def _fitting(layouts: Sequence[Utility | LayoutReader], pages: Sequence[str]) -> _Fits:
    found: list[tuple[Utility | LayoutReader, BillReading]] = []
    failures: list[str] = []
    contradiction: Contradiction | None = None
    for each in layouts if "".join(pages).strip() else ():
        try:
            found.append((each, by_layout(each, pages)))
        except Contradiction as exc:
            contradiction = exc
        except (FormatError, ItemFailed) as exc:
            if isinstance(exc, ItemFailed) or "shows no" not in str(exc):
                failures.append(f"{each.bill_layout}: {exc}")
    return _Fits(found, failures, contradiction if not found else None)


def _by(utility: Utility, pages: Sequence[str]) -> BillReading:
    try:
        return by_layout(utility, pages)
    except Contradiction as exc:
        raise Contradiction(f"The bill was not read: {exc}.") from exc
    except (FormatError, ItemFailed) as exc:
        raise FormatError(f"The bill was not read: {exc}.") from exc
