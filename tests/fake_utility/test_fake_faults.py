"""Faults on demand, and what is counted meanwhile."""

import asyncio
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from meterfarm.fake_utility.kit.calendar import readings_span
from meterfarm.fake_utility.kit.counters import Counters
from meterfarm.fake_utility.running import FakeUtility
from meterfarm.fake_utility.speculoos_power.app import make_app
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from tests import asking
from tests.fake_utility.visitor import House, Visitor

VALID = "iamvalid@bayou.energy"
LONG = 60


async def switch(visitor: Visitor, **faults: object) -> None:
    answer = await visitor.client.post("/faults", json=faults)
    assert answer.status_code == 200
    assert answer.json() == (await visitor.get("/faults")).json()


async def test_a_portal_that_is_down_answers_503_until_it_is_up(house: House, visitor: Visitor) -> None:
    await switch(visitor, down=True)
    for path in ("/login", "/static/style.css", "/nowhere"):
        assert (await visitor.get(path)).status_code == 503
    assert (await visitor.get("/faults")).json() == {"down": True}
    assert (await visitor.get("/stats.json")).json()["requests"] == 3
    assert (await visitor.get("/outbox.json")).status_code == 200
    await switch(visitor)
    assert (await visitor.get("/login")).status_code == 200
    assert (await visitor.get("/faults")).json() == {}


async def test_too_many_requests_say_when_to_come_again(visitor: Visitor) -> None:
    await switch(visitor, too_many={"retry_after": 3})
    page = await visitor.get("/login")
    assert (page.status_code, page.headers["retry-after"]) == (429, "3")


async def test_an_error_strikes_only_the_paths_it_is_for(visitor: Visitor) -> None:
    account = await visitor.account(VALID)
    electric, gas = CUSTOMERS[VALID].accounts[0].meters
    await switch(visitor, error_paths=[f"/usage/export?meter={gas.id}", "/bills"])
    days = "from=2026-11-01&to=2026-11-02&format=csv"
    asked = [
        f"{account}/usage/export?meter={electric.id}&{days}",
        f"{account}/usage/export?meter={gas.id}&{days}",
        f"{account}/bills?page=2",
        account,
    ]
    assert [(await visitor.get(path)).status_code for path in asked] == [200, 500, 500, 200]


async def test_a_fault_ends_after_as_many_requests_as_it_was_given(visitor: Visitor) -> None:
    """Requests that it does not meet, or that nobody counts, do not use it up."""
    await switch(visitor, error_paths=["/login"], requests=2)
    paths = ("/robots.txt", "/login", "/stats.json", "/faults", "/login", "/login")
    assert [(await visitor.get(path)).status_code for path in paths] == [200, 500, 200, 200, 500, 200]
    assert (await visitor.get("/faults")).json() == {}


async def test_what_is_left_of_a_fault_is_told(visitor: Visitor) -> None:
    await switch(visitor, down=True, requests=3)
    await visitor.get("/login")
    assert (await visitor.get("/faults")).json() == {"down": True, "requests": 2}


async def test_slow_pages_come_late_and_files_do_not(visitor: Visitor) -> None:
    await switch(visitor, slow_seconds=0.2)
    began = time.monotonic()
    assert (await visitor.get("/login")).status_code == 200
    assert time.monotonic() - began >= 0.2
    await switch(visitor, slow_seconds=LONG)
    assert (await visitor.get("/robots.txt")).status_code == 200


async def test_whoever_waits_goes_on_when_the_portal_is_fast_again(visitor: Visitor) -> None:
    await visitor.get("/login")
    await switch(visitor, slow_seconds=LONG)
    slow = asyncio.create_task(visitor.post("/login", email=VALID, password="x"))
    done, _ = await asyncio.wait({slow}, timeout=0.2)
    assert not done
    await switch(visitor)
    assert (await slow).headers["location"] == "/accounts"


async def test_faults_add_up(visitor: Visitor) -> None:
    await switch(visitor, slow_seconds=0.1, down=True)
    began = time.monotonic()
    assert (await visitor.get("/login")).status_code == 503
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"down", "These are no faults: Expecting value"),
        (b"[]", "the faults must be an object"),
        (b'{"broken": true}', "There is no fault called 'broken'"),
        (b'{"down": 1}', "down must be true or false"),
        (b'{"slow_seconds": "10"}', "slow_seconds must be a number from 0 up"),
        (b'{"slow_seconds": -1}', "slow_seconds must be a number from 0 up"),
        (b'{"error_paths": "/login"}', "error_paths must be a list of texts"),
        (b'{"error_paths": [""]}', "error_paths must be a list of texts"),
        (b'{"too_many": 3}', "too_many must be an object"),
        (b'{"too_many": {}}', 'too_many must be {"retry_after": SECONDS}'),
        (b'{"down": true, "requests": true}', "requests must be a whole number"),
    ],
)
async def test_faults_that_cannot_be_read_are_refused_and_change_nothing(
    visitor: Visitor, sent: bytes, says: str
) -> None:
    await switch(visitor, too_many={"retry_after": 1})
    answer = await visitor.client.post("/faults", content=sent)
    assert answer.status_code == 400
    assert says in answer.text
    assert (await visitor.get("/faults")).json() == {"too_many": {"retry_after": 1}}


async def test_faults_are_switched_from_this_machine_only(house: House) -> None:
    transport = httpx.ASGITransport(make_app(house.portal), client=("192.0.2.7", 40000))
    async with httpx.AsyncClient(transport=transport, base_url="https://speculoos.test") as stranger:
        assert (await stranger.post("/faults", json={"down": True})).status_code == 403
        assert (await stranger.get("/login")).status_code == 200


async def test_refused_passwords_are_counted(house: House, visitor: Visitor) -> None:
    for email, rejections in (
        ("nobody@bayou.energy", 2),
        ("account_locked@speculoos.example", 2),
        ("password_change_required@speculoos.example", 0),
        ("maintenance@speculoos.example", 0),
        ("gas-only.4@bayou.energy", 0),
    ):
        for _ in range(2):
            await visitor.sign_in(email)
        tally = house.portal.counters.of(email)
        assert (tally.password_attempts, tally.password_rejections) == (2, rejections)
    counted = (await visitor.get("/stats.json")).json()["customers"]["nobody@bayou.energy"]
    assert counted == {
        "password_attempts": 2,
        "password_rejections": 2,
        "sign_ins": 0,
        "codes_sent": 0,
        "code_attempts": 0,
        "pages": 0,
        "documents": {"bills": 0, "exports": 0},
    }


def stats(base_url: str) -> dict[str, Any]:
    counted: dict[str, Any] = asking.get(f"{base_url}/stats.json").json()
    return counted


def ask(base_url: str, path: str, cookie: str = "") -> socket.socket:
    """A request is sent; its answer is not read."""
    url = httpx.URL(base_url)
    line = socket.create_connection((url.host, url.port or 0))
    line.sendall(f"GET {path} HTTP/1.1\r\nHost: {url.host}\r\nCookie: {cookie}\r\n\r\n".encode())
    return line


def session_of(client: httpx.Client) -> str:
    """Sign in; httpx keeps Secure cookies off plain http, so they are carried by hand."""
    token = client.get("/login").headers["set-cookie"].partition(";")[0]
    fields = {"csrf_token": token.partition("=")[2], "email": VALID, "password": "x"}
    answer = client.post("/login", data=fields, headers={"Cookie": token})
    return str(answer.headers["set-cookie"].partition(";")[0])


def test_an_answer_that_is_not_taken_yet_is_under_way(tmp_path: Path) -> None:
    house = House()
    account = CUSTOMERS[VALID].accounts[0]
    _, last = readings_span(house.portal.today)
    days = f"from={last - timedelta(days=392)}&to={last}&format=xml"
    with FakeUtility(home=tmp_path, now="2026-11-21T10:00") as at:
        base_url = at.http["speculoos_power"]
        with asking.client(base_url=base_url) as client:
            cookie = session_of(client)
            path = f"/accounts/{account.number}/usage/export?meter={account.meters[0].id}&{days}"
            with ask(base_url, path, cookie) as line:
                assert line.recv(12) == b"HTTP/1.1 200"
                assert stats(base_url)["peak_concurrent"] == 1
                assert client.get("/login").status_code == 200
                assert stats(base_url)["peak_concurrent"] == 2


def test_a_visitor_who_went_away_waits_no_more(tmp_path: Path) -> None:
    with FakeUtility(home=tmp_path) as at:
        base_url = at.http["speculoos_power"]
        asking.post(f"{base_url}/faults", json={"slow_seconds": LONG, "requests": 1})
        with ask(base_url, "/login"):
            while stats(base_url)["requests"] < 1:
                pass
        stats(base_url)
        assert asking.get(f"{base_url}/login").status_code == 200
        assert stats(base_url)["peak_concurrent"] == 1


def test_files_are_requests_too(tmp_path: Path) -> None:
    with FakeUtility(home=tmp_path) as at, asking.client(base_url=at.http["speculoos_power"]) as client:
        for path in ("/favicon.ico", "/login", "/nowhere", "/robots.txt"):
            client.get(path)
        counted = stats(str(client.base_url).rstrip("/"))
    assert (counted["requests"], counted["peak_concurrent"]) == (4, 1)


def test_the_busiest_second_may_begin_at_any_moment() -> None:
    counters = Counters()
    for at in (0.0, 0.2, 0.9, 1.0, 1.1, 1.95, 3.0, 4.0):
        counters.begin("/", at)
        counters.end("/")
    assert (counters.requests, counters.peak_per_second, counters.peak_concurrent) == (8, 4, 1)
