"""Workers on two hosts, Redis, Postgres and files on a third, the portal on a fourth."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from meterfarm.records import EventKind, Outcome, RunState
from meterfarm.storage.runs import RunStep
from tests.external.hosts import Host, hosts
from tests.external.servers import PostgresThere, redis_on
from tests.farm.whole import UTILITY, Farm, farm_at, rows
from tests.storage.made import key

pytestmark = pytest.mark.usefixtures("own_driver")  # a browser is on the host of its worker
AT_ONCE, PER_SECOND = 4, 12
KEY_ID, SECRET = "AKIATESTTESTTESTTEST", "test/secret+4711"
CUSTOMERS = 24


@dataclass
class Place:
    """``farm`` looks into the database from here; ``first`` and ``second`` have workers."""

    farm: Farm
    first: Host
    second: Host


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with hosts(4) as (first, second, third, portal):
        log = tmp_path / "hosts.log"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("METERFARM_")}
        portal.python(
            "meterfarm.fake_utility",
            "--port",
            "8600",
            "--random-codes",
            environment=plain | {"METERFARM_HOME": str(tmp_path / "portal")},
            log=log,
        )
        portal.python(
            "tests.external.forward", f"{portal.address}:80", "127.0.0.1:8600", environment=plain, log=log
        )
        postgres = PostgresThere()
        postgres.start_at(third, log)
        redis_on(third, plain, log)
        (tmp_path / "objects" / "bucket").mkdir(parents=True)
        bucket: list[str | Path] = [
            Path(sys.executable).with_name("rclone"),
            *("serve", "s3", "--addr", f"{third.address}:9000", "--auth-key", f"{KEY_ID},{SECRET}"),
            tmp_path / "objects",
        ]
        third.run(bucket, plain, log)
        shared = {
            "METERFARM_SECRET_KEYS": key(9),
            "REDIS_URL": f"redis://{third.address}:6379",
            "METERFARM_LIMITS": f"{UTILITY}={AT_ONCE}:{PER_SECOND}",
            "FILES_URL": "s3://bucket/farm",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": f"http://{third.address}:9000",
        }
        name = postgres.once_it_serves()
        here = {**shared, "DATABASE_URL": postgres.url(name)}
        with farm_at(tmp_path / "home", f"http://{portal.address}", **here) as farm:
            for host in (first, second):
                host.forward(8600, f"{portal.address}:80", plain, log)
                its = {
                    "METERFARM_HOME": str(tmp_path / host.name),
                    "METERFARM_PORTAL_URLS": f"{UTILITY}=http://127.0.0.1:8600",
                    "DATABASE_URL": f"postgresql://postgres@{third.address}/{name}",
                }
                host.python(
                    "meterfarm.cli", "worker", "--processes", "1", environment=farm.environment | its, log=log
                )
            yield Place(farm, first, second)
        for host in (first, second, third, portal):
            host.end()
        postgres.remove()


def test_a_host_that_is_cut_off_loses_nothing_and_limits_hold_across_hosts(
    place: Place, tmp_path: Path
) -> None:
    farm = place.farm
    farm.wait(lambda: _answers(farm), 60, "the portal")
    customers = farm.add_many("iamvalid@bayou.energy", CUSTOMERS)

    def held_by(host: Host) -> int:
        return sum(run.state is RunState.RUNNING and run.worker.startswith(host.name) for run in farm.runs())

    farm.wait(lambda: held_by(place.first) and held_by(place.second), 120, "runs on both hosts")
    place.first.cut_off()
    farm.wait(lambda: not held_by(place.first), 60, "its runs to be taken from the host that is cut off")
    farm.wait(
        lambda: [run for run in farm.runs() if run.attempt > 1 and run.worker.startswith(place.second.name)],
        60,
        "the other host to take one of them",
    )
    place.first.reconnect()
    farm.wait_for_quiet(300)
    farm.retry_in_doubt()
    assert farm.outcomes(customers) == [Outcome.COMPLETE] * CUSTOMERS
    steps = [step.detail for run in farm.runs() for step in _steps(farm, run.id)]
    assert [step for step in steps if f"its worker {place.first.name}" in step], "runs were taken from it"
    _is_whole(farm, tmp_path / "objects" / "bucket" / "farm")
    stats = farm.stats()
    assert stats["peak_concurrent"] <= AT_ONCE
    assert PER_SECOND / 2 < stats["peak_per_second"] <= PER_SECOND


def _steps(farm: Farm, run_id: int) -> Sequence[RunStep]:
    story = farm.store.runs.story(run_id)
    return story.steps if story else ()


def _answers(farm: Farm) -> bool:
    try:
        return bool(farm.stats())
    except httpx.HTTPError:
        return False


def _is_whole(farm: Farm, objects: Path) -> None:
    """Nothing twice, nothing missing: bills, events, files."""
    assert not rows(
        farm, "SELECT portal_key FROM document GROUP BY account_id, kind, portal_key HAVING count(*) > 1"
    )
    [(bills,)] = rows(farm, "SELECT count(*) FROM bill")
    assert bills >= CUSTOMERS
    assert len(farm.store.events.after(limit=100_000, kinds=[EventKind.NEW_BILL])) == bills
    assert not rows(farm, "SELECT id FROM run WHERE state IN ('running', 'waiting')")
    named = {sha256 for (sha256,) in rows(farm, "SELECT sha256 FROM document")}
    files = {file.name: file for file in objects.rglob("*") if file.is_file()}
    assert named <= files.keys()
    assert all(hashlib.sha256(files[sha256].read_bytes()).hexdigest() == sha256 for sha256 in named)
    for customer in farm.store.customers.list():
        for account in farm.store.accounts.list(farm.customer(customer.username)):
            for meter, kept in farm.store.readings.coverage(account.id).items():
                for series in farm.store.readings.series(account.id, meter):
                    assert sum(reading.seconds for reading in series.readings) == kept.end - kept.start
