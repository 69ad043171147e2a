"""Pepernoot Co-op, a member-owned utility at a SmartHub."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from meterfarm.records import Bill
from meterfarm.scrapers.utility import Capabilities, Verified
from meterfarm.utilities._families.smarthub import SmartHub
from meterfarm.utilities.pepernoot_coop.bill import read_bill


class PepernootCoop(SmartHub):
    """Pepernoot Co-op's portal."""

    id = "pepernoot_coop"
    name: ClassVar[str] = "Pepernoot Co-op"
    home: ClassVar[str] = "https://pepernoot.smarthub.example"
    zone: ClassVar[ZoneInfo] = ZoneInfo("America/New_York")
    capabilities: ClassVar[Capabilities] = Capabilities(
        granularities=(900, 3600),
        history_days=396,
        expected_lag=timedelta(days=2),
        longest_export_days={900: 31, 3600: 31},
    )
    bill_layout: ClassVar[str] = "pepernoot_coop"
    bill_layout_version: ClassVar[int] = 1
    within_hours: ClassVar[int] = 8
    is_fake: ClassVar[bool] = True
    verified: ClassVar[Verified] = Verified(
        "verified", date(2026, 11, 30), "tests/ drive it against fake_utility/"
    )

    def read_bill(self, text: Sequence[str]) -> Bill:
        """See ``Utility`` and ``bill.py``."""
        return read_bill(text)
