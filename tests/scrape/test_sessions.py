"""A saved session is used again, and nothing is fetched twice."""

from __future__ import annotations

from pathlib import Path

from tests.fake_portal import fake_portal
from tests.scrape.command import BRIEFLY, scrape
from tests.scrape.portal import Portal

IAMVALID = "iamvalid@bayou.energy"
TEXT_MESSAGE = "ineedmfa+text_message@bayou.energy"


def test_a_second_run_signs_in_nowhere_and_fetches_nothing(
    fresh_portal: Portal, home: Path, tmp_path: Path
) -> None:
    """Where it writes to is filled from the store. All state is for its owner only."""
    first = scrape(home, tmp_path / "a", IAMVALID, "--base-url", fresh_portal.url, *BRIEFLY).summary
    before = fresh_portal.stats(IAMVALID)
    second = scrape(home, tmp_path / "b", IAMVALID, "--base-url", fresh_portal.url, *BRIEFLY).summary
    after = fresh_portal.stats(IAMVALID)
    assert (first["session"], second["session"]) == ("new", "reused")
    assert after["password_attempts"] == before["password_attempts"] == 1
    assert after["documents"] == before["documents"]
    assert second["ledger"]["downloaded"] == 0
    assert second["ledger"]["stored"] == first["ledger"]["stored"]
    assert second["accounts"] == first["accounts"]
    ours, theirs = (
        {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*") if path.name[0] != "."}
        for out in (tmp_path / "a" / "speculoos_power", tmp_path / "b" / "speculoos_power")
    )
    assert ours == theirs
    assert len(ours) > 6
    assert home.stat().st_mode & 0o777 == 0o700
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_a_day_later_there_is_exactly_one_day_more(home: Path, tmp_path: Path) -> None:
    readings = []
    for now in ("2026-11-21T09:00", "2026-11-22T09:00"):
        ran = scrape(home, tmp_path / "out", IAMVALID, "--fake", "--now", now, *BRIEFLY)
        assert ran.status == 0, ran.stderr
        readings.append(
            {meter["commodity"]: meter["readings"] for meter in ran.summary["accounts"][0]["meters"]}
        )
    assert readings[1]["electricity"] - readings[0]["electricity"] == 96
    assert readings[1]["gas"] - readings[0]["gas"] == 24
    assert ran.summary["ledger"]["downloaded"] == 2
    assert ran.summary["session"] == "reused"


def test_a_session_outlives_the_portal_process_and_a_device_the_session(home: Path, tmp_path: Path) -> None:
    """A portal anew in one home each time: known by its cookie, then by a password without a code.

    Once the device is not trusted any more, the customer is asked for a code again.
    """
    ends = []
    for now in ("2026-03-01T09:00", "2026-03-01T10:00", "2026-04-03T09:00", "2026-11-21T09:00"):
        with fake_portal(home, now=now) as url:
            portal = Portal(url)
            owner, since = portal.owner(TEXT_MESSAGE), ("--since", "2026-02-10")
            ran = scrape(home, tmp_path, TEXT_MESSAGE, "--base-url", url, *since, answer=owner)
            counted = portal.stats(TEXT_MESSAGE)
        assert ran.status == 0, ran.stderr
        sent = counted["password_attempts"], counted["codes_sent"]
        ends.append((ran.summary["session"], len(ran.prompts), sent))
    assert ends == [
        ("new", 1, (1, 1)),
        ("reused", 0, (0, 0)),
        ("new", 0, (1, 0)),
        ("challenged_again", 1, (1, 1)),
    ]


def test_state_is_in_the_working_directory_unless_told_otherwise(home: Path, tmp_path: Path) -> None:
    ran = scrape(home, tmp_path / "out", "captcha@speculoos.example", "--fake", METERFARM_HOME="")
    assert ran.summary["outcome"] == "captcha", ran.stderr
    assert (home.parent / ".meterfarm" / "meterfarm.db").is_file()
    assert (home.parent / ".meterfarm" / "fake_utility").is_dir()
