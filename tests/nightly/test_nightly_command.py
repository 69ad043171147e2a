"""What the command refuses."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

import pytest

from meterfarm.console.errors import UsageError
from meterfarm.nightly.command import NOT_AS_MEANT, alone
from meterfarm.nightly.farm import own_environment
from tests.forked import Forked

ROOT = Path(__file__).parents[2]


def _ran(home: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    environment = {"METERFARM_HOME": str(home), "PATH": "/usr/bin:/bin", **settings}
    with Forked(["nightly", *arguments], environment, home.parent) as command:
        _, said = command.communicate()
        return command.wait(), said


def test_a_number_goes_with_break_only(tmp_path: Path) -> None:
    status, said = _ran(tmp_path / "home", "5")
    assert (status, said) == (
        2,
        "meterfarm: A number goes with --break; add --break, or leave the number out.\n",
    )


def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    status, said = _ran(tmp_path / "home", METERFARM_NIGHTLY_AT="25:00")
    assert (status, said) == (
        2,
        "meterfarm: The setting METERFARM_NIGHTLY_AT cannot be used: write a time of day like 03:30.\n",
    )


@pytest.mark.parametrize(
    ("setting", "value", "status", "why"),
    [
        ("LIVE", "speculoos_power", 1, " has “speculoos_power”; write utility=value, several separated"),
        ("LIVE", "speculoos_power=http://far.example", 1, " has “http://far.example” for speculoos_power; "),
        ("LIVE", "anytown=https://any.example", 1, " names “anytown”; utilities are "),
        ("WEBHOOK", "http://far.example/secret", 2, " cannot be used: write an address like https://hooks"),
    ],
)
def test_what_is_live_or_notified_has_to_be_an_address(
    tmp_path: Path, setting: str, value: str, status: int, why: str
) -> None:
    """Before a night is spent, in a sentence that has no address of a hook."""
    ran, said = _ran(tmp_path / "home", "--now", **{f"METERFARM_NIGHTLY_{setting}": value})
    assert (ran, said.count("\n")) == (status, 1)
    assert f"METERFARM_NIGHTLY_{setting}{why}" in said
    assert "secret" not in said
    assert not (tmp_path / "home" / "nightly" / "state").exists()


def test_a_report_that_cannot_be_written_is_told_before_a_night_is_spent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for report in (tmp_path / "file", tmp_path / "file" / "below"):
        for further in ((), ("--break",)):
            status, said = _ran(tmp_path / "home", "--report", str(report), *further)
            assert status == 1
            assert said.startswith(f"meterfarm: The report cannot be written to {report} (")
    assert not (tmp_path / "home" / "nightly").exists()


def test_a_report_that_would_be_removed_with_the_state_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for report in (home / "nightly" / "state", home / "nightly" / "state" / "farm"):
        status, said = _ran(home, "--report", str(report))
        assert status == 1
        assert "is removed at the end" in said
    assert not home.exists()


def test_a_browser_elsewhere_is_none_for_its_own_farm(tmp_path: Path) -> None:
    """It takes over no setting, so whoever has only that is told at once, and not by a night without any."""
    settings = {"BROWSER_ENDPOINT": "ws://127.0.0.1:9/browser", "METERFARM_BROWSER": str(tmp_path / "none")}
    for further in ((), ("--break",)):
        status, said = _ran(tmp_path / "home", *further, METERFARM_NIGHTLY_AT="03:30", **settings)
        assert status == 1
        assert str(tmp_path / "none") in said


def test_two_nightlies_do_not_share_a_state(tmp_path: Path) -> None:
    own = tmp_path / "home" / "nightly"
    own.mkdir(parents=True, mode=0o700)
    with (own / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, said = _ran(tmp_path / "home", "--now")
    assert status == 2
    assert "Another nightly is under way" in said
    assert NOT_AS_MEANT not in (status, 0)


def test_the_state_is_removed_whatever_happens(tmp_path: Path) -> None:
    with suppress(UsageError), alone(tmp_path):
        (tmp_path / "state").mkdir()
        raise UsageError("something")
    assert not (tmp_path / "state").exists()


def test_its_farm_takes_over_what_it_needs_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {"METERFARM_BROWSER": "/a/browser", "METERFARM_LOG": "info"}
    theirs = ("DATABASE_URL", "METERFARM_METRICS", "OTEL_EXPORTER_OTLP_ENDPOINT", "METERFARM_LIMITS")
    for name, value in {**ours, **dict.fromkeys(theirs, "the farm's")}.items():
        monkeypatch.setenv(name, value)
    with own_environment({"METERFARM_HOME": "its own"}):
        seen = dict(os.environ)
    assert {name for name in seen if name in theirs or name.startswith("METERFARM_")} == {
        *ours,
        "METERFARM_HOME",
    }
    assert all(os.environ[name] == "the farm's" for name in theirs)
