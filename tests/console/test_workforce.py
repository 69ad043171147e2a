"""Where nobody takes the runs that are queued, commands that queue or show them say so, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meterfarm.console.command_context import CommandContext
from meterfarm.console.farm.workers import _what_next
from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.farm.settings import FarmSettings
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore
from meterfarm.support.redact import Secrets
from tests.console.command import Command
from tests.farm.redises import redis_at, told

ADD = ("customer", "add", "speculoos_power", "--username", "ada@bayou.energy", "--password-stdin")


def test_without_a_worker_every_command_that_queues_or_shows_says_so(
    command: Command, store: CompanyStore, home: Path
) -> None:
    nobody = f"No worker runs on the state in {home} (METERFARM_HOME); start one with `./run worker`."
    added = command(*ADD, stdin="x\n")
    assert added.stdout == "customer 1 added; run 1 queued\n"
    assert added.stderr == f"meterfarm: {nobody}\n"
    assert command("run", "cancel", "1").status == 0
    assert nobody not in command("runs").stderr, "nothing waits"
    assert command("run", "retry", "1").stderr == f"meterfarm: {nobody}\n"
    listed = command("runs")
    assert (nobody in listed.stderr, nobody in listed.stdout) == (True, False)
    assert nobody in command("run", "show", "2").stdout.replace("\n", " ")
    assert nobody in json.loads(command("run", "show", "2", "--json").stdout)["next"]
    found = {one["check"]: one for one in json.loads(command("doctor", "--json").stdout)}
    assert found["workers"]["health"] == "warning"
    assert f"none runs on the state in {home}" in found["workers"]["detail"]
    assert store.farm.workforce.key() in found["Redis"]["detail"]


def test_workers_of_the_other_queue_are_not_enough(command: Command, store: CompanyStore) -> None:
    store.farm.workforce.heartbeat(["data"])
    lacking = "No worker serves the queue interactive, those that run serve data only"
    assert lacking in command(*ADD, stdin="x\n").stderr
    assert "`./run worker --queue interactive`" in command("runs").stderr
    assert lacking in command("run", "show", "1").stdout
    found = {one["check"]: one for one in json.loads(command("doctor", "--json").stdout)}
    assert "1 serves data" in found["workers"]["detail"]
    assert "none serves interactive" in found["workers"]["detail"]
    store.farm.workforce.heartbeat(["interactive", "data"])
    assert command("runs").stderr == ""
    assert "No worker" not in command("run", "show", "1").stdout
    assert [worker.queues for worker in store.farm.workforce.workers()] == [("interactive", "data")]
    store.farm.workforce.leave()
    assert store.farm.workforce.unserved_queues() == {"interactive"}
    assert store.farm.workforce.served_queues() == set()


def test_a_redis_that_cannot_be_used_is_said_where_runs_are_queued(
    command: Command, store: CompanyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis_at(tmp_path / "redis") as port:
        told(port, "CONFIG SET maxmemory 1")
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}")
        added = command(*ADD, stdin="x\n")
    assert (added.status, added.stdout) == (0, "customer 1 added; run 1 queued\n")
    assert f"Redis at 127.0.0.1:{port}/0 is full and takes nothing more" in added.stderr
    monkeypatch.setenv("REDIS_URL", "redis://:canary#x@127.0.0.1:1")
    refused = command("run", "retry", "1")
    assert "canary" not in refused.stderr
    assert store.farm.workforce.unserved_queues() == {"interactive"}


def test_up_says_which_state_other_commands_have_to_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    controls = "http://127.0.0.1:8600/portals"
    at = Addresses({}, {portal.id: f"{controls}/{portal.id}" for portal in fake_portals()}, "")
    said = _what_next(CommandContext(Settings(), FarmSettings(), Secrets()), at)
    assert f"The state is in {tmp_path}/.meterfarm (METERFARM_HOME).\n" in said
    assert "In another terminal, in this directory:\n  ./run customer add" in said
    elsewhere = CommandContext(Settings(home=tmp_path / "a home"), FarmSettings(), Secrets())
    at = Addresses({}, {"speculoos_power": "http://127.0.0.1:1/portals/speculoos_power"}, "")
    said = _what_next(elsewhere, at)
    assert f"In another terminal:\n  export METERFARM_HOME='{tmp_path}/a home'\n" in said
    assert "  export METERFARM_FAKE_CONTROLS=http://127.0.0.1:1/portals\n" in said


def test_a_worker_that_ended_without_a_word_is_none(store: CompanyStore) -> None:
    store.farm.workforce.heartbeat(["data"])
    assert len(store.farm.workforce.workers()) == 1
    with store.farm._farm.database.writing() as session:
        session.connection().exec_driver_sql("UPDATE worker SET process = replace(process, '/', '/1')")
    assert store.farm.workforce.workers() == []
