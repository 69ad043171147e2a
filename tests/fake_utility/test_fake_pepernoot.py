"""Pepernoot Co-op: a code within the sign-in, tokens, jobs, signed addresses, days of 92 and 100 readings."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from meterfarm.fake_utility.kit.clock import Clock, parse_time
from meterfarm.fake_utility.kit.codes import Codes
from meterfarm.fake_utility.kit.delivery import Delivery
from meterfarm.fake_utility.kit.readings import day_of_readings
from meterfarm.fake_utility.kit.state import PortalContext
from meterfarm.fake_utility.pepernoot_coop import PORTAL
from meterfarm.fake_utility.pepernoot_coop.answers import GUARD
from meterfarm.fake_utility.pepernoot_coop.customers import BOOK
from meterfarm.fake_utility.pepernoot_coop.data import HOME, NEW_METER_DAYS

SERVICES = "/services/secured"
TODAY = date(2026, 11, 20)


class House:
    """The co-op in this process, and a member's application."""

    def __init__(self) -> None:
        self.app_seconds = 1_800_000_000.0
        self.codes = Codes(random=True, app_time=lambda: self.app_seconds)
        clock = Clock(parse_time(f"{TODAY}T10:00"))
        self.app, self.state = PORTAL.make(PortalContext(b"k" * 32, clock, self.codes, Delivery()))
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 1))
        self.client = httpx.AsyncClient(transport=transport, base_url=HOME)

    async def login(self, local: str, **more: Any) -> tuple[int, dict[str, Any]]:
        fields = {"userId": f"{local}@pepernoot.example", "password": "x", **more}
        return await self.post("/services/oauth/login", fields)

    async def enter(self, local: str) -> None:
        _, found = await self.login(local)
        self.client.headers["Authorization"] = f"Bearer {found['authorizationToken']}"

    async def post(self, path: str, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return _json(await self.client.post(path, json=fields))

    async def get(self, path: str, **params: str) -> tuple[int, dict[str, Any]]:
        return _json(await self.client.get(path, params=params))

    async def export(self, local: str, first: date, last: date) -> tuple[int, dict[str, Any]]:
        """The answer to an export of the member's first meter."""
        account = BOOK.listed[f"{local}@pepernoot.example"].accounts[0]
        return await self.post(
            f"{SERVICES}/usage/export",
            {
                "accountNumber": account.number,
                "meterNumber": account.meters[0].id,
                "startDateTime": _epoch(first),
                "endDateTime": _epoch(last),
            },
        )

    async def made(self, job: str, tries: int = 3) -> dict[str, Any]:
        """What an export is when it was asked about so often."""
        found: dict[str, Any] = {}
        for _ in range(tries):
            _, found = await self.get(f"{SERVICES}/usage/export/{job}")
        return found


def _json(answer: httpx.Response) -> tuple[int, dict[str, Any]]:
    assert answer.text.startswith(GUARD)
    return answer.status_code, json.loads(answer.text.removeprefix(GUARD))


def _epoch(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400_000


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    async with house.client:
        yield house


async def test_the_code_comes_with_the_password_and_counts_once(house: House) -> None:
    """A wrong one can be corrected, three wrong ones end the sign-in; the app soon shows another."""
    totp = BOOK.listed["totp@pepernoot.example"]
    assert await house.login("totp") == (200, {"status": "TWO_FACTOR_REQUIRED"})
    code, found = await house.login("totp", twoFactorCode="000000")
    assert (code, found["status"]) == (401, "CODE_INVALID")
    right = house.codes.app_code(totp).code
    assert (await house.login("totp", twoFactorCode=right))[1]["status"] == "SUCCESS"
    assert (await house.login("totp", twoFactorCode=right))[1]["status"] == "CODE_USED"
    house.app_seconds += 30
    later = house.codes.app_code(totp).code
    assert (await house.login("totp", twoFactorCode=later))[1]["status"] == "SUCCESS"
    ends = [(await house.login("totp", twoFactorCode="000000"))[1]["status"] for _ in range(3)]
    assert ends == ["CODE_INVALID", "CODE_INVALID", "VERIFICATION_FAILED"]


async def test_services_want_a_session_and_a_token_that_lasts_minutes(house: House) -> None:
    assert (await house.get(f"{SERVICES}/user-data"))[1]["status"] == "SESSION_EXPIRED"
    await house.enter("iamvalid")
    assert (await house.get(f"{SERVICES}/user-data"))[0] == 200
    answer = await house.client.post("/clock", json={"forward_seconds": 700})
    assert answer.json()["now"].startswith("2026-11-20T15:11")
    assert (await house.get(f"{SERVICES}/user-data"))[1]["status"] == "TOKEN_EXPIRED"
    _, found = await house.post("/services/oauth/token", {})
    house.client.headers["Authorization"] = f"Bearer {found['authorizationToken']}"
    assert (await house.get(f"{SERVICES}/user-data"))[0] == 200
    await house.client.post("/clock", json={"forward_seconds": 2000})
    assert (await house.post("/services/oauth/token", {}))[1]["status"] == "SESSION_EXPIRED"


async def test_an_export_has_at_most_31_days_and_is_made_in_its_own_time(house: House) -> None:
    await house.enter("iamvalid")
    last = TODAY - timedelta(days=1)
    assert (await house.export("iamvalid", last - timedelta(days=31), last))[1]["status"] == "RANGE_TOO_LONG"
    assert (await house.export("iamvalid", TODAY, TODAY))[1]["status"] == "OUT_OF_RANGE"
    code, asked = await house.export("iamvalid", last - timedelta(days=30), last)
    assert (code, asked["status"]) == (202, "PENDING")
    assert await house.made(asked["jobId"], 1) == {"status": "PENDING"}
    found = await house.made(asked["jobId"], 1)
    assert found["status"] == "COMPLETE"
    points = found["data"]["series"][0]["data"]
    assert len(points) == 31 * 96 + 4, "one day has 25 hours"
    assert {point["y"] for point in points[-96:]} == {0.0}, "yesterday's are not there yet"
    assert (await house.get(f"{SERVICES}/usage/export/another"))[1]["status"] == "UNKNOWN_JOB"


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 8), 92), (date(2026, 11, 1), 100)])
async def test_points_are_by_the_local_clock_at_the_end_of_their_interval(
    house: House, day: date, count: int
) -> None:
    await house.enter("solar")
    meter = BOOK.listed["solar@pepernoot.example"].accounts[0].meters[0]
    _, asked = await house.export("solar", day, day)
    series = (await house.made(asked["jobId"]))["data"]["series"]
    assert [one["flow"] for one in series] == ["FORWARD", "REVERSE"]
    points = series[0]["data"]
    assert [round(point["y"] * 1000) for point in points] == list(
        day_of_readings(meter, "delivered", day).values
    )
    assert len(points) == count
    assert (points[0]["x"] - _epoch(day), points[-1]["x"] - _epoch(day)) == (900_000, 86_400_000)
    assert (points[0]["hourEnding"], points[-1]["hourEnding"]) == (1, 24)
    assert sum(point["hourEnding"] == 2 for point in points) == (4 if count == 92 else 8)


async def test_some_exports_fail_or_are_forgotten_first_and_one_takes_hours(house: House) -> None:
    await house.enter("export-failed")
    first = date(2025, 10, 1)
    ends = []
    for month in range(6):
        start = first + timedelta(days=31 * month)
        _, asked = await house.export("export-failed", start, start + timedelta(days=30))
        ends.append((await house.made(asked["jobId"]))["status"])
        if ends[-1] != "COMPLETE":
            _, again = await house.export("export-failed", start, start + timedelta(days=30))
            assert (await house.made(again["jobId"]))["status"] == "COMPLETE"
    assert set(ends) == {"COMPLETE", "FAILED", "UNKNOWN_JOB"}
    await house.enter("pending")
    first = house.state.today - timedelta(days=NEW_METER_DAYS)
    _, slow = await house.export("pending", first, first + timedelta(days=30))
    assert await house.made(slow["jobId"], 9) == {"status": "PENDING"}
    house.state.clock.forward(6 * 3600)
    house.client.headers["Authorization"] = ""
    await house.enter("pending")
    assert (await house.made(slow["jobId"]))["status"] == "COMPLETE"


async def test_a_bill_is_at_a_signed_address_for_a_minute(house: House) -> None:
    await house.enter("iamvalid")
    account = BOOK.listed["iamvalid@pepernoot.example"].accounts[0]
    _, listed = await house.get(f"{SERVICES}/billing/history", accountNumber=account.number)
    assert [entry["type"] for entry in listed["history"][:2]] == ["BILL", "PAYMENT"]
    asked = {"accountNumber": account.number, "billId": listed["history"][0]["billId"]}
    _, link = await house.post(f"{SERVICES}/billing/pdf-link", asked)
    document = await house.client.get(link["url"])
    assert document.content.startswith(b"%PDF-")
    house.state.clock.forward(61)
    assert (await house.client.get(link["url"])).status_code == 403
