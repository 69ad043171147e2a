"""A saved session is the same after it was written and read, and lists all that lets its bearer in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meterfarm.scrapers.state import VERSION, PortalSession

COOKIE = {
    "name": "sid",
    "value": "s3cret-session",
    "domain": "127.0.0.1",
    "path": "/",
    "expires": -1,
    "httpOnly": True,
    "secure": True,
    "sameSite": "Strict",
}
STORE = {
    "name": "lastModificationTimes",
    "autoIncrement": False,
    "indexes": [],
    "records": [
        {"key": "accounts", "valueEncoded": {"o": [{"k": "lastModificationTime", "v": "db-s3cret"}]}}
    ],
}
SESSION = PortalSession(
    {
        "cookies": [COOKIE],
        "origins": [
            {
                "origin": "http://127.0.0.1",
                "localStorage": [
                    {"name": "token", "value": "jwt.é.header"},
                    {"name": "theme", "value": "light"},
                ],
                "indexedDB": [{"name": "msal", "version": 2, "stores": [STORE]}],
            }
        ],
    },
    {"http://127.0.0.1": {"tab": "t4b-token"}},
    "Chrome/1",
    tokens={"refresh": '{"token": "r3fresh-token"}'},
)


def test_a_session_survives_being_written_and_read() -> None:
    assert PortalSession.from_bytes(SESSION.to_bytes()) == SESSION


def test_a_session_of_another_version_is_not_used() -> None:
    fields = json.loads(SESSION.to_bytes())
    assert PortalSession.from_bytes(json.dumps(fields | {"version": VERSION + 1}).encode()) is None
    assert PortalSession.from_bytes(json.dumps(fields | {"version": VERSION + 1, "new": 1}).encode()) is None
    assert PortalSession.from_bytes(b"{}") is None


def test_cookies_storages_databases_and_tokens_are_secret_and_not_shown() -> None:
    assert sorted(SESSION.secrets()) == [
        "db-s3cret",
        "jwt.é.header",
        "r3fresh-token",
        "s3cret-session",
        "t4b-token",
        '{"token": "r3fresh-token"}',
    ]
    assert not [secret for secret in SESSION.secrets() if secret in repr(SESSION)]
    assert not list(PortalSession({}).secrets())


@pytest.mark.parametrize(
    "changes",
    [
        {"sameSite": "Unspecified"},
        {"sameSite": "lax"},
        {"sameSite": None},
        {"expires": 317_155_975_522},
        {"expires": 1e300},
        {"expires": -2},
        {"expires": "soon"},
        {"domain": "PORTAL.example"},
        {"unknown": 1},
    ],
)
def test_a_cookie_that_a_browser_would_refuse_is_put_right(changes: dict[str, Any]) -> None:
    (kept,) = _kept([COOKIE | changes])
    assert (kept["name"], kept["value"]) == ("sid", "s3cret-session")
    assert kept["sameSite"] in {"Strict", "Lax", "None"}
    assert kept["expires"] == -1 or 0 < kept["expires"] < 4e9


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a;b"},
        {"name": "a=b"},
        {"name": "", "value": ""},
        {"value": "x\ty"},
        {"value": "x" * 5000},
        {"value": None},
        {"value": 5},
        {"domain": ""},
        {"path": "accounts"},
        {"name": "__Host-sid", "path": "/x"},
        {"sameSite": "None", "secure": False},
        {"partitionKey": "x"},
    ],
)
def test_a_cookie_that_no_browser_takes_is_left_out_and_the_rest_is_used(changes: dict[str, Any]) -> None:
    assert _kept([COOKIE, COOKIE | changes, {}, "x"]) == [COOKIE]


@pytest.mark.parametrize("state", [None, [], "x", 5])
def test_a_session_of_which_nothing_can_be_used_says_so(state: object) -> None:
    with pytest.raises(TypeError, match="no storage state"):
        PortalSession.from_bytes(json.dumps({"version": VERSION, "storage_state": state}).encode())


@pytest.mark.parametrize("agent", ["x\r\nCookie: y", "é", "x" * 10_000, None, 5])
def test_a_user_agent_that_cannot_be_sent_is_left_out(agent: object) -> None:
    fields = {"version": VERSION, "storage_state": {"cookies": [COOKIE]}, "user_agent": agent}
    read = PortalSession.from_bytes(json.dumps(fields).encode())
    assert read is not None
    assert (read.user_agent, read.storage_state["cookies"]) == ("", [COOKIE])


def _kept(cookies: list[Any]) -> list[Any]:
    saved = PortalSession({"cookies": cookies, "origins": [5, {"origin": "x"}]}).to_bytes()
    read = PortalSession.from_bytes(saved)
    if read is None:
        raise AssertionError("it is of this version")
    assert read.storage_state["origins"] == []
    kept: list[Any] = read.storage_state["cookies"]
    return kept
