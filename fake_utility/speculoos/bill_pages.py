"""Billing history, ten bills a page, and each bill's PDF."""

from functools import cache
from importlib import import_module
from threading import Thread

from starlette.responses import Response

from meterfarm.fake_utility.speculoos.accounts import Account
from meterfarm.fake_utility.speculoos.billing import Bill, bills
from meterfarm.fake_utility.speculoos.customers import Customer
from meterfarm.fake_utility.speculoos.portal import Portal
from meterfarm.fake_utility.speculoos.visits import Visit, inside_account, not_found

A_PAGE = 10


@cache
def load_printer() -> None:
    """Load the PDF library in the background, once: it takes about a second, which a sign-in can hide."""
    Thread(
        target=import_module, args=("meterfarm.fake_utility.speculoos.bill_pdf",), name="load printer"
    ).start()


@inside_account
def bills_page(visit: Visit, account: Account) -> Response:
    """A page of the list of bills."""
    listed = bills(account, visit.portal.today)
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
        },
        page,
    )


def bill_content(portal: Portal, customer: Customer, place: int, bill: Bill) -> bytes:
    """The PDF of the bill at a place in the list (0 is the newest)."""
    # Loaded late: it takes longer than all the rest of the start.
    from meterfarm.fake_utility.speculoos.bill_pdf import placeholder_pdf, render_bill

    if customer.oddities.placeholder_bill == place:
        return placeholder_pdf()
    return portal.kept.get((bill.account.number, bill.id), lambda: render_bill(bill))


@inside_account
def bill_document(visit: Visit, account: Account) -> Response:
    """A bill's PDF."""
    listed = enumerate(bills(account, visit.portal.today))
    wanted = visit.request.path_params["bill"]
    place, bill = next(((place, bill) for place, bill in listed if bill.id == wanted), (0, None))
    if bill is None:
        return not_found(visit.request)
    content = bill_content(visit.portal, visit.customer, place, bill)
    visit.portal.served_bill(visit.customer, visit.session)
    return Response(
        content,
        media_type="application/pdf",
        headers={
            "Content-Disposition": 'attachment; filename="bill.pdf"',
            "Cache-Control": "private, no-store",
        },
    )


def _page_number(text: str) -> int:
    """The page asked for; the first if it is not a number."""
    return max(1, int(text)) if text.isdecimal() and len(text) < 6 else 1
