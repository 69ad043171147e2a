"""Signing in to Speculoos Power, and where its documents are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from meterfarm.formats.archive import unpack
from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.formats.tables.interval_csv import read_interval_csv
from meterfarm.mfa.mailbox import CodeMail
from meterfarm.mfa.text_message import CodeText
from meterfarm.records import (
    Account,
    Bill,
    Document,
    Factor,
    IntervalData,
    Issue,
    ListedBill,
    Meter,
    Outcome,
    Series,
)
from meterfarm.scrapers.http.body import EXPORT
from meterfarm.scrapers.outcomes import SIGNED_OUT, Sign, Stop
from meterfarm.scrapers.utility import AvailableIntervals, Capabilities, Credentials, Utility, Verified
from meterfarm.utilities.speculoos_power import pages
from meterfarm.utilities.speculoos_power.bill import read_bill
from meterfarm.utilities.speculoos_power.challenge import CHALLENGES, Verification

if TYPE_CHECKING:
    from meterfarm.scrapers.visit import Visit

_INSIDE = Sign("inside", path=r"^/accounts(/|$)")
_NOTICE = Sign("notice", path=r"^/notice$")
_RULES = Sign("password rules", heading="Our rules for passwords have changed")
_LATER = re.compile(r"^\s*(Ask\s+me\s+later|Remind\s+me\s+later|Skip)\b", re.IGNORECASE)
_BILLS = Sign("bills", heading="Billing history")
_LOGIN = r"^/login$"
_SIGN_IN_HEADING = "Sign in to your account"
_SIGN_IN = Sign("sign_in", path=_LOGIN, heading=_SIGN_IN_HEADING)


class SpeculoosPower(Utility):
    """Speculoos Power's portal."""

    id = "speculoos_power"
    name: ClassVar[str] = "Speculoos Power"
    home: ClassVar[str] = ""
    local_url: ClassVar[str] = "http://127.0.0.1:8600"
    hosts: ClassVar[Sequence[str]] = ()
    zone: ClassVar[ZoneInfo] = ZoneInfo("America/New_York")
    capabilities: ClassVar[Capabilities] = Capabilities(
        granularities=(900, 3600),
        history_days=2 * 365,
        expected_lag=timedelta(days=1),
        longest_export_days={900: 393, 3600: 393},
    )
    restated_days: ClassVar[int] = 1
    aliases: ClassVar[Sequence[str]] = ("Speculoos",)
    factors: ClassVar[frozenset[Factor]] = frozenset(Factor)
    meter_attributes: ClassVar[Sequence[str]] = ("service_number",)
    trust_days: ClassVar[int | None] = 180
    settle_seconds: ClassVar[float] = 1.0
    side_by_side: ClassVar[frozenset[str]] = frozenset(
        {"bills", "bill_pdf", "available_intervals", "export_intervals"}
    )
    mail_codes: ClassVar[Sequence[CodeMail]] = (
        CodeMail(
            senders=("no-reply@speculoos.example",),
            subject=r"^Your Speculoos Power verification code$",
            pattern=r"verification code is\s+(\d{4,8})\b",
        ),
    )
    text_codes: ClassVar[Sequence[CodeText]] = (
        CodeText(
            senders=("+18885550142",),
            pattern=r"^Speculoos Power: your verification code is (\d{4,8})\b",
        ),
    )
    bill_layout: ClassVar[str] = "speculoos_power"
    bill_layout_version: ClassVar[int] = 1
    is_fake: ClassVar[bool] = True
    verified: ClassVar[Verified] = Verified(
        "verified", date(2026, 11, 21), "tests/ drive it against fake_utility/"
    )
    signs: ClassVar[Sequence[Sign]] = (
        Sign(Outcome.BAD_CREDENTIALS, text="The e-mail address or password you entered is incorrect."),
        Sign(Outcome.ACCOUNT_LOCKED, text="Your account has been locked."),
        Sign(Outcome.PASSWORD_CHANGE_REQUIRED, heading="Your password has expired"),
        Sign(Outcome.ACTION_REQUIRED, heading="Our terms of service have changed"),
        Sign(Outcome.ACTION_REQUIRED, heading="Enroll at our new site"),
        Sign(Outcome.ACTION_REQUIRED, heading="Tell us about your home"),
        Sign(Outcome.CAPTCHA, heading="Please confirm you are not a robot"),
        Sign(Outcome.MAINTENANCE, text="down for scheduled maintenance"),
        Sign(Outcome.MFA_FAILED, heading="Verification failed"),
        Sign(Outcome.PORTAL_DOWN, text="We could not sign you in just now."),
        # not caught: the answer's status says the same
        Sign(Outcome.PORTAL_DOWN, text="You are signed in too often."),
        Sign(SIGNED_OUT, path=_LOGIN, heading=_SIGN_IN_HEADING),
    )

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        """See ``Utility``."""
        page = visit.page
        await page.open("/login")
        await page.arrive(_SIGN_IN)
        await page.fill(page.label("E-mail address"), credentials.username, secret=False)
        await page.fill(page.label("Password"), credentials.password.get_secret_value())
        await page.check(page.label("Keep me signed in"))
        await page.press(page.button("Sign in"))
        verification, has_looked = Verification(visit), False
        while (found := await page.arrive(_INSIDE, _NOTICE, _RULES, *CHALLENGES)) is not _INSIDE:
            if found is _NOTICE:
                await page.press(page.button(_LATER))
            elif found is _RULES:
                if has_looked:
                    raise Stop(Outcome.PASSWORD_CHANGE_REQUIRED, f"{self.name} says: “{_RULES.words}”.")
                has_looked = True  # it comes up now and then although the password is good
                await page.open("/accounts")
            else:
                await verification.step(found)

    async def is_signed_in(self, visit: Visit) -> bool:
        """See ``Utility``; asked by HTTP."""
        # not caught: whoever is signed out is so at the next request, too
        await visit.http.get("/accounts")
        return True

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        """See ``Utility``."""
        landed = await visit.http.get("/accounts")
        if urlsplit(landed.url).path != "/accounts":
            return [pages.account(landed.text)]
        numbers = pages.account_numbers(landed.text)
        overviews = [await visit.http.get(f"/accounts/{number}") for number in numbers]
        return [pages.account(overview.text) for overview in overviews]

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        """See ``Utility``; from all pages of the list."""
        listed: dict[str, ListedBill] = {}
        address = f"/accounts/{account.number}/bills"
        while address:
            landed = await visit.http.get(address)
            found = pages.bills_page(landed.text)
            fresh = {
                bill.key: replace(bill, url=urljoin(address, bill.url))
                for bill in found.bills
                if bill.key not in listed
            }
            listed |= fresh
            address = urljoin(landed.url, found.older) if found.older and fresh else ""
        if len(listed) < found.total:
            what = f"says that there are {found.total} bills, and lists {len(listed)}"
            raise Stop(Outcome.LAYOUT_CHANGED, f"{self.name} {what}; the script needs mending.")
        return list(listed.values())

    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        """See ``Utility``; by the page where a script of it hands bills over."""
        address, _, key = bill.url.partition("#")
        if not key:
            return await visit.http.document(address)
        await visit.page.open(address)
        await visit.page.arrive(_BILLS)
        row = visit.page.css(f"tr:has([data-where$='/bills/{key}'])")
        return await visit.capture(row.button("View bill (PDF)"))

    def read_bill(self, text: Sequence[str]) -> Bill:
        """See ``Utility`` and ``bill.py``."""
        return read_bill(text)

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        """See ``Utility``."""
        dialog = await visit.http.get(f"/accounts/{account.number}/usage")
        return pages.available_intervals(dialog.text)

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        """See ``Utility``."""
        return await visit.http.document(
            f"/accounts/{account.number}/usage/export",
            {"meter": meter.id, "from": str(first), "to": str(last), "format": "xml"},
            limit=EXPORT,
        )

    def read_intervals(self, document: Document, meter: Meter) -> IntervalData:
        """See ``Utility``: Green Button XML or a table, or several in a ZIP."""
        series: list[Series] = []
        issues: list[Issue] = []
        for name, content in unpack(document.content, document.name):
            # not caught: the fake portal gives no table where XML is asked for
            is_table = name.endswith(".csv")
            read = read_interval_csv(content, self.zone) if is_table else read_green_button(content)
            series += read.series
            issues += [replace(each, where=f"{name}, {each.where}") for each in read.issues]
        return IntervalData(series, issues)
