"""Where Stroopwafel Energy's data is: accounts, bills and exports, all by its API once signed in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from meterfarm.formats.archive import unpack
from meterfarm.formats.tables.interval_csv import read_interval_csv
from meterfarm.mfa.mailbox import CodeMail
from meterfarm.mfa.text_message import CodeText
from meterfarm.records import (
    Account,
    Bill,
    Document,
    IntervalData,
    Issue,
    ListedBill,
    Meter,
    Outcome,
    Series,
)
from meterfarm.scrapers.http.body import EXPORT
from meterfarm.scrapers.outcomes import ItemFailed, NothingThere, Sign, Stop
from meterfarm.scrapers.utility import AvailableIntervals, Capabilities, Verified
from meterfarm.utilities._families.azure_b2c import IDENTITY_SIGNS, AzureB2C, all_pages
from meterfarm.utilities._families.json_documents import one_document
from meterfarm.utilities.stroopwafel_energy import answers
from meterfarm.utilities.stroopwafel_energy.bill import read_bill
from meterfarm.utilities.stroopwafel_energy.layouts import LAYOUTS

if TYPE_CHECKING:
    from meterfarm.scrapers.visit import Visit


_LOOKS = 3
_NOTHING = b"NO DATA FOUND"
_MAINTENANCE = "My Account is down for planned maintenance. We will be back in a few hours."


def mails(company: str, domain: str) -> Sequence[CodeMail]:
    """The mails in which a company sends codes."""
    return [
        CodeMail(
            senders=(f"verification@{domain}",),
            subject=rf"^{re.escape(company)}: your security code$",
            pattern=r"enter this code:\s+(\d{6})\b",
        )
    ]


def texts(company: str, sender: str) -> Sequence[CodeText]:
    """The text messages in which a company sends codes."""
    return [CodeText(senders=(sender,), pattern=rf"^(\d{{6}}) is your {re.escape(company)} security code\b")]


class StroopwafelEnergy(AzureB2C):
    """Stroopwafel Energy's portal. A sister's has another name and domain, and others send its codes."""

    id = "stroopwafel_energy"
    name: ClassVar[str] = "Stroopwafel Energy"
    domain: ClassVar[str] = "stroopwafel.example"
    parts: ClassVar[Sequence[str]] = ("widget",)
    tenant: ClassVar[str] = "stroopwafelcustomers.onmicrosoft.com"
    client: ClassVar[str] = "stroopwafel_energy-web"
    mail_codes: ClassVar[Sequence[CodeMail]] = mails(name, domain)
    text_codes: ClassVar[Sequence[CodeText]] = texts(name, "+18885550177")
    zone: ClassVar[ZoneInfo] = ZoneInfo("America/New_York")
    capabilities: ClassVar[Capabilities] = Capabilities(
        granularities=(900, 3600),
        history_days=2 * 365,
        expected_lag=timedelta(days=1),
        longest_export_days={900: 366, 3600: 366},
    )
    restated_days: ClassVar[int] = 1
    meter_attributes: ClassVar[Sequence[str]] = ("service_number",)
    trust_days: ClassVar[int | None] = 180
    settle_seconds: ClassVar[float] = 1.0
    bill_layout: ClassVar[str] = "stroopwafel_energy"
    bill_layout_version: ClassVar[int] = 1
    is_fake: ClassVar[bool] = True
    verified: ClassVar[Verified] = Verified(
        "verified", date(2026, 11, 30), "tests/ drive it against fake_utility/"
    )
    inside: ClassVar[Sequence[Sign]] = (
        Sign("overview", heading="Overview", path=r"^/account/"),
        Sign("choice of accounts", heading="Choose an account", hash=r"^#/accounts$"),
        Sign("nothing", heading="No accounts yet"),
    )
    signs: ClassVar[Sequence[Sign]] = (
        *IDENTITY_SIGNS,
        Sign(Outcome.ACTION_REQUIRED, heading="Our terms of use have changed"),
        Sign(Outcome.MAINTENANCE, pointer="/error/message", value=_MAINTENANCE),
    )

    async def is_signed_in(self, visit: Visit) -> bool:
        """See ``Utility``; asked of the API."""
        # not caught: whoever is signed out is so at the next request, too
        await visit.http.get(self.at("api", "/v1/me"))
        return True

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        """See ``Utility``; closed ones too, since their bills are still there."""
        keys = [str(item["id"]) async for item in all_pages(visit, self.at("api", "/v1/accounts"))]
        return [await self._account(visit, key) for key in keys]

    async def _account(self, visit: Visit, key: str) -> Account:
        """The account with this key, whichever the portal shows at first."""
        for _ in range(_LOOKS):
            found = answers.account(await visit.http.get(self.at("api", f"/v1/accounts/{key}")))
            if found.key == key:
                return found
        raise Stop(Outcome.LAYOUT_CHANGED, f"{self.name} shows another account than was asked for.")

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        """See ``Utility``: 24 months, the newest of which has an address of its own."""
        return answers.bills(await visit.http.get(self.at("api", f"/v1/accounts/{account.key}/bills")))

    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        """See ``Utility``: within JSON; the newest by a link that is good for a minute, as in its popup."""
        if bill.url.endswith(answers.LINK):
            link = await visit.http.post(bill.url, json={}, repeatable=True)
            return await visit.http.document(link.at("/data/url", str))
        answer = await one_document(visit, bill.url)
        if not answer.at("/data", dict, {}):
            raise ItemFailed(f"{self.name} says: “{answer.at('/message', str, 'no bill')}”")
        # not caught: nobody compares the name of a file
        return visit.capture_from(answer, "/data/content", answer.at("/data/fileName", str, ""))

    def read_bill(self, text: Sequence[str]) -> Bill:
        """See ``Utility`` and ``bill.py``."""
        return read_bill(text)

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        """See ``Utility``; none of a closed account."""
        address = self.at("widget", "/export/api/meters")
        return answers.available(await visit.http.get(address, {"account": account.key}))

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        """See ``Utility``; what the widget in the portal's iframe downloads."""
        made = await visit.http.document(
            self.at("widget", "/export/api/usage.zip"),
            {"account": account.key, "meter": meter.id, "from": str(first), "to": str(last)},
            limit=EXPORT,
        )
        if made.media_type == "application/json" and _NOTHING in made.content:
            raise NothingThere(f"{self.name} says: “{_NOTHING.decode()}”")
        return made

    def read_intervals(self, document: Document, meter: Meter) -> IntervalData:
        """See ``Utility``: a table for each direction in a ZIP, named by the days that it is of."""
        series: list[Series] = []
        issues: list[Issue] = []
        covers = None
        for name, content in unpack(document.content, document.name):
            read = read_interval_csv(content, self.zone, LAYOUTS)
            series += read.series
            issues += read.issues
            covers = answers.days_of(name) or covers
        return IntervalData(series, issues, covers)
