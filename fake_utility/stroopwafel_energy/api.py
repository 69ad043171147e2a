"""The host of the data: JSON for who shows a bearer token."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.billing import Bill
from meterfarm.fake_utility.kit.calendar import ONE_DAY, days
from meterfarm.fake_utility.kit.charges import UNITS
from meterfarm.fake_utility.kit.readings import day_total
from meterfarm.fake_utility.stroopwafel_energy.customers import Subscriber
from meterfarm.fake_utility.stroopwafel_energy.documents import listed_bills, statement
from meterfarm.fake_utility.stroopwafel_energy.numbers import checked, dashed, key, zeroed
from meterfarm.fake_utility.stroopwafel_energy.portal import Company, company_of
from meterfarm.fake_utility.stroopwafel_energy.views import answer, json_fields, refusal

A_PAGE = 3
CAPPED_MONTHS = 24
_PAID_BEFORE = timedelta(days=9)
_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, with a bearer token that holds."""

    request: Request
    company: Company
    customer: Subscriber
    family: str


View = Callable[[Caller], Awaitable[Response]]
AccountView = Callable[[Caller, Account], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def bearer(view: View) -> Endpoint:
    """The view is for who shows a bearer token."""

    @wraps(view)
    async def endpoint(request: Request) -> Response:
        company = company_of(request)
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        found = company.families.bearer(shown) if scheme.lower() == "bearer" else None
        customer = company.find(found.username) if found else None
        if found is None or customer is None:
            return refusal(401, "TOKEN_INVALID", "The access token is missing or has expired.", _CHALLENGE)
        if customer.oddities.gate == "maintenance":
            words = "My Account is down for planned maintenance. We will be back in a few hours."
            return refusal(503, "MAINTENANCE", words, {"Retry-After": "3600"})
        company.counters.of(customer.username).pages += 1
        return await view(Caller(request, company, customer, found.family))

    return endpoint


def of_account(view: AccountView) -> Endpoint:
    """The view is for the account with the key in the path or the query, which must be the caller's own."""

    @bearer
    @wraps(view)
    async def with_account(caller: Caller) -> Response:
        request = caller.request
        wanted = request.path_params.get("account") or request.query_params.get("account")
        account = next((each for each in caller.customer.accounts if key(each) == wanted), None)
        return await view(caller, account) if account else not_found()

    return with_account


def not_found() -> Response:
    """For what is not there, or another customer's."""
    return refusal(404, "NOT_FOUND", "There is no such thing.")


@bearer
async def me(caller: Caller) -> Response:
    """Who the caller is, and what stands between them and their account."""
    customer, settled = caller.customer, caller.customer.username in caller.company.memory.settled
    data: dict[str, object] = {"name": customer.name, "email": customer.username, "interstitial": None}
    if customer.oddities.gate == "terms" and not settled:
        data["interstitial"] = "terms"
    elif left := _put_before(caller):
        data["interstitial"] = left[0]
    elif customer.oddities.gate == "splash":
        data["splash"] = {"title": "Summer is coming.", "words": "Something sweet is in the oven."}
    return answer({"data": data})


def _put_before(caller: Caller) -> list[str]:
    """What is put before the account and can be put off, until the next sign-in; what was, is left out."""
    customer, company = caller.customer, caller.company
    wanted = {
        "enrolment": customer.has("enrolment-nag"),
        "paperless": customer.paperless and customer.username not in company.memory.settled,
        "contact": customer.has("confirm-contact"),
    }
    return [what for what, on in wanted.items() if on and (caller.family, what) not in company.put_off]


@bearer
async def settle(caller: Caller) -> Response:
    """The customer answered what stood in between; "later" holds until the next sign-in."""
    fields = await json_fields(caller.request)
    if fields.get("accept") is True or fields.get("choice") == "enroll":
        caller.company.memory.settled.add(caller.customer.username)
    elif fields.get("choice") == "later":
        caller.company.put_off.add((caller.family, caller.request.path_params["what"]))
    else:
        return refusal(400, "BAD_REQUEST", "That is no answer.")
    return answer({"data": {}})


@bearer
async def accounts(caller: Caller) -> Response:
    """Some of the customer's accounts, from a cursor on."""
    cursor = caller.request.query_params.get("cursor", "")
    start = int(cursor) if cursor.isdecimal() and len(cursor) < 4 else 0
    mine = caller.customer.accounts
    shown = [_listed(account) for account in mine[start : start + A_PAGE]]
    following = str(start + A_PAGE) if start + A_PAGE < len(mine) else None
    return answer({"data": {"items": shown, "next": following, "total": len(mine)}})


def _listed(account: Account) -> dict[str, object]:
    return {
        "id": key(account),
        "accountNumber": dashed(account),
        "status": "CLOSED" if account.closed else "ACTIVE",
        "holder": account.name,
        "serviceAddress": _address(account),
    }


def _address(account: Account) -> dict[str, str]:
    where = account.address
    return {"line1": where.line1, "city": where.city, "state": where.state, "zip": where.zip}


@of_account
async def account_page(caller: Caller, account: Account) -> Response:
    """An account with its meters; some are shown another one at first."""
    mine, asked = caller.customer.accounts, (caller.customer.username, key(account))
    if caller.customer.has("wrong-account-shown") and asked not in caller.company.shown:
        caller.company.shown.add(asked)
        account = mine[mine.index(account) - 1]
    meters = [
        {
            "meterId": meter.id,
            "commodity": meter.commodity.upper(),
            "rate": meter.tariff,
            "servicePoint": meter.service_number,
        }
        for meter in account.meters
    ]
    return answer({"data": {**_listed(account), "accountNumber": zeroed(account), "meters": meters}})


@of_account
async def bills(caller: Caller, account: Account) -> Response:
    """The current bill, and the months before with their payments; never more than 24 of them."""
    listed = listed_bills(account, caller.company.today)
    current = None
    if listed and not account.closed:
        newest, listed = listed[0], listed[1:]
        current = {
            "id": newest.id,
            "date": str(newest.billed_on),
            "dueDate": str(newest.due_on),
            "amountDue": _money(newest.total_cents),
        }
    history = [item for bill in listed for item in _with_payment(bill)]
    name = "entries" if caller.customer.oddities.redesigned_bills else "history"
    return answer(
        {
            "data": {
                "accountNumber": checked(account),
                "cappedMonths": CAPPED_MONTHS,
                "current": current,
                name: history,
            }
        }
    )


def _with_payment(bill: Bill) -> list[dict[str, str]]:
    items = [
        {
            "type": "BILL",
            "id": bill.id,
            "date": str(bill.billed_on),
            "amount": _money(bill.total_cents),
        }
    ]
    if bill.payments_cents > 0:
        paid = bill.billed_on - _PAID_BEFORE
        items.append({"type": "PAYMENT", "date": str(paid), "amount": _money(-bill.payments_cents)})
    return items


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


@of_account
async def bill_document(caller: Caller, account: Account) -> Response:
    """An older bill: base64 in lines, or hexadecimal digits, within JSON. The newest is not here."""
    today, wanted = caller.company.today, caller.request.path_params["bill"]
    listed = list(enumerate(listed_bills(account, today)))
    older = listed if account.closed else listed[1:]
    place, bill = next(((place, bill) for place, bill in older if bill.id == wanted), (0, None))
    if bill is None:
        return not_found()
    if caller.customer.oddities.placeholder_bill == place:
        return answer({"data": None, "message": "This bill is not available right now."})
    pdf = statement(caller.company.kept, caller.company.brand, bill)
    content = pdf.hex() if caller.customer.has("encoded-bill") else base64.encodebytes(pdf).decode()
    caller.company.serve_bill(caller.customer, caller.family)
    data = {"fileName": "bill.pdf", "contentType": "application/pdf", "content": content}
    return answer({"data": data})


@of_account
async def bill_link(caller: Caller, account: Account) -> Response:
    """The address of the newest bill, which is good for a minute."""
    listed = listed_bills(account, caller.company.today)
    if not listed or account.closed:
        return not_found()
    text = caller.company.links.make(caller.customer.username, listed[0].id, caller.family)
    address = f"https://{caller.company.brand.my}/documents/statement.pdf?d={text}"
    return answer({"data": {"url": address, "expiresIn": 60}})


@of_account
async def usage(caller: Caller, account: Account) -> Response:
    """What the meters counted on each of the last 30 days."""
    today = caller.company.today
    shown = days(today - 30 * ONE_DAY, today - ONE_DAY)
    return answer(
        {
            "data": [
                {
                    "meterId": meter.id,
                    "unit": UNITS[meter.commodity],
                    "daily": [
                        {"day": str(day), "thousandths": day_total(meter, "delivered", day)} for day in shown
                    ],
                }
                for meter in account.meters
                if not meter.new and not account.closed
            ]
        }
    )
