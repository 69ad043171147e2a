"""The dashboard is one that Grafana can load and people can read; Prometheus' files fit each other."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from meterfarm.records import Outcome, RunKind, WhoActs

DEPLOY = Path(__file__).parents[2] / "deploy"
_COLUMNS = 24
_KINDS = {"timeseries", "stat", "table"}
_BUILT_IN = {"__rate_interval", "__range"}


@pytest.fixture(scope="module")
def dashboard() -> Any:
    return json.loads((DEPLOY / "grafana" / "dashboard.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def alerts() -> Any:
    (group,) = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return group["rules"]


def _panels(dashboard: Any) -> list[Any]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_the_dashboard_is_for_import(dashboard: Any) -> None:
    """No id of somebody's Grafana, and no data source but the one that is chosen."""
    assert (dashboard["id"], dashboard["uid"], dashboard["title"]) == (None, "meterfarm", "Meterfarm")
    assert dashboard["schemaVersion"] >= 36
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in _panels(dashboard):
        assert panel["type"] in _KINDS
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert {"defaults", "overrides"} <= set(panel["fieldConfig"])
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == chosen
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs) > 0
        assert all(target["expr"] for target in panel["targets"])


def test_its_panels_have_ids_of_their_own_and_lie_side_by_side(dashboard: Any) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    for place in places:
        assert 0 <= place["x"] < place["x"] + place["w"] <= _COLUMNS
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


def test_its_variables_are_declared(dashboard: Any) -> None:
    declared = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(_panels(dashboard))))
    assert used - _BUILT_IN == declared == {"datasource", "utility"}


def test_each_alert_says_what_is_wrong_and_what_to_do(alerts: Any) -> None:
    assert len({rule["alert"] for rule in alerts}) == len(alerts) > 8
    for rule in alerts:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert len(rule["annotations"]["description"]) > 30


def test_alerts_name_outcomes_that_there_are(alerts: Any, dashboard: Any) -> None:
    """Who must come back is who the table of outcomes says; kinds and queues are words of ours."""
    exprs = [rule["expr"] for rule in alerts]
    exprs += [target["expr"] for panel in _panels(dashboard) for target in panel["targets"]]
    named = [set(found.split("|")) for expr in exprs for found in re.findall(r'outcome=~"([^"]+)"', expr)]
    assert len(named) >= 4
    known = {outcome.value for outcome in Outcome}
    customer = {outcome.value for outcome in Outcome if outcome.who_acts is WhoActs.CUSTOMER}
    for some in named:
        assert some <= known
        if "bad_credentials" in some:
            assert some == customer
    kinds = {found for expr in exprs for found in re.findall(r'kind="([^"]+)"', expr)}
    assert kinds <= {kind.value for kind in RunKind}


def test_prometheus_is_told_of_the_rules_and_of_the_job_that_they_name(alerts: Any) -> None:
    told = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    for file in told["rule_files"]:
        assert (DEPLOY / "prometheus" / file).is_file()
    jobs = {job["job_name"] for job in told["scrape_configs"]}
    assert {job for rule in alerts for job in re.findall(r'job="([^"]+)"', rule["expr"])} <= jobs
