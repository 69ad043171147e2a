"""A portal with interval data alone, and its script: it says nothing of bills."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from meterfarm.formats.tables.interval_csv import read_interval_csv
from meterfarm.records import Account, Commodity, Document, IntervalData, Meter, Outcome
from meterfarm.scrapers.outcomes import Sign
from meterfarm.scrapers.utility import AvailableIntervals, Capabilities, Credentials, Utility, Verified
from meterfarm.scrapers.visit import Visit

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 10)
METER = Meter("E8", Commodity.ELECTRIC)
HOUR = timedelta(hours=1)


class IntervalsOnly(Utility):
    id = "intervals_only"
    name: ClassVar[str] = "Hourly Data"
    home: ClassVar[str] = ""
    hosts: ClassVar[Sequence[str]] = ()
    zone: ClassVar[ZoneInfo] = ZoneInfo("America/Chicago")
    capabilities: ClassVar[Capabilities] = Capabilities(
        bills=False, granularities=(900, 3600), longest_export_days={900: 2, 3600: 5}
    )
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

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        return [AvailableIntervals(METER.id, FIRST, LAST, granularity=3600)]

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        return await visit.http.document(f"/export/{first}/{last}")

    def read_intervals(self, document: Document, meter: Meter) -> IntervalData:
        return read_interval_csv(document.content, self.zone)


UTILITY = IntervalsOnly()


def routes() -> list[BaseRoute]:
    """Of a customer who is signed in."""
    return [Route("/account", _account), Route("/export/{first}/{last}", _export)]


def table(first: date, last: date) -> str:
    """The hours of these days."""
    at, end = (_midnight(day) for day in (first, last + timedelta(days=1)))
    lines = ["Meter,Start,End,Electric usage (kWh)"]
    while at < end:
        local, until = (one.astimezone(IntervalsOnly.zone).isoformat() for one in (at, at + HOUR))
        lines.append(f"{METER.id},{local},{until},0.{at.hour:02}1")
        at += HOUR
    return "\n".join(lines) + "\n"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), IntervalsOnly.zone).astimezone(UTC)


async def _account(_: Request) -> Response:
    return PlainTextResponse("34")


async def _export(request: Request) -> Response:
    first, last = (date.fromisoformat(request.path_params[name]) for name in ("first", "last"))
    return PlainTextResponse(table(first, last), media_type="text/csv")
