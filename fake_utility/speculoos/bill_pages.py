"""Billing history, ten bills a page, and each bill's PDF."""

from functools import cache
from importlib import import_module
from threading import Thread

from starlette.responses import Response

from fake_utility.speculoos.accounts import Account
from fake_utility.speculoos.billing import bills, find_bill
from fake_utility.speculoos.visits import Visit, inside_account, not_found

A_PAGE = 10


@cache
def load_printer() -> None:
    """Load the PDF library in the background, once: it takes about a second, which a sign-in can hide."""
    Thread(target=import_module, args=("fake_utility.speculoos.bill_pdf",), name="load printer").start()


@inside_account
def bills_page(visit: Visit, account: Account) -> Response:
    listed = bills(account, visit.portal.today)
    page = _page_number(visit.request.query_params.get("page", "1"))
    shown = listed[(page - 1) * A_PAGE : page * A_PAGE]
    if page > 1 and not shown:
        return not_found(visit.request)
    context = {
        "account": account,
        "bills": shown,
        "total": len(listed),
        "number": page,
        "older": page * A_PAGE < len(listed),
    }
    redesigned = visit.customer.oddities.redesigned_bills
    return visit.page("bills_redesigned.html" if redesigned else "bills.html", context)


@inside_account
def bill_document(visit: Visit, account: Account) -> Response:
    # Loaded late: it takes longer than all the rest of the start.
    from fake_utility.speculoos.bill_pdf import placeholder_pdf, render_bill

    listed = bills(account, visit.portal.today)
    bill = find_bill(account, visit.portal.today, visit.request.path_params["bill"])
    if bill is None:
        return not_found(visit.request)
    missing = visit.customer.oddities.placeholder_bill
    unavailable = missing is not None and listed.index(bill) == missing
    content = placeholder_pdf() if unavailable else render_bill(bill)
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
