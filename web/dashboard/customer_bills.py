"""A customer's bills: a list, and each beside its pages, with what was read of it and what was not."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from meterfarm.formats.bills.page_pictures import pages_picture
from meterfarm.formats.errors import FormatError
from meterfarm.records import BillSource, BillStatus
from meterfarm.services.bill_history import bill_checks
from meterfarm.services.bills import BillQuery, list_bills, read_file, unlock_bill
from meterfarm.services.currencies import currency_of
from meterfarm.storage.customers import Role
from meterfarm.storage.data import FoundBill
from meterfarm.web.dashboard.access import NO_SUCH_PAGE, Refused, changes, in_thread, to
from meterfarm.web.dashboard.bill_view import bill_line, bill_view
from meterfarm.web.dashboard.customer_head import Seen, SeenCustomer, customer_page

router = APIRouter(prefix="/{side}/customers/{number}", include_in_schema=False)
BillNumber = Annotated[int, Path(ge=1, lt=2**31)]
Place = Annotated[int, Query(ge=0, lt=2**31)]
_A_PAGE = 36
_SOURCES = {
    BillSource.API: "upload",
    BillSource.EMAIL: "e-mail",
}
_FILE = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What a browser shows a PDF with brings its own style."""
_DRAWING = ThreadPoolExecutor(2, thread_name_prefix="pages")
"""So many bills are drawn at once, however many are looked at."""
_NOT_DRAWN = """<svg xmlns="http://www.w3.org/2000/svg" width="520" height="160">
<rect width="520" height="160" fill="#fff"/>
<text x="260" y="86" text-anchor="middle" font-family="sans-serif" font-size="17" fill="#51605a">
These pages cannot be drawn here. Open the PDF to see them.</text></svg>
"""


@router.get("")
async def bills(request: Request, seen: Seen, after: Place = 0) -> Response:
    """The newest bills, or those that come ``after`` so many."""
    return await in_thread(_bills, request, seen, after)


def _bills(request: Request, seen: SeenCustomer, after: int) -> Response:
    rendering = seen.asking.web.bills
    found, more = list_bills(seen.store, seen.holder, BillQuery(limit=_A_PAGE, offset=after), rendering)
    currencies = _currencies(seen)
    lines = [
        bill_line(fields, currencies.get(fields["account_number"] or "", ""))
        for fields in rendering.of_all(seen.store, found, gas_as_text=False)
    ]
    values: dict[str, Any] = {
        "bills": lines,
        "has_accounts": len(currencies) > 1,
        "older": after + _A_PAGE if more else 0,
        "after": after,
    }
    return customer_page(request, seen, "customer_bills", values)


def _currencies(seen: SeenCustomer) -> dict[str, str]:
    """Of the customer's accounts, by number, by where they are."""
    accounts = seen.store.accounts.list(seen.holder)
    return {stored.account.number: currency_of(stored.account, ()) for stored in accounts}


def seen_bill(seen: SeenCustomer, number: int) -> FoundBill:
    """A bill of the customer's.

    Raises:
        Refused: they have no such bill.
    """
    found = seen.store.bills.by_id(number)
    if found is None or found.customer_id != seen.holder.id:
        raise Refused(404, *NO_SUCH_PAGE)
    return found


@router.get("/bills/{bill}")
async def bill(request: Request, seen: Seen, bill: BillNumber) -> Response:
    """A bill beside its pages; of a locked one what the API shows."""
    return await in_thread(_bill, request, seen, bill)


def _bill(request: Request, seen: SeenCustomer, number: int) -> Response:
    found = seen_bill(seen, number)
    fields = seen.asking.web.bills.of_all(seen.store, [found], gas_as_text=False)[0]
    is_locked = fields["status"] == BillStatus.LOCKED.value
    history = bill_checks(seen.store, found)
    currency = _currencies(seen).get(found.account_number or "", "")
    source = _SOURCES.get(found.source, "the utility's portal")
    values = {
        "bill": bill_view(fields, history, currency, source),
        "file": "" if is_locked else f"{seen.path}/bills/{number}/file",
        "at_bill": f"{seen.path}/bills/{number}",
    }
    return customer_page(request, seen, "customer_bill", values)


@router.get("/bills/{bill}/file")
async def bill_pdf(request: Request, seen: Seen, bill: BillNumber) -> Response:
    """The PDF, as the utility made it."""
    found = await in_thread(seen_bill, seen, bill)
    content, headers = await in_thread(_pdf, seen, found)
    if _is_known(request, headers):
        return Response(status_code=304, headers=headers)
    day = f"-{found.billed_on.isoformat()}" if found.billed_on is not None else ""
    headers |= {"Content-Disposition": f'inline; filename="bill-{bill}{day}.pdf"'}
    return Response(content, 200, headers, "application/pdf")


@router.get("/bills/{bill}/pages.png")
async def bill_pages(request: Request, seen: Seen, bill: BillNumber) -> Response:
    """The first pages of the PDF as a picture; one that says so if they cannot be drawn."""
    found = await in_thread(seen_bill, seen, bill)
    content, headers = await in_thread(_pdf, seen, found)
    if _is_known(request, headers):
        return Response(status_code=304, headers=headers)
    try:
        drawn = await asyncio.get_running_loop().run_in_executor(_DRAWING, pages_picture, content)
    except FormatError:
        return Response(_NOT_DRAWN, 422, headers, "image/svg+xml")
    return Response(drawn, 200, headers, "image/png")


def _pdf(seen: SeenCustomer, found: FoundBill) -> tuple[bytes, dict[str, str]]:
    """The bytes, and what is sent with them.

    Raises:
        Refused: the store has lost them.
    """
    content = read_file(seen.store, found)
    kept = seen.store.bills.file(found.id)
    if content is None or kept is None:
        raise Refused(404, "The bill's file is lost here", "It comes back with the next visit to the portal.")
    return content, _FILE | {"ETag": f'"{kept.sha256}"'}


def _is_known(request: Request, headers: dict[str, str]) -> bool:
    return headers["ETag"] in request.headers.get("if-none-match", "")


@router.post("/bills/{bill}/unlock", dependencies=[changes(Role.MEMBER)])
async def unlock(seen: Seen, bill: BillNumber) -> Response:
    """The bill is unlocked for good."""
    await in_thread(_unlock, seen, bill)
    return to(f"{seen.path}/bills/{bill}", done="unlocked")


def _unlock(seen: SeenCustomer, number: int) -> None:
    unlock_bill(seen.store, seen_bill(seen, number), f"user {seen.asking.user.id}")
