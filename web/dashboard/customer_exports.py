"""Files of what is in store of a customer, named after them. What is locked is withheld in all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from meterfarm.formats.errors import FormatError
from meterfarm.services.bill_text import bills_csv
from meterfarm.services.customer_sheets import json_parts, write_sheets
from meterfarm.services.intervals import FoundIntervals, IntervalQuery, find_intervals
from meterfarm.services.intervals.files import as_green_button, as_parquet
from meterfarm.services.intervals.text import as_csv
from meterfarm.support.extras import ExtraMissing
from meterfarm.support.file_names import safe_name
from meterfarm.support.tasks import made_in
from meterfarm.web.dashboard.access import NO_SUCH_PAGE, Refused, in_thread
from meterfarm.web.dashboard.customer_head import Seen, SeenCustomer

router = APIRouter(prefix="/{side}/customers/{number}/export", include_in_schema=False)
_MAKING = ThreadPoolExecutor(2, thread_name_prefix="exports")
"""So few files are made at once, however many ask: other pages have their time."""
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class DownloadForm:
    """A kind of file: ``what`` ends its name, before the suffix."""

    words: str
    about: str
    suffix: str
    media_type: str
    make: Callable[[SeenCustomer], Iterator[bytes]]
    what: str = ""


def _intervals(
    write: Callable[[FoundIntervals], Iterator[bytes]],
) -> Callable[[SeenCustomer], Iterator[bytes]]:
    return lambda seen: write(find_intervals(seen.store, seen.holder, IntervalQuery()))


def _bills(seen: SeenCustomer) -> Iterator[bytes]:
    found = seen.store.bills.list(seen.holder)
    yield bills_csv(seen.asking.web.bills.of_all(seen.store, found)).encode()


def _json(seen: SeenCustomer) -> Iterator[bytes]:
    return json_parts(seen.store, seen.record, seen.holder, seen.asking.web.bills)


def _excel(seen: SeenCustomer) -> Iterator[bytes]:
    """The workbook's file has no name any more by the time that it is read: nothing is left of it."""
    with tempfile.TemporaryDirectory(prefix="meterfarm-") as place:
        target = Path(place) / "customer.xlsx"
        write_sheets(seen.store, seen.record, seen.holder, seen.asking.web.bills, target)
        file = target.open("rb")
    with file:
        while piece := file.read(_PIECE):
            yield piece


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMS: Mapping[str, DownloadForm] = {
    "excel": DownloadForm("Excel", "customer, bills and intervals", "xlsx", _XLSX, _excel),
    "bills.csv": DownloadForm("CSV of bills", "a row a meter", "csv", "text/csv", _bills, "-bills"),
    "intervals.csv": DownloadForm(
        "CSV of intervals", "a row an interval", "csv", "text/csv", _intervals(as_csv), "-intervals"
    ),
    "parquet": DownloadForm(
        *("Parquet", "intervals", "parquet", "application/vnd.apache.parquet"),
        *(_intervals(as_parquet), "-intervals"),
    ),
    "green-button": DownloadForm(
        *("Green Button", "intervals", "xml", "application/atom+xml"),
        *(_intervals(as_green_button), "-intervals"),
    ),
    "json": DownloadForm("JSON", "customer, bills and intervals", "json", "application/json", _json),
}


@router.get("/{form}")
async def export(seen: Seen, form: str) -> Response:
    """A file to download, made while it is sent."""
    wanted = FORMS.get(form)
    if wanted is None:
        raise Refused(404, *NO_SUCH_PAGE)
    parts = await in_thread(_begun, seen, wanted)
    name = f"{safe_name(seen.record.profile.email or seen.name)}{wanted.what}.{wanted.suffix}"
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(made_in(_MAKING, parts), 200, headers, wanted.media_type)


def _begun(seen: SeenCustomer, wanted: DownloadForm) -> Iterator[bytes]:
    """The first part is made at once: what cannot be made is refused, not broken off."""
    parts = wanted.make(seen)
    try:
        return chain([_MAKING.submit(next, parts, b"").result()], parts)
    except FormatError as exc:
        raise Refused(422, f"{wanted.words} cannot hold this", str(exc)) from None
    except ExtraMissing as exc:
        raise Refused(501, f"{wanted.words} is not written here", str(exc)) from None
