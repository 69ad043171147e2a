"""The hosts a visit may speak to, and the controls it must not touch."""

from __future__ import annotations

import pytest

from scrapers.guard import host_of, is_allowed, is_dangerous

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


@pytest.mark.parametrize(
    "name",
    [
        "Pay now",
        "PAY $112.40",
        "Make a payment",
        "Enroll in AutoPay",
        "Enrol",
        "Enrolment",
        "Unenroll",
        "Cancel service",
        "Stop my service",
        "Start service",
        "Transfer service",
        "Delete account",
        "Go paperless",
        "I agree",
        "Accept and continue",
    ],
)
def test_what_costs_or_binds_is_dangerous(name: str) -> None:
    assert is_dangerous(name)
    assert is_dangerous(name.upper())


@pytest.mark.parametrize(
    "name",
    [
        "Sign in",
        "Continue",
        "Verify",
        "Send code",
        "Resend code",
        "View bill (PDF)",
        "Download my data",
        "Account 110011001100110",
        "Display",
        "Startseite",
        "",
    ],
)
def test_what_a_script_needs_is_not(name: str) -> None:
    assert not is_dangerous(name)
