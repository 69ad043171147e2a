"""Cookies without a browser go where a browser would send them, and come back as Playwright keeps them."""

from __future__ import annotations

from typing import Any

import pytest

from scrapers.cookies import Cookies

PORTAL = "https://portal.example/"


def cookie(**changes: Any) -> dict[str, Any]:
    return {
        "name": "session",
        "value": "s3cret==",
        "domain": "portal.example",
        "path": "/",
        "expires": -1,
        "httpOnly": True,
        "secure": True,
        "sameSite": "Lax",
    } | changes


@pytest.mark.parametrize(
    ("kept", "url", "sent"),
    [
        (cookie(), PORTAL, "session=s3cret=="),
        (cookie(), "http://portal.example/", ""),
        (cookie(), "https://www.portal.example/", ""),
        (cookie(domain=".portal.example"), "https://www.portal.example/", "session=s3cret=="),
        (cookie(domain=".portal.example"), "https://notportal.example/", ""),
        (cookie(path="/bills"), "https://portal.example/usage", ""),
        (cookie(path="/bills"), "https://portal.example/bills/7", "session=s3cret=="),
        (cookie(expires=1), PORTAL, ""),
        (cookie(name="__Host-session"), PORTAL, "__Host-session=s3cret=="),
    ],
)
def test_a_cookie_goes_only_where_a_browser_would_send_it(kept: dict[str, Any], url: str, sent: str) -> None:
    assert Cookies(PORTAL, [kept]).header(url) == sent


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_secure_cookie_goes_to_this_machines_own_addresses(host: str) -> None:
    url = f"http://{host}:8600/"
    cookies = Cookies(url, [cookie(domain=host)])
    assert cookies.header(url) == "session=s3cret=="
    assert cookies.as_browser() == [cookie(domain=host)]


@pytest.mark.parametrize(
    "kept",
    [cookie(), cookie(domain=".portal.example", sameSite="Strict", expires=4102444800, httpOnly=False)],
)
def test_what_was_kept_comes_back_as_it_was(kept: dict[str, Any]) -> None:
    assert Cookies(PORTAL, [kept]).as_browser() == [kept]


def test_what_the_portal_sets_takes_the_place_of_what_was_there() -> None:
    cookies = Cookies(PORTAL, [cookie(), cookie(name="old")])
    cookies.take(
        PORTAL,
        [
            "session=new; Path=/; Secure; HttpOnly; SameSite=lax",
            "device=d1; Max-Age=86400; Path=/; Secure; HttpOnly; SameSite=strict",
            "old=; Max-Age=0; Path=/; Secure",
        ],
    )
    session, device = cookies.as_browser()
    assert session == cookie(value="new")
    assert (device["name"], device["sameSite"], device["httpOnly"]) == ("device", "Strict", True)
    assert device["expires"] > 0
    assert cookies.header(PORTAL) == "session=new; device=d1"
