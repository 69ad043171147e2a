"""A utility that is no real one: tests of the engine declare what they need of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar
from zoneinfo import ZoneInfo

from meterfarm.records import Account, Bill, Document, IntervalData, ListedBill, Meter
from meterfarm.scrapers.outcomes import Sign
from meterfarm.scrapers.utility import AvailableIntervals, Capabilities, Credentials, Utility, Verified
from meterfarm.scrapers.visit import Visit

NEW_YORK = ZoneInfo("America/New_York")


class Neutral(Utility):
    """Tests override what they walk."""

    id = "neutral"
    name: ClassVar[str] = "Neutral"
    home: ClassVar[str] = ""
    hosts: ClassVar[Sequence[str]] = ()
    zone: ClassVar[ZoneInfo] = NEW_YORK
    signs: ClassVar[Sequence[Sign]] = ()
    capabilities: ClassVar[Capabilities] = Capabilities(
        granularities=(900, 3600), longest_export_days={900: 393, 3600: 393}
    )
    bill_layout: ClassVar[str] = "neutral"
    bill_layout_version: ClassVar[int] = 1
    verified: ClassVar[Verified] = Verified("verified", date(2026, 11, 21), "tests")

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        raise NotImplementedError

    async def is_signed_in(self, visit: Visit) -> bool:
        raise NotImplementedError

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        raise NotImplementedError

    async def bills(self, visit: Visit, account: Account) -> Sequence[ListedBill]:
        raise NotImplementedError

    async def bill_pdf(self, visit: Visit, account: Account, bill: ListedBill) -> Document:
        raise NotImplementedError

    def read_bill(self, text: Sequence[str]) -> Bill:
        raise NotImplementedError

    async def available_intervals(self, visit: Visit, account: Account) -> Sequence[AvailableIntervals]:
        raise NotImplementedError

    async def export_intervals(
        self, visit: Visit, account: Account, meter: Meter, first: date, last: date
    ) -> Document:
        raise NotImplementedError

    def read_intervals(self, document: Document, meter: Meter) -> IntervalData:
        raise NotImplementedError
