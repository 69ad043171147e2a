"""Billing history, ten bills a page, and each bill's PDF."""

from starlette.responses import JSONResponse, Response

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.billing import Bill
from meterfarm.fake_utility.speculoos_power.documents import bill_content, listed_bills, signed_address
from meterfarm.fake_utility.speculoos_power.visits import Visit, inside_account, not_found

A_PAGE = 10
WAYS = {
    "bill-download": "download",
    "bill-popup": "popup",
    "bill-blob": "blob",
    "bill-viewer": "viewer",
}
"""How a script of the page hands bills over, in place of a link."""


@inside_account
def bills_page(visit: Visit, account: Account) -> Response:
    """A page of the list of bills."""
    listed = listed_bills(visit.customer, account, visit.portal.today)
    page = _page_number(visit.request.query_params.get("page", "1"))
    shown = listed[(page - 1) * A_PAGE : page * A_PAGE]
    if page > 1 and not shown:
        return not_found(visit.request)
    template = "bills_redesigned.html" if visit.customer.oddities.redesigned_bills else "bills.html"
    return visit.kept_page(
        template,
        lambda: {
            "account": account,
            "bills": shown,
            "total": len(listed),
            "number": page,
            "older": page * A_PAGE < len(listed),
            "way": next((way for name, way in WAYS.items() if visit.customer.has(name)), None),
        },
        page,
    )


@inside_account
def bill_document(visit: Visit, account: Account) -> Response:
    """A bill's PDF."""
    place, bill = _wanted(visit, account)
    if bill is None:
        return not_found(visit.request)
    if visit.customer.has("signed-redirect"):
        return Response(status_code=302, headers={"Location": signed_address(bill)})
    return _document(visit, place, bill, "attachment")


@inside_account
def signed_document(visit: Visit, account: Account) -> Response:
    """A bill's PDF by its signed address."""
    place, bill = _wanted(visit, account)
    request = visit.request
    asked = f"{request.url.path}?{request.scope['query_string'].decode('latin-1')}"
    if bill is None or asked != signed_address(bill):
        return not_found(request)
    return _document(visit, place, bill, "inline")


@inside_account
def bill_link(visit: Visit, account: Account) -> Response:
    """The signed address of a bill."""
    _, bill = _wanted(visit, account)
    return JSONResponse({"url": signed_address(bill)}) if bill else not_found(visit.request)


@inside_account
def bill_viewer(visit: Visit, account: Account) -> Response:
    """A page that shows a bill."""
    _, bill = _wanted(visit, account)
    return visit.page("viewer.html", {"bill": bill}) if bill else not_found(visit.request)


def _wanted(visit: Visit, account: Account) -> tuple[int, Bill | None]:
    """The bill that is asked for, and its place in the list."""
    listed = enumerate(listed_bills(visit.customer, account, visit.portal.today))
    wanted = visit.request.path_params["bill"]
    return next(((place, bill) for place, bill in listed if bill.id == wanted), (0, None))


def _document(visit: Visit, place: int, bill: Bill, disposition: str) -> Response:
    content = bill_content(visit.portal.kept, visit.customer, place, bill)
    visit.portal.served_bill(visit.customer, visit.session)
    return Response(
        content,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'{disposition}; filename="bill.pdf"',
            "Cache-Control": "private, no-store",
        },
    )


def _page_number(text: str) -> int:
    """The page asked for; the first if it is not a number."""
    return max(1, int(text)) if text.isdecimal() and len(text) < 6 else 1
