"""PDFs of bills, damaged: as they are, and not compressed, so that the damage is in what they say."""

from __future__ import annotations

from collections.abc import Sequence

from meterfarm.formats.bills.generic.read import read_unknown, unreadable
from meterfarm.formats.bills.words import pages_of
from meterfarm.formats.errors import FormatError
from meterfarm.services.bill_reading import reading_json
from tests.formats.bills_made import AMERICAN
from tests.formats.bills_made_europe import EUROPEAN

_BILLS = (*AMERICAN[:2], *EUROPEAN[:3])
_PDFS = [each.pdf() for each in _BILLS]
_PLAIN = [each.pdf(compressed=False) for each in _BILLS]
SEEDS: Sequence[bytes] = (*_PDFS, *_PLAIN)


def one(data: bytes) -> None:
    """It is read as far as it is certain; a FormatError is an answer."""
    try:
        pages = list(pages_of(data))
    except FormatError:
        return
    if unreadable(pages):
        return
    for reading in read_unknown(pages):
        if len(str(reading_json(reading))) > 1_000_000:
            raise ValueError("a reading that is longer than any bill")
