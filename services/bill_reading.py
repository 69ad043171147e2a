"""A bill's PDF from disk, read by the layout of a utility: the one that is named, or the one that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from meterfarm.formats.errors import Contradiction, Encrypted, FormatError
from meterfarm.records import Bill, BillSource, Document
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.utility import Utility
from meterfarm.services.bayou import unstored_bill_json
from meterfarm.storage.data import UploadedBill
from meterfarm.support.foreign_text import one_line
from meterfarm.utilities import load_utilities

_LARGEST = 64 * 1024 * 1024
ONLY_PICTURES = "The PDF has no text, only pictures: ask the utility for the original."


def read_bill(file: BinaryIO, utility: Utility | None) -> tuple[str, dict[str, object]]:
    """The layout that read it, and Bayou's fields of the bill. Raises FormatError, as ``bill_in``."""
    fitting, bill = bill_in(file, utility)
    return fitting.bill_layout, unstored_bill_json(bill, fitting.id)


def bill_in(file: BinaryIO, utility: Utility | None) -> tuple[Utility, Bill]:
    """The bill that a PDF holds, and the utility that its layout is of: the given one, or the one that fits.

    Raises:
        FormatError: no layout reads it, or several do, or it is too large or only pictures.
    """
    from meterfarm.formats.bills.pdf import pdf_text

    content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise FormatError("The PDF is larger than 64 MB, which no bill is: read the bill by itself.")
    pages = pdf_text(content)
    if not "".join(pages).strip():
        raise FormatError(ONLY_PICTURES)
    return _read(pages, utility)


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


def _read(pages: Sequence[str], utility: Utility | None) -> tuple[Utility, Bill]:
    if utility is not None and not utility.capabilities.bills:
        raise FormatError(f"{utility.name} has no bills: name another utility with --utility, or none.")
    if utility is not None:
        return utility, _by(utility, pages)
    found = []
    contradiction: Contradiction | None = None
    for each in load_utilities():
        if not each.capabilities.bills:
            continue
        try:
            found.append((each, _by(each, pages)))
        except Contradiction as exc:
            contradiction = exc
        except FormatError:
            continue
    if not found and contradiction is not None:
        raise contradiction
    if not found:
        raise FormatError(
            "No layout reads this PDF: name its utility with --utility, or add a layout to that one's folder."
        )
    if len(found) > 1:
        names = ", ".join(each.id for each, _ in found)
        raise FormatError(f"Several layouts read this PDF: say which is right with --utility ({names}).")
    return found[0]


def _by(utility: Utility, pages: Sequence[str]) -> Bill:
    try:
        return utility.read_bill(pages)
    except Contradiction as exc:
        raise Contradiction(f"The bill was not read: {exc}.") from exc
    except (FormatError, ItemFailed) as exc:
        raise FormatError(f"The bill was not read: {exc}.") from exc
