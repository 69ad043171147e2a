"""Prometheus' own tool accepts what it and Grafana are given, and the alerts fire when they should."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
_VARIABLES = {"$__rate_interval": "5m", "$__range": "6h", "$utility": ".*"}


def _promtool(*arguments: str | Path) -> str:
    ran = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_the_configuration_and_the_rules_are_accepted() -> None:
    said = _promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert "rule files found" in said
    found = re.search(r"SUCCESS: (\d+) rules found", _promtool("check", "rules", PROMETHEUS / "alerts.yml"))
    assert found is not None
    assert int(found[1]) > 8


def test_alerts_fire_when_they_should_and_only_then() -> None:
    """Every alert is tried both ways."""
    tests = Path(__file__).with_name("alerts_test.yml")
    assert "SUCCESS" in _promtool("test", "rules", tests)
    names = re.findall(r"alert: (\w+)", (PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
    for name in names:
        assert tests.read_text(encoding="utf-8").count(name) >= 2, f"{name} is not tried"


def test_every_expression_of_the_dashboard_is_understood(tmp_path: Path) -> None:
    """As recording rules, with Grafana's variables filled in."""
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
    exprs = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(exprs) > 20
    for variable, value in _VARIABLES.items():
        exprs = [expr.replace(variable, value) for expr in exprs]
    rules = [{"record": f"panel:number{number}", "expr": expr} for number, expr in enumerate(exprs)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    assert f"{len(exprs)} rules found" in _promtool("check", "rules", file)
