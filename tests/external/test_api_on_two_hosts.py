"""The API and a worker on two hosts, Postgres and Redis on a third: one farm, whichever host is asked."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import httpx
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.external.hosts import HERE, ROOT, Host, hosts
from tests.external.servers import PostgresThere, redis_on
from tests.farm.receivers import receiving
from tests.storage.made import key

BURST = 60
EVENTS = 20
HOOK = 8605
_PUBLIC = "meterfarm.example.com"


@dataclass
class Place:
    """``both`` serve the API by two processes each, behind a proxy: this one."""

    both: tuple[Host, Host]
    environments: Mapping[str, Mapping[str, str]]
    log: Path

    def client(self, host: Host, api_key: str) -> httpx.Client:
        """As the proxy asks, each time by a new connection, so that any process may get it."""
        return httpx.Client(
            base_url=f"http://{host.address}:8601",
            auth=(api_key, ""),
            headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1", "Host": _PUBLIC},
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=30,
        )

    def new_key(self, host: Host) -> str:
        """By the command, there."""
        done = subprocess.run(
            host.inside([sys.executable, "-P", "-m", "meterfarm.cli", "key", "create"]),
            env=self.environments[host.name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with hosts(3) as (first, second, third):
        log = tmp_path / "hosts.log"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("METERFARM_")}
        postgres = PostgresThere()
        postgres.start_at(third, log)
        redis_on(third, plain, log)
        shared = plain | {
            "DATABASE_URL": f"postgresql://postgres@{third.address}/{postgres.once_it_serves()}",
            "REDIS_URL": f"redis://{third.address}:6379",
            "METERFARM_SECRET_KEYS": key(9),
            "METERFARM_PUBLIC_URL": f"https://{_PUBLIC}",
            "METERFARM_TRUSTED_PROXIES": HERE,
            "METERFARM_WEBHOOKS_PRIVATE": "1",
            "METERFARM_API_BURST": str(BURST),
            "METERFARM_API_RATE": "0.01",
        }
        environments = {
            host.name: shared | {"METERFARM_HOME": str(tmp_path / host.name)} for host in (first, second)
        }
        for host in (first, second):
            serve = ("api", "--host", host.address, "--processes", "2")
            for command in (serve, ("worker", "--processes", "1")):
                host.python("meterfarm.cli", *command, environment=environments[host.name], log=log)
        patiently = Retrying(
            stop=stop_after_delay(90), wait=wait_fixed(0.2), retry=retry_if_exception_type(httpx.ConnectError)
        )
        for host in (first, second):
            patiently(httpx.get, f"http://{host.address}:8601/readyz").raise_for_status()
        yield Place((first, second), environments, log)
        for host in (first, second, third):
            host.end()
        postgres.remove()


async def test_one_farm_whichever_host_is_asked(place: Place) -> None:
    first, second = place.both
    _holds_a_keys_limit(place)
    api_key = place.new_key(first)
    with place.client(first, api_key) as here, place.client(second, api_key) as there:

        def post(client: httpx.Client) -> httpx.Response:
            return client.post("/api/v2/customers", json={}, headers={"Idempotency-Key": "5f0c"})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(post, islice(cycle((here, there)), 16)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        (made,) = {answer.text for answer in answers if answer.status_code == 201}
        assert [post(client).text for client in (here, there)] == [made, made]
        (customer,) = there.get("/api/v2/customers").json()
        async with receiving(address=HERE) as receiver:
            for host in place.both:  # plain http goes to a host itself alone
                there_at = httpx.URL(receiver.url).netloc.decode()
                host.forward(HOOK, there_at, place.environments[host.name], place.log)
            hook = {"url": f"http://127.0.0.1:{HOOK}/hook"}
            assert (await asyncio.to_thread(here.post, "/api/v2/webhooks", json=hook)).status_code == 201
            event = {"customer_id": customer["id"], "event": "customer_must_reauthenticate"}
            for client in islice(cycle((here, there)), EVENTS):
                fired = await asyncio.to_thread(client.post, "/api/v2/test/events", json=event)
                assert fired.status_code == 200, fired.text
            async with asyncio.timeout(60):
                await receiver.has_accepted(EVENTS)
            first.cut_off()
            assert (await asyncio.to_thread(there.get, "/api/v2/customers")).status_code == 200
            first.reconnect()
        assert len(receiver.got) == len({got.headers["webhook-id"] for got in receiver.got}) == EVENTS


def _holds_a_keys_limit(place: Place) -> None:
    """Four processes on two hosts let through what one would, and a few more."""
    first, second = place.both
    api_key = place.new_key(second)
    with place.client(first, api_key) as here, place.client(second, api_key) as there:
        asked = refused = 0
        for client in cycle((here, there)):
            asked += 1
            refused += client.get("/api/v2/customers").status_code == 429
            if refused == 8:
                break
    assert BURST <= asked - refused <= BURST * 1.5, "apart it would be four times as many"
