"""What a farm's metrics and log lines must say after its runs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from meterfarm.records import RunState
from tests.farm.scraped import Scraped
from tests.farm.whole import PASSWORD, UTILITY, Farm, rows

ROOT = Path(__file__).parents[2]
_ENDED = "SELECT l.utility, r.kind, r.outcome, count(*) FROM run r JOIN login l ON l.id = r.login_id"


def check_waiting(farm: Farm, scraped: Scraped) -> None:
    """Once all who are asked wait, the gauges tell of it, each worker for all and of its own."""

    def are_told() -> bool:
        [(waiting,)] = rows(farm, "SELECT count(*) FROM run WHERE state = 'waiting'")
        everywhere = scraped.total("meterfarm_runs_in_progress", state="waiting", utility=UTILITY)
        its_own = scraped.total("meterfarm_worker_runs", state="waiting")
        return bool(waiting and everywhere == 2 * waiting and its_own == waiting)

    farm.wait(are_told, 60, "gauges of those who wait")
    assert scraped.total("meterfarm_database_up") == 2


def check_counters(farm: Farm, scraped: Scraped) -> dict[tuple[str, ...], float]:
    """The sums over all workers are the rows, by utility, kind and outcome; so many they are."""
    counted = ended(farm)
    labels = ("utility", "kind", "outcome")
    name = "meterfarm_runs_ended_total"
    farm.wait(lambda: scraped.by(name, *labels) == counted == ended(farm), 30, f"counters {counted}")
    _check_histograms(scraped, counted)
    _check_names(scraped)
    return counted


def ended(farm: Farm) -> dict[tuple[str, ...], float]:
    found = rows(farm, f"{_ENDED} WHERE r.state = 'ended' GROUP BY 1, 2, 3")
    return {(utility, kind, outcome): count for utility, kind, outcome, count in found}


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
        set(re.findall(r'(?<!job=")\b(?:meterfarm|process)_\w+', (ROOT / "deploy" / file).read_text()))
        for file in ("grafana/dashboard.json", "prometheus/alerts.yml")
    ]
    for some in asked:
        assert len(some) > 7
        assert some <= names, some - names


def check_log(farm: Farm, log: str, usernames: Sequence[str]) -> None:
    """Every line of a run names it, and none a secret."""
    lines = [json.loads(line) for line in log.splitlines() if line.strip()]
    its_customer = {run.id: run.customer_id for run in farm.runs() if run.started_at is not None}
    of_runs = [line for line in lines if "run" in line]
    assert {line["run"] for line in of_runs} == set(its_customer)
    for line in of_runs:
        assert (line["utility"], line["customer"]) == (UTILITY, its_customer[line["run"]]), line
    of_visits = {"request.answered", "page.opened", "page.recognised", "control.pressed", "bill.stored"}
    for line in lines:
        assert "run" in line or line["event"] not in of_visits, line
    for run in farm.runs():
        mine = [line for line in of_runs if line["run"] == run.id and line["level"] == "info"]
        if run.state is RunState.ENDED:
            assert (mine[0]["event"], mine[-1]["event"]) == ("run.claimed", "run.ended"), mine
            assert mine[-1]["elapsed"] >= 0
            assert mine[-1]["outcome"] == run.outcome
    assert {"run.signed_in", "run.collected"} <= {line["event"] for line in of_runs}
    assert {"challenge.opened", "challenge.answered"} <= {line["event"] for line in of_runs}
    for secret in [PASSWORD, *usernames]:
        assert secret.lower() not in log.lower(), secret
