"""What the command refuses, and the worker's cron."""

from __future__ import annotations

import fcntl
from contextlib import suppress
from pathlib import Path

from arq.cron import CronJob

from console.errors import UsageError
from nightly.command import NOT_AS_MEANT, alone
from tests.forked import Forked
from worker import _crons


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
    assert status == 2
    assert "METERFARM_NIGHTLY_AT" in said


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


def _nightly(crons: list[CronJob]) -> list[CronJob]:
    return [cron for cron in crons if "nightly" in cron.name]


def test_a_worker_runs_it_at_its_time_once_among_all_workers() -> None:
    (cron,) = _nightly(_crons("03:30"))
    assert (cron.hour, cron.minute, cron.second, cron.unique) == (3, 30, 0, True)
    assert not _nightly(_crons(""))
