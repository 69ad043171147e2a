"""A saved session is the same after it was written and read, and lists all that lets its bearer in."""

from __future__ import annotations

import json

from scrapers.state import VERSION, PortalSession

SESSION = PortalSession(
    {
        "cookies": [{"name": "sid", "value": "s3cret-session", "domain": "127.0.0.1", "path": "/"}],
        "origins": [
            {
                "origin": "http://127.0.0.1",
                "localStorage": [
                    {"name": "token", "value": "jwt.é.header"},
                    {"name": "theme", "value": "light"},
                ],
            }
        ],
    },
    {"http://127.0.0.1": {"tab": "t4b-token"}},
    "Chrome/1",
)


def test_a_session_survives_being_written_and_read() -> None:
    assert PortalSession.from_bytes(SESSION.to_bytes()) == SESSION


def test_a_session_of_another_version_is_not_used() -> None:
    fields = json.loads(SESSION.to_bytes())
    assert PortalSession.from_bytes(json.dumps(fields | {"version": VERSION + 1}).encode()) is None
    assert PortalSession.from_bytes(json.dumps(fields | {"version": VERSION + 1, "new": 1}).encode()) is None
    assert PortalSession.from_bytes(b"{}") is None


def test_cookies_and_both_storages_are_secret_and_not_shown() -> None:
    assert sorted(SESSION.secrets()) == ["jwt.é.header", "s3cret-session", "t4b-token"]
    assert not [secret for secret in SESSION.secrets() if secret in repr(SESSION)]
    assert not list(PortalSession({}).secrets())
