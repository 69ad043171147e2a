"""Customers of every kind go through real workers, each to the outcome they are for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis

from meterfarm.fake_utility import listing
from meterfarm.farm.redis.private import redis_url
from meterfarm.records import Outcome, RunState
from tests.fake_portal import fake_portal
from tests.farm.measured import check_counters, check_log, check_waiting
from tests.farm.scraped import Scraped, free_ports
from tests.farm.whole import PASSWORD, Farm, check_whole, farm_at, many, rows
from tests.postgres import running
from tests.scale import at_full_scale
from tests.storage.made import key

_REJECTED = {Outcome.BAD_CREDENTIALS, Outcome.ACCOUNT_LOCKED, Outcome.PASSWORD_CHANGE_REQUIRED}
_TOO_LONG_AGO = "partial@speculoos.example"
"""Its gap is older than what is fetched here."""
_ALSO_COMPLETE = (
    *("electric-only@bayou.energy", "gas-only@bayou.energy", "customer-must-reauthenticate@bayou.energy"),
    *("ineedmfa+security_question@bayou.energy", "ineedmfa+email@bayou.energy", "ineedmfa+totp@bayou.energy"),
    "totp@speculoos.example",
)
"""Others who end complete go through more of the portal than these; with ``FARM_SCALE=1`` all do."""


@pytest.mark.timeout(300)
def test_customers_of_mixed_kinds_end_as_they_are_meant_to(tmp_path: Path) -> None:
    """Their ledgers have no unexplained gap, and the portal saw one attempt of each rejected password.

    What the workers tell Prometheus agrees with the database: the gauges meanwhile, the counters afterwards.
    Every line of their logs names its run.
    """
    meant = _mixed(many(100))
    scraped = Scraped(free_ports(2))
    told = {"METERFARM_METRICS": scraped.setting, "METERFARM_LOG": "debug"}
    with (
        fake_portal(tmp_path / "p") as url,
        farm_at(tmp_path / "h", url, **told) as farm,
        (tmp_path / "log").open("w") as log,
    ):
        customers = {username: farm.add(username) for username in meant}
        farm.start(2, stderr=log)
        check_waiting(farm, scraped)
        with farm.owners():
            farm.wait_for_quiet(200)
        _leave_the_portal_alone(farm)
        counted = check_counters(farm, scraped)
        farm.stop()
        completed = list(meant.values()).count(Outcome.COMPLETE)
        assert sum(counted.values()) >= len(meant) + completed
        check_log(farm, (tmp_path / "log").read_text(), list(meant))
        assert {username: farm.last(customer).outcome for username, customer in customers.items()} == meant
        for run in farm.runs():
            assert run.state is RunState.ENDED or run.why.startswith("retry after"), run
            if run.outcome is Outcome.COMPLETE:
                assert run.stored == run.listed, run
        stats = farm.stats()["customers"]
        for username, outcome in meant.items():
            if outcome in _REJECTED:
                assert stats[username]["password_attempts"] == 1, username
        check_whole(farm)


def _leave_the_portal_alone(farm: Farm) -> None:
    """What is to be tried again later is not, so that nothing is counted any more."""
    for run in farm.store.runs.list(limit=1000, active=True):
        farm.store.runs.cancel(run.id)


@pytest.fixture(params=["postgres", *at_full_scale("sqlite")])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What a farm's commands are told of its database."""
    if request.param == "sqlite":
        yield {}
        return
    server = running()
    yield {"DATABASE_URL": server.url(server.new_database()), "METERFARM_SECRET_KEYS": key(9)}


@pytest.mark.timeout(240)
def test_four_processes_keep_within_the_portals_limits_and_lose_nothing(
    tmp_path: Path, database: dict[str, str]
) -> None:
    """One of them is killed on the way. No secret is in any row, payload, file, or log."""
    names = [f"iamvalid.{number}@bayou.energy" for number in range(1, 1 + many(16))]
    names += ["ineedmfa+email@bayou.energy", "unknown_page@speculoos.example", "nobody@nowhere.example"]
    with (
        fake_portal(tmp_path / "p") as url,
        farm_at(tmp_path / "h", url, METERFARM_LIMITS="", METERFARM_LOG="debug", **database) as farm,
    ):
        customers = [farm.add(name) for name in names]
        with farm.owners(), (tmp_path / "log").open("w") as log:
            farm.start(4, stderr=log)
            farm.wait(lambda: [run for run in farm.runs() if run.stored], 60, "a collected customer")
            payloads = _redis_holds(farm)
            os.kill(farm.worker_pids()[0], signal.SIGKILL)
            farm.wait_for_quiet(150)
            farm.retry_in_doubt()
        assert farm.outcomes(customers) == [
            *[Outcome.COMPLETE] * (len(names) - 2),
            Outcome.UNKNOWN_PAGE,
            Outcome.BAD_CREDENTIALS,
        ]
        stats = farm.stats()
        assert stats["peak_concurrent"] <= 4
        assert stats["peak_per_second"] <= 20
        check_whole(farm)
        _check_secrets(farm, payloads, (tmp_path / "log").read_bytes())


def _mixed(count: int) -> dict[str, Outcome]:
    """One customer of each outcome and an unknown one, and those who take the longest way to a complete one.

    From 100 on one of each kind, then more of the ordinary ones.
    """
    rows = listing.rows("speculoos_power")
    kinds = {str(row["username"]): Outcome(str(row["outcome"])) for row in rows}
    del kinds[_TOO_LONG_AGO]
    for username in _ALSO_COMPLETE if count < 100 else ():
        del kinds[username]
    meant = {**kinds, "nobody@nowhere.example": Outcome.BAD_CREDENTIALS}
    ordinary = [name for name, outcome in kinds.items() if outcome is Outcome.COMPLETE]
    number = 0
    while len(meant) < count:
        local, _, domain = ordinary[number % len(ordinary)].partition("@")
        number += 1
        meant[f"{local}.{number}@{domain}"] = Outcome.COMPLETE
    return meant


def _redis_holds(farm: Farm) -> bytes:
    """All keys and values, as Redis itself writes them down."""
    with closing(Redis(unix_socket_path=urlsplit(redis_url(farm.home)).path)) as redis:
        keys: list[bytes] = list(redis.scan_iter())
        dumps: list[Any] = [redis.dump(name) for name in keys]
    return b"".join(keys) + b"".join(dump or b"" for dump in dumps)


def _check_secrets(farm: Farm, payloads: bytes, log: bytes) -> None:
    places = {"Redis": payloads, "log": log, "rows": _all_rows(farm).encode()}
    for path in farm.home.rglob("*"):
        if path.is_file() and "files" not in path.parts:
            places[str(path)] = path.read_bytes()
    assert len(payloads) > 100
    assert b'"run"' in log
    assert any("evidence" in name for name in places)
    canaries = {PASSWORD, PASSWORD.replace(" ", "%20"), PASSWORD.replace(" ", "+")}
    found = [name for name, content in places.items() for canary in canaries if canary.encode() in content]
    assert not found


def _all_rows(farm: Farm) -> str:
    tables = [
        *("run", "run_step", "challenge", "event", "credential", "customer", "saved_session", "ledger_item"),
        *("login", "sent_password"),
    ]
    return "\n".join(str(row) for table in tables for row in rows(farm, f"SELECT * FROM {table}"))  # noqa: S608
