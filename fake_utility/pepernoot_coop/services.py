"""What the application asks for once a member is inside: accounts, billing history, usage."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.billing import Bill
from meterfarm.fake_utility.kit.calendar import ONE_DAY, midnight
from meterfarm.fake_utility.kit.charges import UNITS
from meterfarm.fake_utility.kit.readings import day_total
from meterfarm.fake_utility.pepernoot_coop.answers import Asked, answer, refusal, service
from meterfarm.fake_utility.pepernoot_coop.data import HOME, listed_bills, local_epoch, usage_span
from meterfarm.fake_utility.pepernoot_coop.documents import bill_content
from meterfarm.fake_utility.pepernoot_coop.exports import LONGEST, BadExport
from meterfarm.fake_utility.pepernoot_coop.portal import Link, coop_of

CHART_DAYS = 30


@service
def user_data(asked: Asked) -> Response:
    """The member, and all accounts of theirs."""
    if asked.member.has("page-for-data"):
        return HTMLResponse("<!doctype html><title>SmartHub</title><h1>Something went wrong</h1>")
    accounts = [_account(asked, account) for account in asked.member.accounts]
    return answer({"status": "SUCCESS", "name": asked.member.name, "accounts": accounts})


@service
def history(asked: Asked) -> Response:
    """Bills of an account, and payments between them, newest first."""
    account = _own(asked)
    if account is None:
        return refusal("UNKNOWN_ACCOUNT", "There is no such account.", 404)
    entries = []
    for bill in listed_bills(account, asked.coop.today):
        entries.append(_bill(bill))
        entries.append(_payment(bill))
    if asked.member.oddities.redesigned_bills:
        return answer({"status": "SUCCESS", "statements": {"items": entries, "version": 2}})
    return answer({"status": "SUCCESS", "history": entries})


@service
def pdf_link(asked: Asked) -> Response:
    """A signed address of a bill's PDF, good for a minute."""
    account = _own(asked)
    bill = _find_bill(asked, account)
    if account is None or bill is None:
        return refusal("UNKNOWN_BILL", "There is no such bill.", 404)
    signed = asked.coop.link(Link(asked.member.username, account.number, bill.id, asked.session.id))
    return answer({"status": "SUCCESS", "url": f"{HOME}/documents/bill.pdf?signed={signed}"})


async def bill_document(request: Request) -> Response:
    """A bill's PDF by its signed address alone."""
    coop = coop_of(request)
    link = coop.read_link(request.query_params.get("signed", ""))
    member = coop.find(link.username) if link else None
    if link is None or member is None:
        return PlainTextResponse("This link has expired.\n", 403)
    account = next(one for one in member.accounts if one.number == link.account)
    for place, bill in enumerate(listed_bills(account, coop.today)):
        if bill.id == link.bill:
            content = bill_content(coop.kept, member, place, bill)
            found = coop.member(request)
            coop.served_bill(member, found[0] if found else None)
            headers = {
                "Content-Disposition": 'inline; filename="bill.pdf"',
                "Cache-Control": "private, no-store",
            }
            return Response(content, media_type="application/pdf", headers=headers)
    return PlainTextResponse("This bill is no longer there.\n", 404)


@service
def usage_summary(asked: Asked) -> Response:
    """For each meter of an account, the days that can be exported, and a month to look at."""
    account = _own(asked)
    if account is None:
        return refusal("UNKNOWN_ACCOUNT", "There is no such account.", 404)
    first, last = usage_span(asked.member, asked.coop.today)
    meters = [
        {
            "meterNumber": meter.id,
            "firstDateTime": local_epoch(midnight(first)),
            "lastDateTime": local_epoch(midnight(last)),
            "maximumDays": LONGEST,
            "unit": UNITS[meter.commodity],
            "daily": [
                {"day": str(day), "used": day_total(meter, "delivered", day) / 1000}
                for day in (last - n * ONE_DAY for n in range(CHART_DAYS, 0, -1))
            ],
        }
        for meter in account.meters
        if not meter.new
    ]
    return answer({"status": "SUCCESS", "meters": meters})


@service
def ask_export(asked: Asked) -> Response:
    """Begin an export."""
    try:
        job = asked.coop.jobs.ask(asked.member, asked.fields, asked.coop.clock.now(), asked.coop.today)
    except BadExport as exc:
        return refusal(str(exc), "This cannot be exported.", 400)
    return answer({"status": "PENDING", "jobId": job}, 202)


@service
def look_at_export(asked: Asked) -> Response:
    """An export's state, and its readings once it is made."""
    job = asked.coop.jobs.find(asked.request.path_params["job"], asked.member)
    if job is None:
        return refusal("UNKNOWN_JOB", "There is no such export.", 404)
    state = job.state(asked.coop.clock.now())
    if state != "COMPLETE":
        return answer({"status": state})
    asked.coop.served_export(asked.member)
    return answer({"status": state, "data": job.content(asked.coop.today)})


def _own(asked: Asked) -> Account | None:
    """The member's account that is asked about."""
    number = asked.request.query_params.get("accountNumber") or asked.fields.get("accountNumber")
    return next((one for one in asked.member.accounts if one.number == number), None)


def _find_bill(asked: Asked, account: Account | None) -> Bill | None:
    listed = listed_bills(account, asked.coop.today) if account else ()
    return next((bill for bill in listed if bill.id == asked.fields.get("billId")), None)


def _account(asked: Asked, account: Account) -> Mapping[str, Any]:
    newest = next(iter(listed_bills(account, asked.coop.today)), None)
    return {
        "accountNumber": account.number,
        "customerName": account.name,
        "active": not account.closed,
        "address": {
            "addr1": account.address.line1,
            "city": account.address.city,
            "state": account.address.state,
            "zip": account.address.zip,
        },
        "serviceLocations": [
            {
                "serviceLocation": meter.service_number,
                "meterNumber": meter.id,
                "industry": meter.commodity.upper(),
                "rate": meter.tariff,
                "netMetered": "received" in meter.directions,
            }
            for meter in account.meters
        ],
        "balance": _amount(newest.total_cents) if newest else "0.00",
        "dueDateTime": local_epoch(midnight(newest.due_on)) if newest else None,
    }


def _bill(bill: Bill) -> Mapping[str, Any]:
    return {
        "type": "BILL",
        "billId": bill.id,
        "dateTime": local_epoch(midnight(bill.billed_on)),
        "dueDateTime": local_epoch(midnight(bill.due_on)),
        "amount": _amount(bill.total_cents),
    }


def _payment(bill: Bill) -> Mapping[str, Any]:
    """What was paid of the bill before."""
    paid_on = bill.billed_on - 9 * ONE_DAY
    amount = _amount(-bill.payments_cents)
    return {"type": "PAYMENT", "dateTime": local_epoch(midnight(paid_on)), "amount": amount}


def _amount(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"
