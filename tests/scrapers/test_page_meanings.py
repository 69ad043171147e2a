"""What a page or a status is taken for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from meterfarm.records import Outcome
from meterfarm.scrapers.boundaries import playwright_errors
from meterfarm.scrapers.browser.chromium import BrowserGone
from meterfarm.scrapers.outcomes import ADVICE, Sign, Stop, stop_for_sign, stop_for_status


@pytest.mark.parametrize(
    ("sign", "fits"),
    [
        (Sign("x", path=r"^/login$"), True),
        (Sign("x", path=r"^/log$"), False),
        (Sign("x", heading="Sign in"), True),
        (Sign("x", heading="Sign"), False),
        (Sign("x", text="has been locked"), True),
        (Sign("x", text="has been closed"), False),
        (Sign("x", heading="Sign in", text="locked", path="/login"), True),
        (Sign("x", heading="Sign in", text="locked", path="/accounts"), False),
        (Sign("x", heading="Bills", text="locked", path="/login"), False),
        (Sign("x", host="login.portal.example"), True),
        (Sign("x", host="LOGIN.Portal.example"), True),
        (Sign("x", host="*.portal.example", path="login"), True),
        (Sign("x", host="portal.example"), False),
        (Sign("x", host="*.n.portal.example"), False),
        (Sign("x", hash="^#/step/[0-9]$"), True),
        (Sign("x", hash="^$"), False),
        (Sign("x", role=("dialog", "It has ended")), True),
        (Sign("x", role=("dialog", "")), True),
        (Sign("x", role=("dialog", "It has")), False),
        (Sign("x", role=("button", "It has ended")), False),
        (Sign("x", gone="Please wait"), True),
        (Sign("x", gone="has been locked"), False),
        (Sign("x", heading="Sign in", gone="has been locked"), False),
        (Sign("x", pointer="/path"), False),
    ],
)
def test_all_that_a_sign_gives_must_hold(sign: Sign, fits: bool) -> None:
    page = {
        "host": "login.portal.example",
        "path": "/login",
        "fragment": "#/step/2",
        "text": "Sign in Your account has been locked.",
    }
    roles = [("dialog", "It has ended"), ("button", "Sign in")]
    assert sign.fits(headings=["Welcome", "Sign in"], roles=roles, **page) is fits


@pytest.mark.parametrize(
    ("sign", "is_in"),
    [
        ({"pointer": "/error/code"}, True),
        ({"pointer": "/error/code", "value": "E7"}, True),
        ({"pointer": "/error/code", "value": "E"}, False),
        ({"pointer": "/error/code", "value": 7}, False),
        ({"pointer": "/error/codes"}, False),
        ({"pointer": "/list/1/a~1b", "value": True}, True),
        ({"pointer": "/list/1/a~1b", "value": 1}, False),
        ({"pointer": "/list/01/a~1b"}, False),
        ({"pointer": "/list/9"}, False),
        ({"pointer": "/none", "value": None}, True),
        ({"pointer": "/tries", "value": 3.0}, True),
        ({"text": "E7"}, False),
    ],
)
def test_a_sign_with_a_pointer_is_of_json_answers(sign: dict[str, Any], is_in: bool) -> None:
    answer = {"error": {"code": "E7"}, "list": [{}, {"a/b": True}], "none": None, "tries": 3}
    assert Sign("x", **sign).is_in(answer) is is_in
    assert not Sign("x", **sign).is_in("E7")


@pytest.mark.parametrize(
    ("sign", "says"),
    [
        ({}, "names nothing to recognise it by"),
        ({"means": ""}, "has no meaning"),
        ({"path": "^/(login"}, r"has a path that is no regular expression \('\^/\(login'"),
        ({"hash": "*"}, "has a hash that is no regular expression"),
        ({"text": 5}, "has a text that is no text but 5"),
        ({"text": None}, "has a text that is no text but None"),
        ({"host": "https://portal.example"}, "has a host that is none"),
        ({"host": "portal.*"}, "has a host that is none"),
        ({"role": "dialog"}, "has a role that is none"),
        ({"role": ("dialog", None)}, "has a role that is none"),
        ({"role": ("", "It has ended")}, "has a role that is none"),
        ({"pointer": "error"}, "has a pointer that is none"),
        ({"pointer": "/a~b"}, "has a pointer that is none"),
        ({"pointer": "/error", "text": "x"}, "has a pointer, which is of a JSON answer"),
        ({"text": "x", "value": 5}, "has a value and no pointer"),
    ],
)
def test_a_sign_that_cannot_be_recognised_is_refused_as_it_is_declared(sign: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Sign(**{"means": "x", **sign})


def test_a_sign_that_means_an_outcome_ends_the_run_in_the_portals_words() -> None:
    stop = stop_for_sign("The Portal", Sign(Outcome.ACCOUNT_LOCKED, text="Your account has been locked."))
    assert stop is not None
    assert stop.outcome is Outcome.ACCOUNT_LOCKED
    assert stop.message == str(stop)
    assert stop.message.startswith("The Portal says: “Your account has been locked”. Have the utility")
    assert stop_for_sign("The Portal", Sign("choice", heading="How?")) is None


@pytest.mark.parametrize(
    ("sign", "says"),
    [
        ({"role": ("dialog", "It has ended.")}, "says: “It has ended”. Run"),
        ({"pointer": "/message", "value": "Back soon."}, "says: “Back soon”. Run"),
        ({"path": "^/down$"}, "shows what its script takes for “maintenance”. Run"),
    ],
)
def test_a_sign_without_a_text_says_what_it_can(sign: dict[str, Any], says: str) -> None:
    stop = stop_for_sign("The Portal", Sign(Outcome.MAINTENANCE, **sign))
    assert says in str(stop)


def test_what_is_looked_for_is_described() -> None:
    sign = Sign("inside", heading="It's", host="my.portal.example", path="^/x$", role=("dialog", ""))
    assert (
        sign.look == """inside: heading "It's", path '^/x$', host 'my.portal.example', role ('dialog', '')"""
    )
    assert Sign("mfa", pointer="/mfa", value=False).look == "mfa: pointer '/mfa', value False"


@pytest.mark.parametrize("outcome", ADVICE)
def test_advice_is_a_sentence(outcome: Outcome) -> None:
    assert ADVICE[outcome].endswith(".")


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 404])
def test_these_statuses_say_nothing_by_themselves(status: int) -> None:
    assert stop_for_status("The Portal", status, "9") is None


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (403, Outcome.BLOCKED),
        (429, Outcome.RATE_LIMITED),
        (500, Outcome.PORTAL_DOWN),
        (599, Outcome.PORTAL_DOWN),
    ],
)
def test_these_statuses_end_the_run(status: int, outcome: Outcome) -> None:
    stop = stop_for_status("The Portal", status, None)
    assert stop is not None
    assert (stop.outcome, stop.retry_after) == (outcome, None)
    assert f"HTTP {status}" in stop.message


def test_retry_after_in_seconds_is_told() -> None:
    stop = stop_for_status("The Portal", 429, "120")
    assert stop is not None
    assert stop.retry_after == 120
    assert "for 120 seconds" in stop.message


@pytest.mark.parametrize("header", ["", "soon", "-5", "1.5"])
def test_a_retry_after_that_is_no_number_is_left_out(header: str) -> None:
    stop = stop_for_status("The Portal", 429, header)
    assert stop is not None
    assert stop.retry_after is None


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (PlaywrightTimeout("Page.goto: Timeout 30000ms exceeded."), Outcome.PORTAL_DOWN),
        (PlaywrightTimeout("Locator.click: Timeout 5000ms exceeded."), Outcome.LAYOUT_CHANGED),
        (PlaywrightError("Page.goto: net::ERR_CONNECTION_REFUSED at http://x/"), Outcome.PORTAL_DOWN),
        (PlaywrightError("apiRequestContext.get: connect ECONNRESET"), Outcome.PORTAL_DOWN),
        (PlaywrightError("Page.goto: net::ERR_BLOCKED_BY_CLIENT at http://x/"), Outcome.BLOCKED),
        (PlaywrightError("Element is not an <input>"), Outcome.LAYOUT_CHANGED),
    ],
)
def test_playwrights_errors_become_ours(error: PlaywrightError, outcome: Outcome) -> None:
    with pytest.raises(Stop, match=r"^The Portal ") as stop:
        with playwright_errors("The Portal", "opening /login"):
            raise error
    assert stop.value.outcome is outcome
    assert stop.value.__cause__ is error
    assert "net::" not in stop.value.message


def test_a_browser_that_ended_is_nobodys_page() -> None:
    with pytest.raises(BrowserGone, match="while opening /login"):
        with playwright_errors("The Portal", "opening /login"):
            raise PlaywrightError("Target page, context or browser has been closed")


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError):
        with playwright_errors("The Portal", "opening /login"):
            raise KeyError("x")


@pytest.mark.parametrize(("ahead", "least", "most"), [(120, 110, 120), (-60, 0, 0)])
def test_retry_after_as_a_date_is_told_in_seconds(ahead: int, least: int, most: int) -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    stop = stop_for_status("The Portal", 429, header)
    assert stop is not None
    assert stop.retry_after is not None
    assert least <= stop.retry_after <= most


def test_digits_that_are_no_number_are_left_out() -> None:
    stop = stop_for_status("The Portal", 429, "²")
    assert stop is not None
    assert stop.retry_after is None


def test_playwrights_own_reason_and_locator_are_noted_without_what_was_typed() -> None:
    log = (
        "Call log:\n" + '  - waiting for get_by_label("Code")\n  - fill("open sesame")\n' + "  - line\n" * 90
    )
    noted: list[tuple[str, dict[str, object]]] = []
    with pytest.raises(Stop) as stop:
        with playwright_errors("The Portal", "x", note=lambda step, **more: noted.append((step, more))):
            raise PlaywrightTimeout(f"\x1b[31mLocator.fill\x1b[0m: Timeout 5000ms exceeded.\n{log}")
    [(step, more)] = noted
    reason = str(more["reason"])
    assert step == "action.failed"
    assert reason.startswith('Locator.fill: Timeout 5000ms exceeded. | - waiting for get_by_label("Code") |')
    assert "sesame" not in reason
    assert len(reason) < 1000
    assert "get_by_label" not in stop.value.message
