"""A real Prometheus scrapes real workers; what the dashboard asks it for is answered."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from meterfarm.fake_utility.running import FakeUtility
from tests.farm.scraped import Scraped, free_ports
from tests.farm.whole import Farm, farm_at, rows

ROOT = Path(__file__).parents[2]
_VARIABLES = {"$__rate_interval": "1m", "$__range": "10m", "$utility": ".*"}
_NEVER_HAPPENED = ("Runs aborted",)
"""Panels without a line in a farm that is well."""


@pytest.mark.timeout(240)
def test_prometheus_sees_what_the_database_has(tmp_path: Path) -> None:
    scraped = Scraped(free_ports(2))
    with (
        FakeUtility(random_codes=True, home=tmp_path / "portal") as at,
        farm_at(tmp_path / "home", at.http["speculoos_power"], METERFARM_METRICS=scraped.setting) as farm,
        _prometheus(tmp_path, scraped) as address,
    ):
        farm.start(2)
        farm.wait(lambda: _asked(address, 'count(up{job="meterfarm"} == 1)') == [2], 60, "two workers up")
        farm.add_many("iamvalid@bayou.energy", 3)
        farm.add("unknown_page@speculoos.example")
        farm.wait_for_quiet(120)
        [(ended,)] = rows(farm, "SELECT count(*) FROM run WHERE state = 'ended'")
        assert ended >= 7
        farm.wait(lambda: _asked(address, "sum(meterfarm_runs_ended_total)") == [ended], 30, "the same count")
        _check_panels(farm, address)
        groups = httpx.get(f"{address}/api/v1/rules", timeout=10).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) > 8
        farm.wait(lambda: _health(address) == {"ok"}, 60, "rules that were tried")


def _check_panels(farm: Farm, address: str) -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            expr = target["expr"]
            for variable, value in _VARIABLES.items():
                expr = expr.replace(variable, value)
            answer = _asked(address, expr)
            assert answer or panel["title"] in _NEVER_HAPPENED, f"{panel['title']}: {expr}"


def _asked(address: str, expr: str) -> list[float]:
    answer = httpx.get(f"{address}/api/v1/query", params={"query": expr}, timeout=10)
    assert answer.status_code == 200, answer.text
    return [float(one["value"][1]) for one in answer.json()["data"]["result"]]


def _health(address: str) -> set[Any]:
    groups = httpx.get(f"{address}/api/v1/rules", timeout=10).json()["data"]["groups"]
    return {rule["health"] for group in groups for rule in group["rules"]}


@contextmanager
def _prometheus(folder: Path, scraped: Scraped) -> Iterator[str]:
    """As `deploy/prometheus/prometheus.yml` has it, but for whom it asks, and how often."""
    told = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    told["global"] = {"scrape_interval": "1s", "evaluation_interval": "2s"}
    told["rule_files"] = [str(ROOT / "deploy" / "prometheus" / "alerts.yml")]
    told["scrape_configs"] = [job] = [job for job in told["scrape_configs"] if job["job_name"] == "meterfarm"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in scraped.ports]}]
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(told), encoding="utf-8")
    (port,) = free_ports(1)
    with (folder / "prometheus.log").open("w") as log:
        server = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            client.get(f"{address}/-/healthy", timeout=10).raise_for_status()
        yield address
    finally:
        server.terminate()
        server.wait(20)
