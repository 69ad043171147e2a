"""Every customer of the fake utility ends in the outcome it is for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meterfarm.fake_utility import listing
from meterfarm.records import Outcome
from tests.scrape.canaries import Canaries
from tests.scrape.command import BRIEFLY, meterfarm, scrape
from tests.scrape.portal import Portal

ROWS: list[dict[str, Any]] = [
    row for row in json.loads(listing.as_json()) if row["utility"] == "speculoos_power"
]
OTHERWISE = [row for row in ROWS if row["outcome"] != "complete"]
"""Those that end complete are scraped in other tests, and go through the farm's."""
LEAVES_MUCH = {Outcome.UNKNOWN_PAGE, Outcome.LAYOUT_CHANGED, Outcome.PASSWORD_CHANGE_REQUIRED}
"""In these a page is kept."""


def _list_of_bills_is_a_gap(summary: dict[str, Any], home: Path) -> None:
    """And the intervals come home."""
    (gap,) = summary["ledger"]["missing"]
    assert (gap["item"], gap["reason"]) == ("list of bills", summary["message"])
    (account,) = summary["accounts"]
    assert account["bills"] == 0
    assert all(meter["readings"] > 0 for meter in account["meters"])


def _evidence_shows_the_page(summary: dict[str, Any], home: Path) -> None:
    """A screenshot, its HTML, a trace and the visit's log, for the owner only."""
    (kept,) = (home / "evidence").iterdir()
    assert {"page.png", "page.html", "trace.zip", "visit.log"} <= {file.name for file in kept.iterdir()}
    assert "A new day" in (kept / "page.html").read_text()
    assert {file.stat().st_mode & 0o777 for file in kept.iterdir()} == {0o600}


ALSO: dict[str, Callable[[dict[str, Any], Path], None]] = {
    "layout_changed@speculoos.example": _list_of_bills_is_a_gap,
    "unknown_page@speculoos.example": _evidence_shows_the_page,
}


@pytest.mark.parametrize("row", OTHERWISE, ids=lambda row: str(row["username"]))
def test_a_customer_ends_in_its_outcome(
    row: dict[str, Any], portal: Portal, home: Path, tmp_path: Path
) -> None:
    """A rejected password is never tried again, but a new one is; no secret is left anywhere."""
    username, outcome = row["username"], Outcome(row["outcome"])
    since: tuple[str, ...] = () if row["outcome"] == "partial" else BRIEFLY
    before = portal.stats(username)["password_attempts"]
    canaries = Canaries()
    ran = scrape(
        home,
        tmp_path / "out",
        username,
        "--base-url",
        portal.url,
        *since,
        password=canaries.password,
        answer=canaries.answers(portal.owner(username)),
        METERFARM_LOG="debug",
    )
    summary = ran.summary
    assert (summary["outcome"], summary["who_acts"]) == (row["outcome"], row["who_acts"]), ran.stderr
    assert ran.status == row["exit_code"]
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    ledger = summary["ledger"]
    assert ledger["listed"] == ledger["stored"] + len(ledger["missing"])
    assert "Traceback" not in ran.stderr
    if username in ALSO:
        ALSO[username](summary, home)
    if outcome in LEAVES_MUCH:
        canaries.check(ran, home, tmp_path / "out", username)
    if outcome.holds_the_password:
        assert portal.stats(username)["password_attempts"] == before + 1
        again = scrape(home, tmp_path / "out", username, "--base-url", portal.url, password=canaries.password)
        assert (again.summary["outcome"], again.status) == (row["outcome"], 10)
        assert portal.stats(username)["password_attempts"] == before + 1
    if outcome is Outcome.ACCOUNT_LOCKED:
        scrape(home, tmp_path / "out", username, "--base-url", portal.url, password="a new one")
        assert portal.stats(username)["password_attempts"] == before + 2


def test_an_unknown_user_is_tried_once_with_a_password(
    fresh_portal: Portal, home: Path, tmp_path: Path
) -> None:
    canaries = Canaries()
    for _ in range(2):
        ran = scrape(
            home,
            tmp_path / "out",
            "nobody@bayou.energy",
            "--base-url",
            fresh_portal.url,
            password=canaries.password,
            METERFARM_LOG="debug",
        )
        canaries.check(ran, home, tmp_path / "out", "nobody@bayou.energy")
        assert (ran.summary["outcome"], ran.status) == ("bad_credentials", 10)
        assert fresh_portal.stats("nobody@bayou.energy")["password_attempts"] == 1


def test_data_once_then_the_credentials_are_refused(fresh_portal: Portal, home: Path, tmp_path: Path) -> None:
    username = "customer-must-reauthenticate@bayou.energy"
    first = scrape(home, tmp_path / "out", username, "--base-url", fresh_portal.url, *BRIEFLY)
    assert first.summary["outcome"] == "complete"
    second = scrape(home, tmp_path / "out", username, "--base-url", fresh_portal.url, *BRIEFLY)
    assert (second.summary["outcome"], second.status) == ("bad_credentials", 10)
    assert second.summary["accounts"] == []
    third = scrape(home, tmp_path / "out", username, "--base-url", fresh_portal.url, *BRIEFLY)
    assert third.summary["outcome"] == "bad_credentials"
    assert fresh_portal.stats(username)["password_attempts"] == 2


def test_a_session_lost_half_way_takes_one_new_sign_in(
    fresh_portal: Portal, home: Path, tmp_path: Path
) -> None:
    username, since = "session-lost@speculoos.example", ("--since", "2025-08-15")
    ran = scrape(home, tmp_path / "out", username, "--base-url", fresh_portal.url, *since)
    assert ran.summary["outcome"] == "complete"
    assert ran.summary["ledger"]["stored"] == ran.summary["ledger"]["listed"]
    counted = fresh_portal.stats(username)
    (account,) = ran.summary["accounts"]
    assert (counted["sign_ins"], counted["documents"]["bills"]) == (2, account["bills"])
    assert account["bills"] > 12, "the session ends after twelve"


def test_the_list_says_what_the_vocabulary_says(home: Path) -> None:
    """The fake utility states outcomes, exit codes and who acts by itself; they are the ones we document."""
    listed = json.loads(meterfarm(home, "fake", "--list", "--json").stdout)
    for row in listed:
        outcome = Outcome(row["outcome"])
        assert (outcome.exit_code, outcome.who_acts) == (row["exit_code"], row["who_acts"])
