"""A bill's PDF from disk, read by a utility's layout, the one named or the one that fits, or generically."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

from meterfarm.formats.errors import Contradiction, Encrypted, FormatError
from meterfarm.records import Bill, BillReading, BillSource, BillStatus, Document
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.utility import Utility
from meterfarm.services.bayou import unstored_bill_json
from meterfarm.storage.data import UploadedBill
from meterfarm.support.foreign_text import one_line
from meterfarm.utilities import load_utilities

_LARGEST = 64 * 1024 * 1024
ONLY_PICTURES = "The PDF has no text, only pictures: ask the utility for the original."
_MOST_SHOWN = 3


def bill_readings(file: BinaryIO, utility: Utility | None) -> list[BillReading]:
    """The bills that a PDF holds: one by a utility's layout, the given one or the one that fits.

    Without such a layout it is what the generic reader is certain of. One that cannot be read at all has the
    status ``not_supported``.

    Raises:
        FormatError: it is no PDF, damaged or too large; the given utility's layout does not read it; several
            layouts do; or it contradicts itself.
    """
    from meterfarm.formats.bills.pdf import pdf_text

    content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise FormatError("The PDF is larger than 64 MB, which no bill is: read the bill by itself.")
    try:
        pages = pdf_text(content)
    except Encrypted as exc:
        return [_not_supported(str(exc))]
    if not "".join(pages).strip():
        return _recognised(content)
    if utility is not None:
        found, failures = [(utility, _by(_with_bills(utility), pages))], list[str]()
    else:
        found, failures = _fitting(pages)
    if len(found) > 1:
        names = ", ".join(each.id for each, _ in found)
        raise FormatError(f"Several layouts read this PDF: say which is right with --utility ({names}).")
    return [_by_layout(*found[0], content)] if found else _by_generic(content, failures)


def reading_json(reading: BillReading) -> dict[str, object]:
    """A bill as `read` shows it: Bayou's fields and more, line items, checks, and what was left out."""
    from meterfarm.formats.bills.generic.output import FIELDS, item_json

    shown: dict[str, object] = {
        "utility": None,
        **dict.fromkeys(FIELDS),
        "address": None,
        "meters": [],
        **reading.fields,
        "reader": reading.reader,
        "status": reading.status.value,
        "line_items": [item_json(item, reading.fields.get("currency")) for item in reading.line_items],
        "checks": [
            {"name": check.name, "passed": check.passed, "what": check.what} for check in reading.checks
        ],
        "left_out": dict(reading.left_out),
    }
    return shown | ({"ocr": True} if reading.ocr else {})


def why_unread(reading: BillReading) -> str:
    """A sentence for a reading that is none: what is lacking of it."""
    if reading.status is BillStatus.NOT_SUPPORTED:
        return next(iter(reading.left_out.values()))
    reasons = [f"{name}: {why}" for name, why in _most_important(reading.left_out)]
    return (
        "No layout reads this PDF, and too little of it is certain"
        f" ({'; '.join(reasons) or 'no label of a bill is on it'}): name its utility with --utility, or add a"
        " layout to that one's folder."
    )


def _most_important(left_out: Mapping[str, str]) -> list[tuple[str, str]]:
    order = ("account_number", "total_amount", "billed_on", "billing_period_from")
    return [(name, left_out[name]) for name in order if name in left_out][:_MOST_SHOWN]


def _not_supported(why: str) -> BillReading:
    return BillReading("", BillStatus.NOT_SUPPORTED, {}, left_out={"pdf": why})


def _by_layout(utility: Utility, bill: Bill, content: bytes) -> BillReading:
    """What a layout read, with the charges that their sums prove, and what agrees with what."""
    from meterfarm.formats.bills.checks import checks_of
    from meterfarm.formats.bills.generic.read import line_items
    from meterfarm.formats.bills.words import pages_of

    fields = unstored_bill_json(bill, utility.id)
    fields["due_on"] = bill.due_on.isoformat() if bill.due_on else None
    try:
        items = line_items(list(pages_of(content)))
    except FormatError:  # the bill itself is read
        items = []
    return BillReading(utility.bill_layout, BillStatus.UNLOCKED, fields, bill, items, checks_of(bill))


def _by_generic(content: bytes, failures: Sequence[str]) -> list[BillReading]:
    from meterfarm.formats.bills.generic.read import read_unknown, unreadable
    from meterfarm.formats.bills.words import pages_of

    pages = list(pages_of(content))
    why = unreadable(pages)
    if why:
        return _recognised(content, why)
    return read_unknown(pages, failures=failures)


def _recognised(content: bytes, why: str = "") -> list[BillReading]:
    """What OCR reads in the pages' pictures, if it is installed."""
    from meterfarm.formats.bills.generic.read import read_unknown, unreadable
    from meterfarm.formats.bills.ocr import is_installed, recognised_pages

    lacking = f"{why}: ask the utility for the original, or install the extra ocr." if why else ONLY_PICTURES
    if not is_installed():
        return [_not_supported(lacking)]
    pages = list(recognised_pages(content))
    if unreadable(pages):
        return [_not_supported(ONLY_PICTURES)]
    return read_unknown(pages, ocr=True)


def uploaded_bill(
    document: Document, utilities: Sequence[Utility], source: BillSource, *, preferred: str = ""
) -> UploadedBill:
    """A PDF and what the layout that fits reads from it; nothing, with the reason, if none does, or several.

    Of several the one of the utility ``preferred`` counts. To be called in the reader's thread.
    """
    from meterfarm.formats.bills.pdf import pdf_text
    from meterfarm.scrapers.boundaries import reader_errors  # files are read where no browser is installed

    with_bills = [each for each in utilities if each.capabilities.bills]
    tried = [(each.bill_layout, each.bill_layout_version) for each in with_bills]
    try:
        pages = pdf_text(document.content)
    except FormatError as exc:
        is_supported = not isinstance(exc, Encrypted)
        return UploadedBill(document, source, problems=(str(exc),), supported=is_supported, tried=tried)
    if not "".join(pages).strip():
        return UploadedBill(document, source, problems=(ONLY_PICTURES,), supported=False, tried=tried)
    found: dict[str, tuple[Utility, Bill]] = {}
    problems: list[str] = []
    for each in with_bills:
        try:
            with reader_errors():
                found[each.id] = (each, each.read_bill(pages))
        except Contradiction as exc:
            problems.insert(0, str(exc))
        except (FormatError, ItemFailed) as exc:
            problems.append(str(exc))
    fitting = found.get(preferred) or (next(iter(found.values())) if len(found) == 1 else None)
    if fitting is None:
        several = f"several layouts read it: {', '.join(found)}"
        why = several if found else "; ".join(dict.fromkeys(problems)) or "no layout reads it"
        return UploadedBill(document, source, problems=(one_line(why),), tried=tried)
    utility, bill = fitting
    return UploadedBill(
        document, source, bill, utility.id, utility.bill_layout, utility.bill_layout_version, tried=tried
    )


def _with_bills(utility: Utility) -> Utility:
    if not utility.capabilities.bills:
        raise FormatError(f"{utility.name} has no bills: name another utility with --utility, or none.")
    return utility


def _fitting(pages: Sequence[str]) -> tuple[list[tuple[Utility, Bill]], list[str]]:
    """The layouts that read it, and what those say that know it and find that its figures do not agree."""
    found: list[tuple[Utility, Bill]] = []
    failures: list[str] = []
    contradiction: Contradiction | None = None
    for each in load_utilities():
        if not each.capabilities.bills:
            continue
        try:
            found.append((each, _by(each, pages)))
        except Contradiction as exc:
            contradiction = exc
        except FormatError as exc:
            if not isinstance(exc.__cause__, ItemFailed) and "shows no" in str(exc):
                continue
            failures.append(f"{each.bill_layout}: {exc}")
    if not found and contradiction is not None:
        raise contradiction
    return found, failures


def _by(utility: Utility, pages: Sequence[str]) -> Bill:
    try:
        return utility.read_bill(pages)
    except Contradiction as exc:
        raise Contradiction(f"The bill was not read: {exc}.") from exc
    except (FormatError, ItemFailed) as exc:
        raise FormatError(f"The bill was not read: {exc}.") from exc
