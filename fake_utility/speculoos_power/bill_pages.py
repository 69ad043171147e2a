"""Billing history, ten bills a page, and each bill's PDF."""

from starlette.responses import Response

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.billing import bills
from meterfarm.fake_utility.speculoos_power.documents import bill_content
from meterfarm.fake_utility.speculoos_power.visits import Visit, inside_account, not_found

A_PAGE = 10


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


@inside_account
def bill_document(visit: Visit, account: Account) -> Response:
    """A bill's PDF."""
    listed = enumerate(bills(account, visit.portal.today))
    wanted = visit.request.path_params["bill"]
    place, bill = next(((place, bill) for place, bill in listed if bill.id == wanted), (0, None))
    if bill is None:
        return not_found(visit.request)
    content = bill_content(visit.portal.kept, visit.customer, place, bill)
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
