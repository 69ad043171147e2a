"""Bills that somebody of the company has as PDFs: uploaded, each answered with which customer it is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from meterfarm.records import BillStatus
from meterfarm.services.bills import LARGEST_UPLOAD, BillUpload, NotAPdf, upload_bill
from meterfarm.services.errors import NotFound, ServiceError
from meterfarm.storage.customers import Customer, Role
from meterfarm.storage.data import FoundBill
from meterfarm.storage.store import CompanyStore
from meterfarm.support.foreign_text import NAME, one_line
from meterfarm.web.dashboard.access import Visiting, Visitor, changes, in_thread
from meterfarm.web.dashboard.pages import shown_page
from meterfarm.web.forms import FormRefused, uploaded
from meterfarm.web.pages import rendered

router = APIRouter(prefix="/{side}/uploads", include_in_schema=False)
CustomerNumber = Annotated[int, Query(ge=0, lt=2**31)]
_WORDS = {
    BillStatus.UNLOCKED: "It is read.",
    BillStatus.LOCKED: "It is read, and locked.",
    BillStatus.UNPARSED: "It is kept, and read as soon as a layout can.",
    BillStatus.NOT_SUPPORTED: "It is kept. It is encrypted or a picture: nothing reads it.",
}
_NOBODYS = "Whose it is cannot be read from it: upload it from the customer's page."


@dataclass(frozen=True, slots=True)
class GivenFile:
    """What became of a file: of which customer it is (0: nobody's yet), or why it was not taken."""

    name: str
    words: str
    is_taken: bool
    customer_id: int = 0
    customer: str = ""
    bill_id: int = 0


@router.get("")
async def uploads(request: Request, asking: Visiting, customer: CustomerNumber = 0) -> Response:
    """Takes bills; with a customer's number, of that one."""
    return await in_thread(_page, request, asking, customer)


@router.post("", dependencies=[changes(Role.MEMBER)])
async def upload(
    request: Request, asking: Visiting, customer: CustomerNumber = 0, line: str = ""
) -> Response:
    """One file. A script asks with its name, ``line``, for what the list has of it alone."""
    owner = await in_thread(_customer, asking.store, customer)
    name = one_line(line, NAME)

    async def keep(content: bytes, given: str) -> FoundBill:
        nonlocal name
        name = one_line(given, NAME)
        return await upload_bill(asking.store, BillUpload(content, given, owner))

    status = 422
    try:
        web = asking.web
        bill = await uploaded(request, LARGEST_UPLOAD, web.public_url, web.uploading, keep)
    except NotAPdf:
        became = GivenFile(name, "It is no PDF, or a damaged one. Nothing of it is kept.", is_taken=False)
    except ServiceError as refused:
        became = GivenFile(name, str(refused), is_taken=False)
    except FormRefused as refused:
        became, status = GivenFile(name, str(refused), is_taken=False), refused.status
    else:
        became, status = await in_thread(_became, asking.store, bill, name), 200
    if line:
        text = rendered("dashboard/given_file.html", {"each": became, "path": asking.path})
        return HTMLResponse(text, status, {"Cache-Control": "no-store"})
    return await in_thread(_page, request, asking, customer, became, status)


def _customer(store: CompanyStore, number: int) -> Customer | None:
    """The one with this number, None for 0.

    Raises:
        NotFound: there is none.
    """
    found = store.customers.by_id(number) if number else None
    if number and found is None:
        raise NotFound(f"There is no customer {number}.")
    return found


def _became(store: CompanyStore, bill: FoundBill, name: str) -> GivenFile:
    words = _WORDS[bill.status]
    if bill.customer_id is None:
        return GivenFile(name, f"{words} {_NOBODYS}", is_taken=True)
    return GivenFile(name, words, True, bill.customer_id, _called(store, bill.customer_id), bill.id)


def _called(store: CompanyStore, number: int) -> str:
    record = store.customers.record(number)
    profile = record.profile if record else None
    names = " ".join(filter(None, (profile.first_name, profile.last_name))) if profile else ""
    return names or (profile.email if profile else None) or f"Customer {number}"


def _page(
    request: Request,
    asking: Visitor,
    number: int,
    became: GivenFile | None = None,
    status: int = 200,
) -> Response:
    owner = _customer(asking.store, number)
    values = {
        "number": number,
        "owner": _called(asking.store, number) if owner else "",
        "given": [became] if became else [],
        "most": LARGEST_UPLOAD // 1024**2,
    }
    return shown_page(request, asking, "uploads", values, status)
