"""A bill's PDF from disk, read by the layout of a utility: the one that is named, or the one that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from meterfarm.formats.errors import Contradiction, FormatError
from meterfarm.records import Bill
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.utility import Utility
from meterfarm.services.bayou import unstored_bill_json
from meterfarm.utilities import load_utilities

_LARGEST = 64 * 1024 * 1024


def read_bill(file: BinaryIO, utility: Utility | None) -> tuple[str, dict[str, object]]:
    """The layout that read it, and Bayou's fields of the bill. Raises FormatError, as ``bill_in``."""
    fitting, bill = bill_in(file, utility)
    return fitting.bill_layout, unstored_bill_json(bill, fitting.id)


def bill_in(file: BinaryIO, utility: Utility | None) -> tuple[Utility, Bill]:
    """The bill that a PDF holds, and the utility whose layout read it: the given one, or the one that fits.

    Raises:
        FormatError: no layout reads it, or several do, or it is too large or only pictures.
    """
    from meterfarm.formats.bills.pdf import pdf_text

    content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise FormatError("The PDF is larger than 64 MB, which no bill is: read the bill by itself.")
    pages = pdf_text(content)
    if not "".join(pages).strip():
        raise FormatError("The PDF has no text, only pictures: ask the utility for the original.")
    return _read(pages, utility)


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
