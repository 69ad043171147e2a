"""Stroopwafel Energy by the real command: MFA in place, tokens, what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meterfarm.fake_utility.stroopwafel_energy import PORTAL
from meterfarm.fake_utility.stroopwafel_energy.documents import listed_bills
from tests import asking
from tests.fake_portal import fake_portals
from tests.scrape.canaries import Canaries
from tests.scrape.command import BRIEFLY, Ran, scrape
from tests.scrape.portal import Portal

UTILITY = "stroopwafel_energy"
TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def waffles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, str]]:
    """The portal's control pages, and the file of its host names."""
    with fake_portals(tmp_path_factory.mktemp("portals"), now=f"{TODAY}T09:00") as at:
        yield Portal(at.controls[UTILITY]), at.hosts


def _scrape(home: Path, tmp_path: Path, username: str, hosts: str, *since: str, **more: Any) -> Ran:
    return scrape(
        home, tmp_path / "out", username, *since, utility=UTILITY, METERFARM_LOCAL_HOSTS=hosts, **more
    )


def test_a_code_is_typed_into_boxes_and_the_next_run_needs_neither_page_nor_token(
    waffles: tuple[Portal, str], home: Path, tmp_path: Path
) -> None:
    """A call is never offered. A wrong code twice is answered twice. No code or token is left anywhere."""
    (portal, hosts), username, canaries = waffles, "choice@stroopwafel.example", Canaries()
    answer = canaries.answers(portal.owner(username), wrong=2)
    given = {"password": canaries.password, "answer": answer, "METERFARM_LOG": "debug"}
    first = _scrape(home, tmp_path, username, hosts, *BRIEFLY, **given)
    assert first.summary["outcome"] == "complete", first.stderr
    choice, *codes = first.prompts
    assert [option["factor"] for option in choice["options"]] == ["email", "sms"]
    assert [prompt["error"] for prompt in codes] == [
        None,
        *2 * ["That code isn't right. Check it and try again."],
    ]
    canaries.check(first, home, tmp_path / "out", username, UTILITY)
    before = portal.stats(username)
    second = _scrape(home, tmp_path, username, hosts, *BRIEFLY)
    assert (second.summary["outcome"], second.summary["session"]) == ("complete", "reused")
    assert second.summary["ledger"] == first.summary["ledger"] | {"downloaded": 0}
    after = portal.stats(username)
    assert {**after, "pages": 0} == {**before, "pages": 0}


def test_a_bill_that_is_null_leaves_the_others_be(
    waffles: tuple[Portal, str], home: Path, tmp_path: Path
) -> None:
    """Nor does one that the portal answers with an error."""
    (portal, hosts), username = waffles, "partial@stroopwafel.example"
    _, second, *_ = listed_bills(PORTAL.book.listed[username].accounts[0], TODAY)
    asking.post(f"{portal.url}/faults", json={"error_paths": [f"/{second.id}/document"]}, timeout=10)
    ran = _scrape(home, tmp_path, username, hosts, "--since", "2026-07-01")
    asking.post(f"{portal.url}/faults", json={}, timeout=10)
    assert (ran.summary["outcome"], ran.status) == ("partial", 13)
    reasons = [gap["reason"] for gap in ran.summary["ledger"]["missing"]]
    assert len(reasons) == 2
    assert any("This bill is not available right now." in reason for reason in reasons)
    assert any("HTTP 500" in reason for reason in reasons)
    assert ran.summary["accounts"][0]["bills"] == 3


def test_tokens_that_are_void_half_way_take_one_new_sign_in(
    waffles: tuple[Portal, str], home: Path, tmp_path: Path
) -> None:
    (portal, hosts), username = waffles, "signed-out@stroopwafel.example"
    ran = _scrape(home, tmp_path, username, hosts, "--since", "2025-08-15")
    assert ran.summary["outcome"] == "complete", ran.stderr
    assert ran.summary["ledger"]["stored"] == ran.summary["ledger"]["listed"]
    assert portal.stats(username)["sign_ins"] == 2
