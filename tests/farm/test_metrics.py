"""What workers tell Prometheus, where they serve it and what it costs. That it agrees with the database is
shown by the customers of mixed kinds (test_farm.py)."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from meterfarm.farm.telemetry.metrics import metrics_address, metrics_of
from meterfarm.farm.telemetry.prometheus import browser_memory
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.services.troubles import post_trouble
from meterfarm.storage import StorageError
from meterfarm.storage.channels import MailState
from tests.fake_portal import fake_portal
from tests.farm.scraped import Scraped, free_ports
from tests.farm.smtp_sink import Sink, smtp_sink
from tests.farm.whole import UTILITY, Farm, farm_at
from tests.forked import Forked

ROOT = Path(__file__).parents[2]
WAITS = "ineedmfa+email@bayou.energy"


@pytest.fixture
def scraped() -> Scraped:
    return Scraped(free_ports(2))


@pytest.fixture
def sink() -> Iterator[Sink]:
    with smtp_sink() as sink:
        yield sink


@pytest.fixture
def farm(tmp_path: Path, scraped: Scraped, sink: Sink) -> Iterator[Farm]:
    mail = {
        "METERFARM_SMTP_URL": f"smtp+plain://127.0.0.1:{sink.port}",
        "METERFARM_MAIL_FROM": "noreply@farm.example",
    }
    watched = {"METERFARM_METRICS": scraped.setting, "METERFARM_LOG": "debug"}
    with (
        fake_portal(tmp_path / "portal") as url,
        farm_at(tmp_path / "home", url, **watched, **mail) as farm,
    ):
        yield farm


@pytest.mark.timeout(240)
def test_a_run_that_is_taken_away_is_counted_by_who_lost_it_and_who_queued_it_again(
    farm: Farm, scraped: Scraped, sink: Sink
) -> None:
    """Meanwhile a mail of announced trouble goes out, by the workers' clock."""
    whole, company = farm.store.farm, farm.store.farm.companies.only()
    change_company(whole, company, ChangeCompany(notification_email="ops@acme.example"))
    post_trouble(whole, UTILITY, "It is slow.", "ops")
    waits = farm.add(WAITS)
    farm.start(2)
    first = farm.challenge_of(waits)
    assert scraped.total("meterfarm_lease_losses_total") == 0
    with farm.store.farm._farm.database.writing() as session:
        session.connection().execute(text("UPDATE run SET fence = fence + 1, worker = 'elsewhere/1/1'"))
    farm.wait(lambda: scraped.total("meterfarm_lease_losses_total") == 1, 40, "a lost lease")
    again = scraped.total
    farm.wait(lambda: again("meterfarm_runs_queued_again_total", why="worker_gone") == 1, 60, "queued again")
    assert scraped.by("meterfarm_runs_aborted_total", "why") == {("lease_lost",): 1}
    farm.wait(lambda: farm.challenge_of(waits).id != first.id, 60, "asked afresh")
    farm.wait(
        lambda: scraped.total("meterfarm_mail_seconds_count", became="sent") == 1, 70, "a mail is counted"
    )
    assert [taken.recipients for taken in sink.taken] == [["ops@acme.example"]]
    assert sink.taken[0].message["Subject"] == "Trouble at Speculoos Power"
    pending = farm.store.farm.mails.figures().mails[MailState.PENDING]
    assert (pending, scraped.total("meterfarm_mails", state="given_up")) == (0, 0)


def test_a_port_that_is_taken_is_told_at_once(farm: Farm, scraped: Scraped) -> None:
    with socket.create_server(("127.0.0.1", scraped.ports[1])):
        with Forked(["worker", "--processes", "2"], farm.environment, farm.home.parent) as command:
            _, said = command.communicate()
    assert command.returncode == 1
    assert f"worker 2 cannot be served at 127.0.0.1:{scraped.ports[1]}" in said


@pytest.mark.parametrize("setting", ["9600", "here", "127.0.0.1:", ":9600", "127.0.0.1:0", "127.0.0.1:x"])
def test_an_address_that_cannot_be_meant_is_refused(setting: str) -> None:
    with pytest.raises(StorageError, match="METERFARM_METRICS"):
        metrics_address(setting)


def test_each_worker_takes_the_next_port() -> None:
    assert [metrics_of("127.0.0.1:9600", number) for number in range(2)] == [
        "127.0.0.1:9600",
        "127.0.0.1:9601",
    ]
    assert metrics_address(metrics_of("[::1]:9600", 3)) == ("::1", 9603)
    assert metrics_of("", 1) == ""
    with pytest.raises(StorageError, match="METERFARM_METRICS"):
        metrics_of("127.0.0.1:65535", 1)


def test_memory_is_counted_below_the_process_that_started_it() -> None:
    """A grandchild with a hundred megabytes of its own."""
    hold = "import os, sys; held = b'x' * 100_000_000; print(len(held), os.getppid(), flush=True)"
    code = f"{hold}; sys.stdin.read()"
    for _ in range(2):
        code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    root = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with root:
        assert root.stdout is not None
        assert root.stdin is not None
        held, between = map(int, root.stdout.readline().split())
        assert held == 100_000_000
        found, below = browser_memory(root.pid), browser_memory(between)
        root.stdin.close()
    assert found["chromium"].rss >= found["chromium"].pss > 100e6
    assert 0 < found["driver"].pss < 100e6
    assert below["driver"].rss > 100e6
    assert below["chromium"].rss == 0


def test_what_is_switched_off_is_not_imported() -> None:
    """Neither Prometheus' client nor OpenTelemetry's SDK is loaded by a worker that nobody watches."""
    code = (
        "print(*[name for name in sys.modules if re.match(r'prometheus|opentelemetry.(sdk|exporter)', name)])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", f"import meterfarm.worker, re, sys; {code}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not re.search(r"\w", ran.stdout), ran.stdout
