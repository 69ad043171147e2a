"""`doctor`, `worker` and `up`: what they find missing on this machine, and say."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from meterfarm.console.doctor import doctor_outside
from meterfarm.console.doctor.check_result import CheckResult, Health
from meterfarm.console.doctor.clock import Compared, between, kernel_says, of_portal
from meterfarm.console.doctor.doctor_state import examine_disk, examine_state
from meterfarm.farm.settings import FarmSettings
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore
from tests.console.command import Command
from tests.scrape.command import start


class _Late(BaseHTTPRequestHandler):
    """A portal whose clock is a minute ahead of ours."""

    def do_HEAD(self) -> None:
        self.send_response_only(404)
        self.send_header("Date", formatdate(time.time() + 60, usegmt=True))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def minute_ahead() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Late) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_well_machine_is_said_to_be_well(command: Command, store: CompanyStore, home: Path) -> None:
    ran = command("doctor", "--json")
    assert ran.status == 0, ran.stdout
    found = {one["check"]: one for one in json.loads(ran.stdout)}
    for check, says in {
        "browser": "Chromium ",
        "Redis": "a private one starts and answers",
        "database": f"SQLite at {home / 'meterfarm.db'} opens and can be written",
        "vault": "1 key opens all that is sealed",
        "disk": "GiB left",
    }.items():
        assert found[check]["health"] == "ok", found[check]
        assert says in found[check]["detail"]
    assert "kernel" in found["clock"]["detail"]
    assert "speculoos_power" in json.dumps(found)


def test_what_fails_is_said_with_what_to_do(
    command: Command, store: CompanyStore, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no secret of an address."""
    monkeypatch.setenv("METERFARM_BROWSER", "/nowhere/chromium")
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:1")
    store.customers.add("speculoos_power", "ada@bayou.energy", secrets={})
    (home / "vault.key").unlink()
    ran = command("doctor")
    assert ran.status == 1
    failed = [line for line in ran.stdout.splitlines() if line.startswith("failed")]
    assert len(failed) == 3, ran.stdout
    assert "METERFARM_BROWSER names /nowhere/chromium" in failed[0]
    assert "Redis at 127.0.0.1:1/0 cannot be reached: nothing listens there; start it" in failed[1]
    assert "vault" in failed[2]
    assert "restore it from a backup" in failed[2]
    assert "hunter2" not in ran.stdout + ran.stderr
    worker = command("worker")
    assert worker.status == 1
    assert "/nowhere/chromium" in worker.stderr


def test_a_database_that_is_damaged_fails(home: Path) -> None:
    home.mkdir()
    (home / "meterfarm.db").write_bytes(b"no database, " * 1000)
    (found,) = examine_state(Settings(home=home), [])
    assert (found.check, found.health) == ("database", Health.FAILED)
    assert "damaged" in found.detail


def test_little_room_is_a_warning(home: Path) -> None:
    assert examine_disk(home, little=1).health is Health.OK
    assert examine_disk(home, little=2**60).health is Health.WARNING


def test_the_portals_clock_is_compared_by_its_answers_date(minute_ahead: str) -> None:
    compared = of_portal(minute_ahead)
    if compared is None:
        raise RuntimeError("it gave no date")
    assert abs(compared.ahead + 60) <= compared.within
    assert compared.within < 2


def test_a_portal_on_this_machine_tells_nothing_of_the_clock(minute_ahead: str) -> None:
    clocks: list[Compared] = []
    farm = FarmSettings(portal_urls=f"speculoos_power={minute_ahead}")
    (found,) = _of_speculoos(farm, clocks)
    assert (found.health, clocks) == (Health.OK, [])
    nowhere = FarmSettings(portal_urls="speculoos_power=http://127.0.0.1:1")
    (found,) = _of_speculoos(nowhere, clocks)
    assert found.health is Health.WARNING
    assert "`up`" in found.todo


def _of_speculoos(farm: FarmSettings, clocks: list[Compared]) -> list[CheckResult]:
    found = doctor_outside.examine_portals(farm, clocks)
    return [check for check in found if check.check == "utility speculoos_power"]


@pytest.mark.parametrize(
    ("theirs", "health", "says"),
    [
        (100.0, Health.OK, "0.0 s"),
        (97.0, Health.WARNING, "3.0 s ahead of elsewhere"),
        (103.5, Health.WARNING, "3.5 s behind elsewhere"),
    ],
)
def test_a_clock_more_than_two_seconds_off_is_a_warning(theirs: float, health: Health, says: str) -> None:
    found: CheckResult = doctor_outside.examine_clock([between("elsewhere", 99.9, theirs, 100.1)])
    assert (found.health, found.check) == (health, "clock")
    assert says in found.detail
    assert kernel_says() in found.detail


def test_a_coarse_clock_is_not_believed_beyond_its_grain() -> None:
    found = doctor_outside.examine_clock([between("elsewhere", 100, 97.8, 100, coarse=0.5)])
    assert found.health is Health.OK


def test_up_says_that_its_port_is_taken(command: Command, store: CompanyStore) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = command("up", "--port", str(port))
    assert (ran.status, ran.stdout) == (2, "")
    assert f"Cannot listen on 127.0.0.1:{port}" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_worker_without_its_redis_is_refused(
    command: Command, store: CompanyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    ran = command("worker", "--processes", "1")
    assert (ran.status, ran.stdout) == (1, "")
    assert "Redis at 127.0.0.1:1/0 cannot be reached: nothing listens there" in ran.stderr


def test_limits_that_cannot_be_meant_are_refused_at_the_start(
    command: Command, store: CompanyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("abc", "4", "0:20", "4:nan", "4:1e308", "4:0", "-1:20"):
        monkeypatch.setenv("METERFARM_LIMITS", f"speculoos_power=4:20,another={limit}")
        ran = command("doctor")
        assert (ran.status, ran.stdout) == (1, "")
        assert f"METERFARM_LIMITS has “{limit}” for another; write requests at once" in ran.stderr


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("METERFARM_LIMITS", "speculos_power=4:20", "names “speculos_power”; utilities are "),
        ("METERFARM_PORTAL_URLS", "anytown=http://127.0.0.1:1", "names “anytown”; utilities are"),
        ("METERFARM_NIGHTLY_LIVE", "anytown=http://127.0.0.1:1", "names “anytown”; utilities are"),
        ("METERFARM_METRICS", "nowhere.invalid:9600", "cannot be served at nowhere.invalid:9600 ("),
    ],
)
def test_a_worker_whose_settings_cannot_be_meant_is_refused(
    command: Command,
    store: CompanyStore,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(setting, value)
    ran = command("worker", "--processes", "1")
    assert (ran.status, ran.stdout) == (1, "")
    assert setting in ran.stderr
    assert said in ran.stderr
    assert "Unknown error" not in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(("stop", "arguments"), [(signal.SIGINT, ("worker",)), (signal.SIGTERM, ("up",))])
def test_being_stopped_is_how_they_end_well(
    home: Path, store: CompanyStore, stop: signal.Signals, arguments: tuple[str, ...]
) -> None:
    """Status 0 within ten seconds, and nothing is left running."""
    port = ("--port", "0") if arguments == ("up",) else ()
    with start(home, *arguments, *port, "--processes", "1") as process:
        if process.stdout is None:
            raise RuntimeError("no pipe")
        told = ""
        while "Ctrl-C stops it.\n" not in told:
            told += process.stdout.readline()
        began = time.monotonic()
        process.send_signal(stop)
        assert process.wait(30) == 0
    assert time.monotonic() - began < 10
    assert ("./run customer add speculoos_power" in told) == (arguments == ("up",))
    redis = home / "redis" / "redis.sock"
    with socket.socket(socket.AF_UNIX) as line:
        assert line.connect_ex(os.fspath(redis)) != 0
