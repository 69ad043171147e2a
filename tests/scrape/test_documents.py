"""What comes home: PDFs that open, bills that add up to the readings, files named as documented."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pypdfium2
import pytest

from tests.scale import at_full_scale
from tests.scrape.command import scrape
from tests.scrape.portal import Portal

ZONE = ZoneInfo("America/New_York")
ALL, SOME = date(2024, 12, 1), date(2026, 2, 20)
CUSTOMERS = {
    "multi-account@bayou.energy": (3, SOME, 9),
    **dict(at_full_scale(("gas-only@bayou.energy", (1, SOME, 9)))),
    "solar@speculoos.example": (1, ALL, 24),
}
"""With electricity and gas, community solar among them; with gas alone; with a direction of its own.

Of each the number of accounts, since when they are fetched, and so many bills.
"""


@pytest.mark.parametrize(("username", "accounts", "since", "count"), [(k, *v) for k, v in CUSTOMERS.items()])
def test_bills_equal_the_sum_of_their_readings(
    username: str, accounts: int, since: date, count: int, portal: Portal, home: Path, tmp_path: Path
) -> None:
    """All there are, two years of them; or those since a day."""
    only = () if since == ALL else ("--since", str(since))
    ran = scrape(home, tmp_path / "out", username, "--base-url", portal.url, *only)
    assert ran.status == 0, ran.stderr
    folders = sorted((tmp_path / "out" / "speculoos_power").iterdir())
    assert [folder.name for folder in folders] == sorted(
        account["number"] for account in ran.summary["accounts"]
    )
    assert len(folders) == accounts
    for folder in folders:
        bills = json.loads((folder / "bills.json").read_text())
        assert len(bills) == count
        assert {path.name for path in (folder / "bills").iterdir()} == {
            f"{bill['billed_on']}.pdf" for bill in bills
        }
        usage = {path.stem: usage_by_day(path) for path in (folder / "intervals").iterdir()}
        whole = [bill for bill in bills if begins(bill) >= since]
        assert len(whole) >= count - 1
        for bill in whole:
            check_bill(bill, usage)
        for pdf in (folder / "bills").iterdir():
            document = pypdfium2.PdfDocument(pdf)
            assert len(document) == 2
            document.close()
        assert any((folder / "raw").iterdir())
        for electric in (folder / "intervals").glob("E*.csv"):
            check_quarter_hours(electric, since, solar=username.startswith("solar"))


def begins(bill: dict[str, Any]) -> date:
    """The first day of any meter's period."""
    return min(date.fromisoformat(meter["billing_period_from"]) for meter in bill["meters"])


def check_quarter_hours(path: Path, since: date, *, solar: bool) -> None:
    """Days have their true length, 92 in spring and 100 in autumn, in each direction of its own."""
    counts: dict[tuple[str, date], int] = defaultdict(int)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            counts[row["direction"], datetime.fromisoformat(row["local_start"]).date()] += 1
    assert {direction for direction, _ in counts} == ({"delivered", "received"} if solar else {"delivered"})
    assert {counts["delivered", day] for day in (date(2026, 3, 8), date(2025, 3, 9)) if day > since} == {92}
    assert {counts["delivered", day] for day in (date(2026, 11, 1), date(2025, 11, 2)) if day > since} == {
        100
    }
    assert set(counts.values()) == {92, 96, 100}
    assert len(counts) > (700 if since == ALL else 250)


def usage_by_day(path: Path) -> dict[date, Decimal]:
    """Energy delivered on each local day."""
    usage: dict[date, Decimal] = defaultdict(Decimal)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            start = datetime.fromisoformat(row["start"])
            assert start == datetime.fromisoformat(row["local_start"])
            assert start < datetime.fromisoformat(row["end"])
            assert row["estimated"] in {"true", "false"}
            if row["direction"] == "delivered":
                usage[start.astimezone(ZONE).date()] += Decimal(row["quantity"])
    return usage


def check_bill(bill: dict[str, object], usage: dict[str, dict[date, Decimal]]) -> None:
    parts = ("outstanding_balance", "electricity_amount", "gas_amount", "community_solar_bill_credit")
    assert bill["total_amount"] == sum(int(str(bill[part] or 0)) for part in parts)
    if bill["electricity_amount"] is not None:
        assert bill["electricity_amount"] == bill["delivery_charge"] + bill["supply_charge"]  # type: ignore[operator]  # JSON
    meters = bill["meters"]
    assert isinstance(meters, list)
    assert meters
    for meter in meters:
        first = date.fromisoformat(meter["billing_period_from"])
        last = date.fromisoformat(meter["billing_period_to"])
        days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
        assert Decimal(str(meter["consumption"])) == sum(usage[meter["id"]][day] for day in days)
        assert meter["additional_attributes"]["service_number"]


def test_since_limits_bills_and_intervals(portal: Portal, home: Path, tmp_path: Path) -> None:
    ran = scrape(
        home, tmp_path / "out", "iamvalid@bayou.energy", "--base-url", portal.url, "--since", "2026-08-15"
    )
    (account,) = ran.summary["accounts"]
    assert account["bills"] == 3
    (electric,) = (tmp_path / "out" / "speculoos_power").glob("*/intervals/E*.csv")
    with electric.open(newline="") as file:
        assert next(csv.DictReader(file))["local_start"].startswith("2026-08-15T00:00")
