"""A simulated farm at a small scale: refreshes are in time, and no portal sees more than it bears."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meterfarm.bench.simulate import planned, simulate
from meterfarm.bench.simulation.plan import CUSTOMERS_A_PORTAL, CUSTOMERS_A_WORKER, Down, SimulationPlan
from meterfarm.cli import app
from meterfarm.console.errors import UsageError

PLAN = SimulationPlan(
    customers=CUSTOMERS_A_PORTAL,
    portals=1,
    workers=CUSTOMERS_A_PORTAL // CUSTOMERS_A_WORKER,
    before_hours=0.5,
    outage_hours=2,
    after_hours=1.5,
)


@pytest.mark.parametrize("down", list(Down))
async def test_refreshes_are_in_time_and_again_after_an_outage(down: Down) -> None:
    outcome = await simulate(replace(PLAN, down=down))
    before, outage, after = outcome.phases
    assert 0.45 < before.refreshes / PLAN.customers < 0.6
    assert before.late.p99 < 600
    assert outage.overdue > 0.9 * PLAN.customers
    assert outage.refreshes < PLAN.customers / 100
    assert after.refreshes > PLAN.customers
    assert outcome.in_time_again is not None
    assert outcome.in_time_again < 5400
    assert outcome.over_the_limit == 0
    assert (after.seen.most_at_once, after.seen.most_in_a_window) == (PLAN.at_once, 20)
    if down is Down.PORTALS:
        assert 10 < outage.failed < 100, "the breaker lets one try at a time"


async def test_what_is_over_the_limit_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meterfarm.bench.simulation.gate.Gate.free_at", lambda gate, now: now)
    outcome = await simulate(replace(PLAN, customers=2_000, outage_hours=0, after_hours=0))
    assert outcome.over_the_limit == 1


async def test_too_few_workers_are_late() -> None:
    """The capacity that docs/scale.md states is not there by itself."""
    outcome = await simulate(
        replace(PLAN, workers=1, latency=0.4, before_hours=1, outage_hours=0, after_hours=0)
    )
    assert outcome.phases[0].late.p99 > 600


async def test_the_same_dice_give_the_same_figures() -> None:
    plan = replace(PLAN, customers=500, outage_hours=0.5, after_hours=0.5)
    first, second = [(await simulate(plan)).phases for _ in range(2)]
    assert first == second


async def test_an_outage_may_be_shorter_than_the_look_at_the_queue() -> None:
    outcome = await simulate(replace(PLAN, customers=10, outage_hours=0.001, after_hours=0.1))
    assert [phase.phase for phase in outcome.phases] == ["before", "outage", "after"]
    assert outcome.phases[1].overdue <= 10


def test_a_file_that_cannot_be_written_is_told_before_anything_is_simulated(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "nothing" / "figures.json"):
        done = CliRunner().invoke(app, ["simulate", "--customers", "1000000", "--json", str(file)])
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"{file} cannot be written" in done.stderr


def test_the_command_tells_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(
        app, ["simulate", "--customers", "300", "--portals", "2", "--outage", "0.5", "--json", str(file)]
    )
    assert done.exit_code == 0, done.output
    assert "No portal saw more than 4 requests at once or 20 a second." in done.output
    told = json.loads(file.read_text())
    assert [phase["phase"] for phase in told["phases"]] == ["before", "outage", "after"]
    assert (told["plan"]["portals"], told["plan"]["workers"], told["over_the_limit"]) == (2, 1, 0)
    assert set(told["phases"][0]["late"]) == {"p50", "p95", "p99", "most"}


@pytest.mark.parametrize(
    ("down", "limit"),
    [("redis", "4:20"), ("farm", "4"), ("farm", "0:20"), ("farm", "x:y"), ("farm", "4:1e308")],
)
def test_what_cannot_be_simulated_is_refused(down: str, limit: str) -> None:
    with pytest.raises(UsageError, match=r"--down redis|--limit"):
        planned(10, None, None, 3, 2, down, limit, 0.1, 0.2, 5)


def test_a_simulation_without_an_end_is_refused() -> None:
    for outage, seconds, latency in ((math.inf, 0.1, 0.2), (2, math.inf, 0.2), (2, 0.1, math.inf)):
        with pytest.raises(UsageError, match="would not end"):
            planned(10, None, None, 3, outage, "portals", "4:20", seconds, latency, 5)
