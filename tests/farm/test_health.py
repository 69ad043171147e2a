"""A worker says by HTTP whether it is well, and an orchestrator can ask."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from meterfarm.farm.telemetry.health import HEALTH, Liveness, health_of
from meterfarm.storage import StorageError
from tests import asking
from tests.farm.post import free_port
from tests.farm.redises import redis_at
from tests.farm.whole import ROOT, Farm, farm_at


def _ready(port: int) -> Any:
    try:
        return asking.get(f"http://127.0.0.1:{port}/readyz", timeout=5).json()
    except httpx.TransportError:
        return None


def test_workers_say_how_they_are_while_they_work_and_what_is_wrong(tmp_path: Path) -> None:
    port = free_port()
    with redis_at(tmp_path / "redis") as redis:
        extra = {"REDIS_URL": f"redis://127.0.0.1:{redis}", HEALTH: f"127.0.0.1:{port}"}
        with farm_at(tmp_path / "home", "http://127.0.0.1:9", **extra) as farm:
            farm.start(1)
            said = farm.wait(
                lambda: (now := _ready(port)) and now["ready"] and now, 30, "a worker that is ready"
            )
            assert said["database"] == said["redis"] == "ok"
            assert said["queues"] == ["interactive", "data"]
            assert (said["working"], said["waiting"], said["last_tick_seconds"] < 20) == (0, 0, True)
            assert {queue for worker in farm.store.farm.workforce.workers() for queue in worker.queues} == {
                "interactive",
                "data",
            }
            assert _asked(farm, 1) == (0, "")
            assert "worker 2 does not answer" in _asked(farm, 2)[1]
            with closing(Redis(port=redis)) as client:
                client.config_set("maxmemory", "1")
            farm.wait(lambda: not _ready(port)["ready"], 15, "a worker that is not ready")
            assert "is full and takes nothing more" in _ready(port)["redis"]
            assert _ready(port)["database"] == "ok"
            assert asking.get(f"http://127.0.0.1:{port}/healthz").status_code == 200, (
                "to start it anew mends nothing"
            )
            with socket.create_connection(("127.0.0.1", port)) as slow:
                slow.sendall(b"GET /rea")
                assert _ready(port) is not None
            assert farm.stop(signal.SIGTERM) == 0
            assert farm.store.farm.workforce.workers() == []
            assert _asked(farm, 1)[0] == 1


def _asked(farm: Farm, count: int) -> tuple[int, str]:
    """What the container's health check says."""
    ran = subprocess.run(
        [sys.executable, "-m", "meterfarm.farm.telemetry.health", str(count)],
        env={**os.environ, **farm.environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stderr


def test_what_is_late_or_stuck_is_told_apart() -> None:
    needs = {"database": ("beat",), "redis": ("ring",)}
    liveness = Liveness(needs)
    assert (liveness.tick_seconds(), liveness.state("database")) == (None, "not used for a while")
    liveness.done("beat")
    liveness.failed("ring", "redis", "is full")
    assert (liveness.state("database"), liveness.state("redis"), liveness.is_stuck) == (
        "ok",
        "is full",
        False,
    )
    liveness.failed("ring", "database", "it is read-only: x")
    assert (liveness.state("database"), liveness.state("redis")) == (
        "it is read-only: x",
        "not used for a while",
    )
    liveness.done("ring")
    liveness.done("what nobody counts")
    assert (liveness.state("database"), liveness.state("redis")) == ("ok", "ok")
    impatient = Liveness(needs, late_seconds=-1.0, stuck_seconds=-1.0)
    impatient.done("ring")
    assert impatient.state("redis") == "not used for a while"
    assert impatient.is_stuck


def test_each_process_has_a_port_of_its_own() -> None:
    assert [health_of("127.0.0.1:9700", number) for number in range(2)] == [
        "127.0.0.1:9700",
        "127.0.0.1:9701",
    ]
    assert health_of("", 1) == ""
    with pytest.raises(StorageError, match="METERFARM_HEALTH has “9700”"):
        health_of("9700", 0)
