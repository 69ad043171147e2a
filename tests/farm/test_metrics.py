"""What workers tell Prometheus agrees with the database, and their logs name the run."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from fake_utility.running import fake_utility
from farm.metrics import metrics_address, metrics_of
from farm.metrics_browser import browser_memory
from records import RunState
from storage.errors import StorageError
from tests.farm.scraped import Scraped, free_ports
from tests.farm.whole import PASSWORD, UTILITY, Farm, farm_at, many, rows
from tests.forked import Forked

ROOT = Path(__file__).parents[2]
OTHERS = ("partial@speculoos.example", "unknown_page@speculoos.example", "nobody@nowhere.example")
WAITS = "ineedmfa+email@bayou.energy"
ENDED = "SELECT l.utility, r.kind, r.outcome, count(*) FROM run r JOIN login l ON l.id = r.login_id"


@pytest.fixture
def scraped() -> Scraped:
    return Scraped(free_ports(2))


@pytest.fixture
def farm(tmp_path: Path, scraped: Scraped) -> Iterator[Farm]:
    with (
        fake_utility(random_codes=True, home=tmp_path / "portal") as url,
        farm_at(tmp_path / "home", url, METERFARM_METRICS=scraped.setting, METERFARM_LOG="debug") as farm,
    ):
        yield farm


def _ended(farm: Farm) -> dict[tuple[str, ...], float]:
    found = rows(farm, f"{ENDED} WHERE r.state = 'ended' GROUP BY 1, 2, 3")
    return {(utility, kind, outcome): count for utility, kind, outcome, count in found}


@pytest.mark.timeout(300)
def test_counters_of_all_workers_add_up_to_the_rows(farm: Farm, scraped: Scraped, tmp_path: Path) -> None:
    """By utility, kind and outcome. Meanwhile the gauges tell what goes on, and every line names its run."""
    customers = [*farm.add_many("iamvalid@bayou.energy", many(100)), *map(farm.add, OTHERS)]
    waits = farm.add(WAITS)
    with (tmp_path / "log").open("w") as log:
        farm.start(2, stderr=log)
        farm.challenge_of(waits, 120)
        under_way = "meterfarm_runs_under_way"
        farm.wait(lambda: scraped.total(under_way, state="waiting", utility=UTILITY) == 2, 60, "a gauge")
        assert scraped.total("meterfarm_worker_runs", state="waiting") == 1
        assert scraped.total("meterfarm_browser_memory_bytes", part="chromium", measure="pss") > 20e6
        assert scraped.total("meterfarm_database_up") == 2
        with farm.owners():
            farm.wait_for_quiet(200)
        counted = _ended(farm)
        labels = ("utility", "kind", "outcome")
        ended = "meterfarm_runs_ended_total"
        farm.wait(lambda: scraped.by(ended, *labels) == counted == _ended(farm), 30, f"counters {counted}")
        _check_histograms(scraped, counted)
        _check_names(scraped)
        farm.stop()
    assert {outcome for _, _, outcome in counted} >= {"complete", "unknown_page", "bad_credentials"}
    assert sum(counted.values()) >= 2 * len(customers) - len(OTHERS)
    _check_log(farm, (tmp_path / "log").read_text(), [each.username for each in [*customers, waits]])


def _check_histograms(scraped: Scraped, counted: dict[tuple[str, ...], float]) -> None:
    """Each run was measured, and each portal's requests."""
    count = scraped.by("meterfarm_step_seconds_count", "step")
    assert count[("run",)] == sum(counted.values())
    assert 0 < count[("collect",)] < count[("sign_in",)] <= count[("run",)]
    took = scraped.by("meterfarm_step_seconds_sum", "step")
    assert took[("run",)] >= took[("sign_in",)] + took[("collect",)]
    assert scraped.total("meterfarm_limit_wait_seconds_count", utility=UTILITY) > count[("run",)]
    for text_ in scraped.texts():
        assert "@" not in text_
        assert "iamvalid" not in text_


def _check_names(scraped: Scraped) -> None:
    """All that dashboard and alerts ask for is there, by name, also what has not happened yet."""
    told = re.findall(r"^# TYPE (\w+) (\w+)$", "\n".join(scraped.texts()), re.MULTILINE)
    names = {name for name, _ in told}
    names |= {f"{name}_{part}" for name, kind in told if kind == "histogram" for part in ("bucket", "count")}
    asked = [
        set(re.findall(r"\b(?:meterfarm|process)_\w+", (ROOT / "deploy" / file).read_text()))
        for file in ("grafana/dashboard.json", "prometheus/alerts.yml")
    ]
    for some in asked:
        assert len(some) > 7
        assert some <= names, some - names


def _check_log(farm: Farm, log: str, usernames: list[str]) -> None:
    lines = [json.loads(line) for line in log.splitlines() if line.strip()]
    its_customer = {run.id: run.customer_id for run in farm.runs() if run.started_at is not None}
    of_runs = [line for line in lines if "run" in line]
    assert {line["run"] for line in of_runs} == set(its_customer)
    for line in of_runs:
        assert (line["utility"], line["customer"]) == (UTILITY, its_customer[line["run"]]), line
    for line in lines:
        assert "run" in line or line["event"] not in {"get", "open", "arrive", "submit", "stored"}, line
    for run in farm.runs():
        mine = [line for line in of_runs if line["run"] == run.id and line["level"] == "info"]
        if run.state is RunState.ENDED:
            assert (mine[0]["event"], mine[-1]["event"]) == ("taken", run.outcome), mine
            assert mine[-1]["elapsed"] >= 0
    assert {"signed in", "collected", "waits for an answer", "goes on"} <= {line["event"] for line in of_runs}
    for secret in [PASSWORD, *usernames]:
        assert secret.lower() not in log.lower(), secret


@pytest.mark.timeout(240)
def test_a_run_that_is_taken_away_is_counted_by_who_lost_it_and_who_queued_it_again(
    farm: Farm, scraped: Scraped
) -> None:
    waits = farm.add(WAITS)
    farm.start(2)
    first = farm.challenge_of(waits)
    assert scraped.total("meterfarm_lease_losses_total") == 0
    with farm.store._database.writing() as session:
        session.connection().execute(text("UPDATE run SET fence = fence + 1, worker = 'elsewhere/1/1'"))
    farm.wait(lambda: scraped.total("meterfarm_lease_losses_total") == 1, 40, "a lost lease")
    again = scraped.total
    farm.wait(lambda: again("meterfarm_runs_queued_again_total", why="worker_gone") == 1, 60, "queued again")
    assert scraped.by("meterfarm_runs_broken_off_total", "why") == {("lease_lost",): 1}
    farm.wait(lambda: farm.challenge_of(waits).id != first.id, 60, "asked afresh")


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
    hold = "import sys; held = b'x' * 100_000_000; print(len(held), flush=True); sys.stdin.read()"
    between = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    child = subprocess.Popen(
        [sys.executable, "-c", between], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "100000000\n"
        found = browser_memory(os.getpid())
        child.stdin.close()
    assert found["chromium"].rss >= found["chromium"].pss > 100e6
    assert 0 < found["driver"].pss < 100e6
    assert browser_memory(child.pid)["chromium"].rss == 0


def test_what_is_switched_off_is_not_imported() -> None:
    """Neither of the libraries is loaded by a worker that nobody watches."""
    code = (
        "import worker, sys; print(*[name for name in sys.modules if re.match(r'prometheus|opentel', name)])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", f"import re; {code}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not re.search(r"\w", ran.stdout), ran.stdout
