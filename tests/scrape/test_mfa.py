"""Every kind of challenge, answered rightly, wrongly and not at all; no secret is left anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meterfarm.fake_utility import listing
from tests.scale import at_full_scale
from tests.scrape.canaries import Canaries
from tests.scrape.command import BRIEFLY, scrape
from tests.scrape.portal import Portal

QUESTION, TEXT = "ineedmfa+security_question@bayou.energy", "ineedmfa+text_message@bayou.energy"
TOTP = "totp@speculoos.example"
CHOICE = "ineedmfa+choice@bayou.energy"


@pytest.mark.parametrize("username", [TEXT, *at_full_scale(QUESTION, "ineedmfa+totp@bayou.energy")])
def test_a_wrong_answer_then_the_right_one(username: str, portal: Portal, home: Path, tmp_path: Path) -> None:
    canaries = Canaries()
    ran = scrape(
        home,
        tmp_path / "out",
        username,
        "--base-url",
        portal.url,
        *BRIEFLY,
        password=canaries.password,
        answer=canaries.answers(portal.owner(username), wrong=1),
        METERFARM_LOG="debug",
    )
    assert ran.summary["outcome"] == "complete", ran.stderr
    first, second = ran.prompts
    assert first["error"] is None
    assert second["error"].endswith("Please try again.")
    assert (first["attempts_left"], second["attempts_left"]) == (3, 2)
    assert first["prompt"]
    canaries.check(ran, home, tmp_path / "out", username)


def test_three_wrong_answers_fail(portal: Portal, home: Path, tmp_path: Path) -> None:
    canaries, username = Canaries(), QUESTION
    ran = scrape(
        home,
        tmp_path / "out",
        username,
        "--base-url",
        portal.url,
        password=canaries.password,
        answer=canaries.answers(portal.owner(username), wrong=3),
        METERFARM_LOG="debug",
    )
    assert (ran.summary["outcome"], ran.summary["who_acts"], ran.status) == ("mfa_failed", "customer", 10)
    assert len(ran.prompts) == 3
    canaries.check(ran, home, tmp_path / "out", username)


@pytest.mark.parametrize("username", [TEXT, CHOICE, *at_full_scale(QUESTION, TOTP)])
def test_with_nobody_to_ask_no_code_is_sent(
    username: str, portal: Portal, home: Path, tmp_path: Path
) -> None:
    before = portal.stats(username)["codes_sent"]
    ran = scrape(home, tmp_path / "out", username, "--base-url", portal.url)
    assert (ran.summary["outcome"], ran.status) == ("mfa_required", 10)
    assert portal.stats(username)["codes_sent"] == before


def test_the_choice_is_the_portals_own(portal: Portal, home: Path, tmp_path: Path) -> None:
    """A code by e-mail; then two wrong ones, and the right one."""
    canaries = Canaries()
    ran = scrape(
        home,
        tmp_path / "out",
        CHOICE,
        "--base-url",
        portal.url,
        *BRIEFLY,
        password=canaries.password,
        answer=canaries.answers(portal.owner(CHOICE, factor="email"), wrong=2),
        METERFARM_LOG="debug",
    )
    choice, code, *again = ran.prompts
    assert [option["factor"] for option in choice["options"]] == ["sms", "email"]
    assert all("*" in option["label"] for option in choice["options"])
    assert (code["kind"], ran.status) == ("email", 0)
    assert "@" in code["destination"]
    assert [prompt["attempts_left"] for prompt in again] == [2, 1]
    canaries.check(ran, home, tmp_path / "out", CHOICE)


def test_a_factor_that_is_not_offered_is_named(portal: Portal, home: Path, tmp_path: Path) -> None:
    ran = scrape(
        home,
        tmp_path / "out",
        CHOICE,
        "--base-url",
        portal.url,
        "--factor",
        "totp",
        answer=portal.owner(CHOICE),
    )
    assert (ran.summary["outcome"], ran.status) == ("mfa_required", 10)
    assert "does not offer the factor totp, only sms, email" in ran.summary["message"]


def test_a_factor_can_be_chosen_beforehand_and_another_code_asked_for(
    fresh_portal: Portal, home: Path, tmp_path: Path
) -> None:
    """The portal refuses a resend too soon in its own words; the first code still holds then."""
    owner = fresh_portal.owner(CHOICE)
    answers: Iterator[str] = iter(["resend"])
    ran = scrape(
        home,
        tmp_path / "out",
        CHOICE,
        "--base-url",
        fresh_portal.url,
        *BRIEFLY,
        "--factor",
        "email",
        answer=lambda prompt: next(answers, "") or owner(prompt),
    )
    assert ([prompt["kind"] for prompt in ran.prompts], ran.status) == (["email"] * 2, 0), ran.stderr
    assert "before requesting another code" in ran.prompts[1]["error"]


def test_an_empty_answer_is_not_sent(fresh_portal: Portal, home: Path, tmp_path: Path) -> None:
    username = "ineedmfa+email@bayou.energy"
    ran = scrape(home, tmp_path / "out", username, "--base-url", fresh_portal.url, answer=lambda _: "")
    assert (ran.summary["outcome"], ran.status) == ("mfa_required", 10)
    assert len(ran.prompts) == 3
    assert fresh_portal.stats(username)["code_attempts"] == 0


def test_a_totp_secret_answers_by_itself_twice_in_a_row(
    fresh_portal: Portal, home: Path, tmp_path: Path
) -> None:
    """The portal refuses a used time step; a second sign-in takes the next one."""
    (row,) = [row for row in listing.rows("speculoos_power") if row["username"] == TOTP]
    secret = str(row["totp_secret"])
    canaries = Canaries(more={"secret": secret})
    for number in range(2):
        ran = scrape(
            home if number == 0 else home.with_name("other"),
            tmp_path / "out",
            TOTP,
            "--base-url",
            fresh_portal.url,
            *BRIEFLY,
            "--totp-secret-stdin",
            password=canaries.password,
            secrets=(secret,),
            METERFARM_LOG="debug",
        )
        if number == 0:
            canaries.check(ran, home, tmp_path / "out", TOTP)
            assert (ran.summary["outcome"], ran.prompts) == ("complete", [])
    assert ran.summary["outcome"] == "complete", ran.summary["message"]
    assert fresh_portal.stats(TOTP)["sign_ins"] == 2
