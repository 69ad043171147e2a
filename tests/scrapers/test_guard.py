"""The hosts a visit may speak to."""

from __future__ import annotations

import pytest

from scrapers.guard import host_of, is_allowed

HOSTS = ("portal.example.com", "*.login.example.com", "127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "https://portal.example.com/bills?to=elsewhere.com",
        "https://PORTAL.example.com:8443/",
        "https://a.b.login.example.com/",
        "http://127.0.0.1:8000/x",
        "https://elsewhere.com@portal.example.com/",
        "data:text/plain,x",
        "blob:https://portal.example.com/1",
        "about:blank",
    ],
)
def test_the_utilitys_own_hosts_are_allowed(url: str) -> None:
    assert is_allowed(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.com/portal.example.com",
        "https://portal.example.com.elsewhere.com/",
        "https://notportal.example.com/",
        "https://login.example.com.elsewhere.com/",
        "https://portal.example.com@elsewhere.com/",
        "https://elsewhere.com\\@portal.example.com/",
        "https://elsewhere.com\\.login.example.com/",
        "http://127.0.0.2/",
        "http://127.1/",
        "http://[::1]/",
        "http://[x/",
        "file:///etc/passwd",
        "javascript:fetch('//elsewhere.com')",
        "/relative",
        "",
    ],
)
def test_no_other_is(url: str) -> None:
    assert not is_allowed(url, HOSTS)
    assert not is_allowed(url, ["*"]) or host_of(url)
