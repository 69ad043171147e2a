"""Portals of NISC SmartHub: a co-op's own host, one page, services in JSON behind a session and a token.

An authenticator's code goes out with user name and password. An export is a job that is asked about until it
is made. Times are those of the local clock, as milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from meterfarm.mfa.port import Code
from meterfarm.records import (
    Account,
    AccountStatus,
    Address,
    Challenge,
    Commodity,
    Document,
    Factor,
    IntervalData,
    ListedBill,
    Meter,
    Outcome,
)
from meterfarm.scrapers.http.body import EXPORT
from meterfarm.scrapers.outcomes import ExportFailed, Sign, Stop
from meterfarm.scrapers.utility import AvailableIntervals, Credentials, Utility
from meterfarm.utilities._families.json_documents import one_document
from meterfarm.utilities._families.smarthub_usage import are_all_null, read_usage

if TYPE_CHECKING:
    from meterfarm.scrapers.http.response import HttpResponse
    from meterfarm.scrapers.visit import Visit

_SERVICES = "/services/secured"
_EXPORT = f"{_SERVICES}/usage/export"
_POLL_SECONDS, _PATIENCE_SECONDS = 0.5, 10.0
"""Between two looks at an export; how long until it is left to a later run."""
_COMMODITIES = {"ELECTRIC": Commodity.ELECTRIC, "GAS": Commodity.GAS}

_FORM = Sign("form", heading="Member sign in")
_INSIDE = Sign("inside", hash=r"^#/home$")
_CODE = Sign("code", text="Open your authenticator app")
_WRONG = Sign("wrong code", text="That code is not right.")
# not caught: no customer of the fake portal enters a code twice
_USED = Sign("used code", text="That code was used before.")
_AFTER = (_INSIDE, _WRONG, _USED)
_UNKNOWN_JOB = Sign(
    "unknown job",
    pointer="/status",
    value="UNKNOWN_JOB",  # not caught: no fake portal forgets an export while it is made
)


class SmartHub(Utility):
    """What every co-op's script does; one declares its name, its ``home`` and the layout of its bills."""

    hosts: ClassVar[Sequence[str]] = ()
    factors: ClassVar[frozenset[Factor]] = frozenset({Factor.TOTP})
    meter_attributes: ClassVar[Sequence[str]] = ("service_number",)
    restated_days: ClassVar[int] = 1
    settle_seconds: ClassVar[float] = 1.0
    signs: ClassVar[Sequence[Sign]] = (
        Sign(
            Outcome.BAD_CREDENTIALS, text="The username or password you entered does not match our records."
        ),
        Sign(Outcome.ACCOUNT_LOCKED, text="Your profile is locked."),
        Sign(Outcome.PASSWORD_CHANGE_REQUIRED, heading="Choose a new password"),
        Sign(Outcome.ACTION_REQUIRED, heading="Updated terms of use"),
        Sign(Outcome.CAPTCHA, heading="Show us you are a person"),
        Sign(Outcome.MAINTENANCE, text="SmartHub is being updated"),
        Sign(Outcome.MFA_FAILED, text="Too many wrong codes."),
        _UNKNOWN_JOB,
    )

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        """See ``Utility``; the password goes out again with the code."""
        page = visit.page
        await page.open("/ui/#/login")
        await page.arrive(_FORM)
        await page.fill(page.label("Username"), credentials.username, secret=False)
        await page.fill(page.label("Password"), credentials.password.get_secret_value())
        await page.check(page.label("Stay signed in on this device"))
        await page.press(page.button("Sign In"), *_AFTER)
        found = await page.arrive(*_AFTER, _CODE)
        while found is not _INSIDE:
            error = "" if found is _CODE else found.text
            unanswered = Outcome.MFA_FAILED if error else Outcome.MFA_REQUIRED
            challenge = Challenge("6-digit code", Factor.TOTP, error=error)
            answer = await visit.ask(challenge, unanswered=unanswered)
            if not isinstance(answer, Code):
                raise Stop(Outcome.MFA_REQUIRED, f"{self.name} asks for a code; none was given.")
            await page.fill(page.label("6-digit code"), answer.text)
            await page.press(page.button("Sign In"), *_AFTER)
            found = await page.arrive(*_AFTER)

    async def authorise(self, visit: Visit, *, renew: bool) -> Mapping[str, str]:
        """See ``Utility``: a token that is good for minutes, for a session that lasts."""
        answer = await visit.http.post("/services/oauth/token", json={}, authorised=False, repeatable=True)
        return {"Authorization": f"Bearer {answer.at('/authorizationToken', str)}"}

    async def is_signed_in(self, visit: Visit) -> bool:
        """See ``Utility``; asked of a service."""
        # not caught: whoever is signed out is so at the next request, too
        await visit.http.get(f"{_SERVICES}/user-data")
        return True

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        """See ``Utility``."""
        answer = await visit.http.get(f"{_SERVICES}/user-data")
        count = len(answer.at("/accounts", list))
        return [_account(answer, f"/accounts/{place}") for place in range(count)]

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        """See ``Utility``; payments are listed between them."""
        answer = await visit.http.get(f"{_SERVICES}/billing/history", {"accountNumber": account.number})
        entries = [f"/history/{place}" for place in range(len(answer.at("/history", list)))]
        return [_bill(answer, at) for at in entries if answer.at(f"{at}/type", str) == "BILL"]

    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        """See ``Utility``: by a signed address that is good for a minute, which the page opens in a tab."""
        asked = {"accountNumber": account.number, "billId": bill.key}
        link = await visit.http.post(bill.url, json=asked, repeatable=True)
        return await visit.http.document(link.at("/url", str), authorised=False)

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        """See ``Utility``."""
        answer = await visit.http.get(f"{_SERVICES}/usage/summary", {"accountNumber": account.number})
        return [
            AvailableIntervals(
                answer.at(f"/meters/{place}/meterNumber", str),
                _day(answer.at(f"/meters/{place}/firstDateTime", int)),
                _day(answer.at(f"/meters/{place}/lastDateTime", int)),
            )
            for place in range(len(answer.at("/meters", list)))
        ]

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        """See ``Utility``: a job that is asked for; of days, if all that is shorter has no value."""
        asked = self._asked(account, meter, first, last)
        job = await visit.http.post(_EXPORT, json=asked, repeatable=True)
        return await self._with_values(visit, asked, job.at("/jobId", str))

    async def resume_export(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date, key: str
    ) -> Document:
        """See ``Utility``: the same job, asked about again."""
        return await self._with_values(visit, self._asked(account, meter, first, last), key)

    def _asked(self, account: Account, meter: Meter, first: date, last: date) -> Mapping[str, object]:
        return {
            "accountNumber": account.number,
            "meterNumber": meter.id,
            "startDateTime": _epoch(first),
            "endDateTime": _epoch(last),
        }

    async def _with_values(self, visit: Visit, asked: Mapping[str, object], job: str) -> Document:
        """What the job makes, or days, if all that is shorter has no value."""
        made = await self._made(visit, job)
        if not are_all_null(made.content):
            return made
        by_day = await visit.http.post(_EXPORT, json={**asked, "interval": "DAILY"}, repeatable=True)
        return await self._made(visit, by_day.at("/jobId", str))

    async def _made(self, visit: Visit, job: str) -> Document:
        poll = partial(self._look_at, visit, job)
        return await visit.until(poll, _POLL_SECONDS, _PATIENCE_SECONDS, pending=job)

    async def _look_at(self, visit: Visit, job: str) -> Document | None:
        """The export, None as long as it is not made."""
        answer = await one_document(visit, f"{_EXPORT}/{job}", EXPORT)
        match answer.at("/status", str):
            case "PENDING":
                return None
            case "COMPLETE":
                return Document(answer.content, "application/json", f"{job}.json")
            case status:
                raise ExportFailed(f"{self.name} did not make the export ({status})")

    def read_intervals(self, document: Document, meter: Meter) -> IntervalData:
        """See ``Utility``."""
        return read_usage(document.content, self.zone, meter)


def _account(answer: HttpResponse, at: str) -> Account:
    places = [f"{at}/serviceLocations/{n}" for n in range(len(answer.at(f"{at}/serviceLocations", list)))]
    return Account(
        number=answer.at(f"{at}/accountNumber", str),
        name=answer.at(f"{at}/customerName", str),
        address=Address(
            line_1=answer.at(f"{at}/address/addr1", str),
            city=answer.at(f"{at}/address/city", str),
            state=answer.at(f"{at}/address/state", str),
            postal_code=answer.at(f"{at}/address/zip", str),
        ),
        meters=[
            Meter(
                id=answer.at(f"{place}/meterNumber", str),
                commodity=_COMMODITIES.get(answer.at(f"{place}/industry", str), Commodity.OTHER),
                tariff=answer.at(f"{place}/rate", str),
                additional_attributes={"service_number": answer.at(f"{place}/serviceLocation", str)},
            )
            for place in places
        ],
        status=AccountStatus.OPEN if answer.at(f"{at}/active", bool) else AccountStatus.CLOSED,
    )


def _bill(answer: HttpResponse, at: str) -> ListedBill:
    return ListedBill(
        key=answer.at(f"{at}/billId", str),
        url=f"{_SERVICES}/billing/pdf-link",
        billed_on=_day(answer.at(f"{at}/dateTime", int)),
        total_amount=int(Decimal(answer.at(f"{at}/amount", str)) * 100),
    )


def _day(epoch: int) -> date:
    return datetime.fromtimestamp(epoch // 1000, UTC).date()


def _epoch(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
