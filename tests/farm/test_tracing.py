"""Traces of runs reach a collector that is asked for, by OTLP over HTTP, and no secret does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry import trace

from meterfarm.records import Outcome, RunKind, RunState
from meterfarm.scrapers.state import PortalSession
from meterfarm.storage.runs import RunInfo
from meterfarm.support.tracing import span
from tests.fake_portal import fake_portal
from tests.farm.collector import Collector, collecting
from tests.farm.whole import PASSWORD, UTILITY, Farm, farm_at
from tests.forked import Forked

ASKED = "ineedmfa+email@bayou.energy"
STRANGER = "unknown_page@speculoos.example"


@pytest.mark.timeout(240)
def test_a_runs_stages_and_requests_are_told_within_it(tmp_path: Path) -> None:
    """Connecting, with MFA and a browser, collecting without either, and a run that fails."""
    with (
        collecting() as collector,
        fake_portal(tmp_path / "portal") as url,
        farm_at(
            tmp_path / "home", url, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="200"
        ) as farm,
    ):
        customer, stranger = farm.add(ASKED), farm.add(STRANGER)
        farm.start(1)
        challenge = farm.challenge_of(customer, 120)
        code = farm._code(challenge)
        farm.answer(challenge, code)
        farm.wait(lambda: farm.runs(customer)[0].outcome is Outcome.COMPLETE and len(_ended(farm)) == 3, 120)
        farm.wait_for_quiet()
        farm.stop()
        _check_runs(collector, farm)
        _check_connect(collector, farm.runs(customer)[-1].id)
        _check_collect(collector, farm.runs(customer)[0].id)
        (failed,) = collector.named("sign_in", **{"error.type": "unknown_page"})
        assert failed.failed
        (its_run,) = (one for one in collector.named("run") if one.id == failed.parent)
        assert its_run.attributes["run.id"] == farm.last(stranger).id
        _check_secrets(collector, farm, code)


def _ended(farm: Farm) -> Sequence[RunInfo]:
    return [run for run in farm.runs() if run.state is RunState.ENDED]


def _check_runs(collector: Collector, farm: Farm) -> None:
    """A trace each, which says whose run it was and how it ended."""
    told = {
        run.attributes["run.id"]: (
            run.attributes["utility"],
            run.attributes["customer.id"],
            run.attributes["kind"],
            run.attributes["outcome"],
        )
        for run in collector.named("run")
    }
    assert told == {run.id: (run.utility, run.customer_id, run.kind, run.outcome) for run in _ended(farm)}
    assert len({run.trace for run in collector.named("run")}) == len(told)
    by_id = {one.id for one in collector.spans}
    assert all(one.parent in by_id for one in collector.spans if one.parent)
    assert {one.name for one in collector.spans if not one.parent} == {"run"}
    for one in collector.spans:
        assert one.service["service.name"] == "meterfarm"
        assert one.seconds >= 0


def _of(collector: Collector, run_id: int) -> Collector:
    (run,) = collector.named("run", **{"run.id": run_id})
    return Collector(spans=[one for one in collector.spans if one.trace == run.trace])


def _check_connect(collector: Collector, run_id: int) -> None:
    its = _of(collector, run_id)
    assert its.named("run")[0].attributes["kind"] == RunKind.CONNECT
    pages = its.named("page")
    assert pages
    assert all(its.above(page) == ["run", "sign_in"] for page in pages)
    assert any(str(page.attributes["url.path"]).startswith("/") for page in pages)
    (asked,) = its.named("mfa")
    assert (its.above(asked), asked.attributes["factor"]) == (["run", "sign_in"], "email")
    (end,) = its.named("store")
    assert (its.above(end), end.attributes["what"]) == (["run"], "end")


def _check_collect(collector: Collector, run_id: int) -> None:
    its = _of(collector, run_id)
    (run,) = its.named("run")
    assert (run.attributes["kind"], run.attributes["utility"]) == (RunKind.COLLECT, UTILITY)
    assert not its.named("page")
    gets = its.named("GET")
    assert {tuple(its.above(get)) for get in gets} == {("run", "sign_in"), ("run", "collect")}
    assert {get.attributes["http.response.status_code"] for get in gets} == {200, 303}, (
        "a redirect is told, too"
    )
    assert {get.attributes["server.address"] for get in gets} == {"127.0.0.1"}
    for name in ("read", "store"):
        for what in ("bill", "intervals"):
            found = [one for one in its.named(name) if str(one.attributes["what"]).startswith(what)]
            assert found, (name, what)
            assert {tuple(its.above(one)) for one in found} == {("run", "collect")}


def _check_secrets(collector: Collector, farm: Farm, code: str) -> None:
    sent = b"".join(collector.bodies)
    saved = [
        farm.store.credentials.run_context(farm.customer(one.username)).session
        for one in farm.store.customers.list()
    ]
    sessions = [PortalSession.from_bytes(one.state) for one in saved if one is not None]
    cookies = [secret for session in sessions if session is not None for secret in session.secrets()]
    assert cookies
    canaries = [PASSWORD, PASSWORD.replace(" ", "%20"), PASSWORD.replace(" ", "+"), code, *cookies]
    for canary in [*canaries, ASKED, STRANGER]:
        assert canary.encode() not in sent, canary
    assert b"?" not in b"".join(str(one.attributes.get("url.path")).encode() for one in collector.spans)


@pytest.mark.timeout(120)
def test_scrape_is_traced_and_a_collector_that_is_away_holds_up_nothing(tmp_path: Path) -> None:
    with collecting() as collector:
        arguments = ["scrape", UTILITY, "--fake", "--username", "iamvalid@bayou.energy", "--password-stdin"]
        environment = {"METERFARM_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
        traced = {**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "mine"}
        since = ["--since", "2026-09-01"]
        with Forked([*arguments, *since], traced, tmp_path) as command:
            said, errors = command.communicate(f"{PASSWORD}\n")
        assert command.returncode == 0, said + errors
        (run,) = collector.named("run", outcome="complete")
        assert run.service["service.name"] == "mine"
        assert run.service["process.command"] == "scrape"
        assert PASSWORD.encode() not in b"".join(collector.bodies)
    headers = "Authorization: Bearer canary-31415"
    away = {
        **environment,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": headers,
    }
    with Forked([*arguments, *since], away, tmp_path) as command:
        said, errors = command.communicate(f"{PASSWORD}\n")
    assert command.returncode == 0, said + errors
    assert "canary-31415" not in said + errors
    assert "write name=value" in errors
    assert all(json.loads(line)["level"] for line in errors.splitlines() if line.startswith("{"))


def test_without_an_endpoint_nothing_is_recorded() -> None:
    with span("run", run__id=1) as stage:
        stage.set(outcome="complete")
        assert not trace.get_current_span().is_recording()
