"""A portal with bills alone, and its script: it says nothing of interval data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import ClassVar
from zoneinfo import ZoneInfo

from fpdf import FPDF
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from meterfarm.formats.bills.bill_text import BillText
from meterfarm.records import (
    Account,
    Bill,
    BillMeter,
    Commodity,
    Document,
    ListedBill,
    Meter,
    Outcome,
    Quantity,
    Unit,
)
from meterfarm.scrapers.outcomes import Sign
from meterfarm.scrapers.utility import Capabilities, Credentials, Utility, Verified
from meterfarm.scrapers.visit import Visit

BILLED = (date(2026, 9, 5), date(2026, 10, 5))
METER = Meter("G7", Commodity.GAS)
_TEXT = r"^Account (\d+), billed (\S+) for (\S+) to (\S+): (\d+) therms, (\d+) cents$"


class BillsOnly(Utility):
    id = "bills_only"
    name: ClassVar[str] = "Paper Gas"
    home: ClassVar[str] = ""
    hosts: ClassVar[Sequence[str]] = ()
    zone: ClassVar[ZoneInfo] = ZoneInfo("America/Chicago")
    capabilities: ClassVar[Capabilities] = Capabilities(intervals=False)
    bill_layout: ClassVar[str] = "bills_only"
    bill_layout_version: ClassVar[int] = 1
    verified: ClassVar[Verified] = Verified("unverified", date(2026, 11, 29), "a portal of the tests")
    signs: ClassVar[Sequence[Sign]] = (
        Sign(Outcome.BAD_CREDENTIALS, text="We do not know this password."),
        Sign(Outcome.ACCOUNT_LOCKED, text="This account is locked."),
    )

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        await visit.page.open("/login")
        await visit.page.fill(visit.page.label("Name"), credentials.username, secret=False)
        await visit.page.fill(visit.page.label("Password"), credentials.password.get_secret_value())
        await visit.page.press(visit.page.button("Sign in"))

    async def is_signed_in(self, visit: Visit) -> bool:
        await visit.http.get("/account")
        return True

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        return [Account((await visit.http.get("/account")).text.strip(), meters=(METER,))]

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        listed = (await visit.http.get("/bills")).text.split()
        return [ListedBill(day, f"/{day}.pdf", date.fromisoformat(day)) for day in listed]

    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        return await visit.http.document(bill.url)

    def read_bill(self, text: Sequence[str]) -> Bill:
        number, billed_on, start, to, therms, cents = BillText(text).field(_TEXT, "line of its totals")
        period = date.fromisoformat(start), date.fromisoformat(to)
        used = BillMeter(METER.id, METER.commodity, *period, Quantity(int(therms), 0, Unit.THERM))
        return Bill(
            account_number=number,
            billed_on=date.fromisoformat(billed_on),
            due_on=None,
            billing_period_from=period[0],
            billing_period_to=period[1],
            total_amount=int(cents),
            outstanding_balance=0,
            gas_amount=int(cents),
            meters=[used],
        )


UTILITY = BillsOnly()


def routes() -> list[BaseRoute]:
    """Of a customer who is signed in."""
    return [
        Route("/account", _text("12")),
        Route("/bills", _text(" ".join(map(str, BILLED)))),
        Route("/{day}.pdf", _pdf),
    ]


def pdf(day: str) -> bytes:
    """The bill of a day."""
    made = FPDF()
    made.add_page()
    made.set_font("helvetica")
    made.cell(text=f"Account 12, billed {day} for {day[:7]}-01 to {day[:7]}-04: 31 therms, 2940 cents")
    return bytes(made.output())


def _text(words: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(_: Request) -> Response:
        return PlainTextResponse(words)

    return page


async def _pdf(request: Request) -> Response:
    return Response(pdf(request.path_params["day"]), media_type="application/pdf")
