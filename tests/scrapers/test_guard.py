"""The hosts a visit may speak to: an address is judged as it will be sent."""

from __future__ import annotations

import pytest
from yarl import URL

from meterfarm.scrapers.guard import authority_of, host_of, is_allowed, led_to, origins_of, own_hosts, to_send

HOME = "http://127.0.0.1:8600"
HOSTS = own_hosts(HOME, ("portal.example.com", "*.login.example.com", "api.example.com:8443"))


@pytest.mark.parametrize(
    "url",
    [
        "https://portal.example.com/bills?to=elsewhere.com",
        "https://PORTAL.example.com:443/",
        "https://a.b.login.example.com/",
        "https://api.example.com:8443/v1",
        "wss://portal.example.com/live",
        "http://127.0.0.1:8600/x",
        "http://127.0.0.1:8600?x=\\",
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
        "https://login.example.com/",
        "https://.login.example.com/",
        "https://portal.example.com@elsewhere.com/",
        "https://elsewhere.com@portal.example.com/",
        "https://elsewhere.com\\@portal.example.com/",
        "https://portal.example.com\\@elsewhere.com/",
        "https://elsewhere.com\\.login.example.com/",
        "https://elsewhere.com%2f.login.example.com/",
        "https://elsewhere.com%00.login.example.com/",
        "https://elsewhere.com#.login.example.com/",
        "https://elsewhere.com?.login.example.com/",
        "https://elsewhere.com /.login.example.com/",
        "https://portal.example.com:8443/",
        "https://api.example.com/",
        "http://portal.example.com/",
        "https://portal.example.com./",
        "https://portal%2eexample.com/",
        "https://port\u0430l.example.com/",
        "https://portal.example.com\u3002login.example.com/",
        "https://\uff50ortal.example.com/",
        "https://portal.example.com\t/",
        "https://portal.example.com:0/",
        "https://portal.example.com:443443/",
        "http://127.0.0.1/",
        "http://127.0.0.1:9999/",
        "http://127.0.0.2:8600/",
        "http://127.1:8600/",
        "http://0x7f.0.0.1:8600/",
        "http://0177.0.0.1:8600/",
        "http://2130706433:8600/",
        "http://127.0.0.1.:8600/",
        "http://[::ffff:127.0.0.1]:8600/",
        "http://[::1]:8600/",
        "http://localhost:8600/",
        "http://[x/",
        "https:///portal.example.com/",
        "https:portal.example.com/",
        "https:\\\\portal.example.com/",
        "file:///etc/passwd",
        "javascript:fetch('//elsewhere.com')",
        "/relative",
        "",
    ],
)
def test_no_other_is(url: str) -> None:
    assert not is_allowed(url, HOSTS)
    assert not is_allowed(url, ["*"])


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/bills?page=2", f"{HOME}/bills?page=2"),
        ("7", f"{HOME}/bills/7"),
        (" ?page=3\n", f"{HOME}/bills/?page=3"),
        ("//127.0.0.1:8600/x", f"{HOME}/x"),
        ("some file.pdf", f"{HOME}/bills/some%20file.pdf"),
        ("Rechnung M\u00e4rz.pdf#top", f"{HOME}/bills/Rechnung%20M%C3%A4rz.pdf"),
        ("/get?path=a\\b", f"{HOME}/get?path=a%5Cb"),
        ("/already%20done", f"{HOME}/already%20done"),
    ],
)
def test_what_a_page_links_to_is_sent_as_a_browser_would(target: str, sent: str) -> None:
    url = to_send(f"{HOME}/bills/", target)
    assert url == URL(sent, encoded=True)
    assert is_allowed(str(url), HOSTS)


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:8600\\@127.0.0.2/stolen",
        "\\\\127.0.0.2/stolen",
        "/\\127.0.0.2/stolen",
        "http://127.0.0.1:8600@127.0.0.2/stolen",
        "http://u:p@127.0.0.1:8600/",
        "ht\ntp://127.0.0.2/",
        "/bi\x00lls",
        "http://127.0.0.1:8600%2f@127.0.0.2/",
        "http://127.1:8600/",
        "http://[x/",
        "ftp://127.0.0.1:8600/",
        "data:text/plain,x",
        "javascript:1",
    ],
)
def test_what_two_parsers_could_read_differently_is_not_sent(target: str) -> None:
    assert to_send(f"{HOME}/bills/", target) is None


def test_what_is_sent_goes_to_the_host_that_was_judged() -> None:
    """Whatever the letters around the host are: yarl, with which it is sent, sees what the guard saw."""
    for odd in map(chr, [*range(0x100), 0x2215, 0x3002, 0xFF0E, 0xFF0F, 0xFF20, 0x200B, 0xFEFF]):
        for link in (f"http://127.0.0.1:8600{odd}@127.0.0.2/", f"http://127.0.0.2{odd}127.0.0.1:8600/"):
            url = to_send(HOME, link)
            if url is not None and is_allowed(str(url), HOSTS):
                assert (url.raw_host, url.port, url.raw_user) == ("127.0.0.1", 8600, None)


def test_a_foreign_place_is_called_by_its_host_or_its_port() -> None:
    assert led_to("https://elsewhere.com:81/x", HOSTS) == "elsewhere.com"
    assert led_to("http://127.0.0.1:9999/x", HOSTS) == "127.0.0.1:9999"
    assert led_to("http://127.0.0.1:8600\\@127.0.0.2/x", HOSTS) == "an address that hides its host"
    assert led_to("http://[x/", HOSTS) == "an address that is none"


def test_a_host_and_its_authority() -> None:
    assert host_of("https://elsewhere.com\\@portal.example.com/") == "elsewhere.com"
    assert authority_of("https://Portal.example.com/x") == "portal.example.com:443"
    assert authority_of("http://[::1]:8600/") == "[::1]:8600"
    assert own_hosts("http://[::1]:8600", ()) == ("[::1]:8600",)
    assert own_hosts(HOME, ("localhost", "a.example")) == ("127.0.0.1:8600", "localhost:8600", "a.example")
    assert is_allowed("http://[::1]:8600/x", ["[::1]:8600"])


def test_origins_are_written_as_browsers_write_them() -> None:
    hosts = ["my.portal.example:443", "Login.portal.example", "api.portal.example:8443", "*.portal.example"]
    there = ["https://my.portal.example", "https://login.portal.example", "https://api.portal.example:8443"]
    assert origins_of(hosts) == there
    here = ["127.0.0.1:8600", "localhost:80", "localhost"]
    assert origins_of(here) == ["http://127.0.0.1:8600", "http://localhost", "http://localhost"]
