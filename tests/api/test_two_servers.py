"""Two servers of the API on one Postgres and one Redis: what holds at one holds at the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle

import httpx
import pytest
from pydantic import SecretStr
from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_fixed

from meterfarm.farm.settings import FarmSettings
from meterfarm.farm.telemetry.metrics import Metrics
from meterfarm.farm.webhooks.posting import Poster
from meterfarm.farm.webhooks.sender import WebhookSender
from meterfarm.services.api_keys import create_key, revoke_key
from meterfarm.services.event_payloads import EventRendering
from meterfarm.services.webhooks import json_bytes
from meterfarm.storage.settings import Settings
from meterfarm.web.limits import FormLimits
from tests.api.server import ApiServer, served
from tests.farm.receivers import receiving
from tests.farm.redises import redis_at
from tests.postgres import running
from tests.storage.made import key

CUSTOMERS = "/api/v2/customers"
BURST = 60
Servers = tuple[ApiServer, ApiServer]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """As on two hosts: each has a state directory of its own."""
    folder = tmp_path_factory.mktemp("two")
    postgres = running()
    database = postgres.url(postgres.new_database())
    with redis_at(folder / "redis") as port, ExitStack() as stack:
        url = SecretStr(f"redis://127.0.0.1:{port}")
        settings = FarmSettings(redis_url=url, webhooks_private=True, api_burst=BURST, api_rate=0.01)
        first, second = (
            stack.enter_context(
                served(home, settings, state=Settings(home=home, database_url=database, secret_keys=key(9)))
            )
            for home in (folder / "first", folder / "second")
        )
        yield first, second


def _clients(servers: Servers, stack: ExitStack) -> tuple[int, tuple[httpx.Client, httpx.Client]]:
    """A new key, made at the first, and a client of it at each."""
    first, second = servers
    made, text = create_key(first.store)
    return made.id, (
        stack.enter_context(first.client_of(text)),
        stack.enter_context(second.client_of(text)),
    )


def test_what_is_made_or_revoked_at_one_is_so_at_the_other(servers: Servers) -> None:
    with ExitStack() as stack:
        key_id, (first, second) = _clients(servers, stack)
        made = first.post(CUSTOMERS, json={"external_id": "A-1"}).json()
        found = second.get(f"{CUSTOMERS}/external_id:A-1").json()
        assert found["id"] == made["id"]
        assert second.patch(f"{CUSTOMERS}/{made['id']}", json={"external_id": "A-2"}).status_code == 200
        assert first.get(f"{CUSTOMERS}/{made['id']}").json()["external_id"] == "A-2"
        revoke_key(servers[1].store, key_id)
        assert [client.get(CUSTOMERS).status_code for client in (first, second)] == [401, 401]


def test_a_post_that_both_get_with_one_idempotency_key_is_done_once(servers: Servers) -> None:
    with ExitStack() as stack:
        _, both = _clients(servers, stack)

        def post(client: httpx.Client) -> httpx.Response:
            body = {"external_id": "once"}
            return client.post(CUSTOMERS, json=body, headers={"Idempotency-Key": "5f0c"})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(post, both * 8))
        made = {answer.text for answer in answers if answer.status_code == 201}
        assert len(made) == 1
        in_use = {answer.json()["error_code"] for answer in answers if answer.status_code != 201}
        assert in_use <= {"idempotency_key_in_use"}
        again = [post(client) for client in both]
        assert {answer.text for answer in again} == made
        assert [answer.headers["Idempotent-Replayed"] for answer in again] == ["true", "true"]


def test_a_keys_limit_holds_over_both(servers: Servers) -> None:
    with ExitStack() as stack:
        _, (first, second) = _clients(servers, stack)
        assert [first.get(CUSTOMERS).status_code for _ in range(40)] == [200] * 40
        let_through = 40

        def refused(client: httpx.Client) -> bool:
            nonlocal let_through
            let_through += (ok := client.get(CUSTOMERS).status_code == 200)
            return not ok

        for client in (second, first):
            is_let_through = retry_if_result(lambda is_so: not is_so)
            Retrying(stop=stop_after_attempt(30), wait=wait_fixed(0.1), retry=is_let_through)(refused, client)
        assert BURST <= let_through <= BURST + 10, "apart it would be twice as many"


def test_tries_at_a_form_count_at_both(servers: Servers) -> None:
    first, second = servers
    form = f"/companies/{first.store.company_id}/sign_up?key=none"
    burst = FormLimits().strangers.burst
    assert {first.client.get(form).status_code for _ in range(burst)} == {404}

    def refused() -> httpx.Response:
        return second.client.get(form)

    is_let_through = retry_if_result(lambda answer: answer.status_code == 404)
    last = Retrying(stop=stop_after_attempt(30), wait=wait_fixed(0.1), retry=is_let_through)(refused)
    assert (last.status_code, int(last.headers["retry-after"]) > 0) == (429, True)


def _sender(server: ApiServer) -> WebhookSender:
    """That of a worker beside it."""
    rendering = EventRendering(server.url)
    return WebhookSender(
        server.farm,
        lambda of, event: json_bytes(rendering.of(of, event)),
        Poster(allows_private=True),
        Metrics(),
    )


async def test_an_event_is_delivered_once_whoever_wrote_it_and_whoever_sends_it(servers: Servers) -> None:
    senders = [_sender(server) for server in servers]
    async with receiving() as receiver:
        with ExitStack() as stack:
            _, both = _clients(servers, stack)
            added = await asyncio.to_thread(both[0].post, "/api/v2/webhooks", json={"url": receiver.url})
            assert added.status_code == 201, added.text
            ids = [both[0].post(CUSTOMERS, json={}).json()["id"] for _ in range(5)]
            fired = [
                client.post(
                    "/api/v2/test/events", json={"customer_id": id, "event": "customer_must_reauthenticate"}
                ).json()["id"]
                for id, client in zip(ids * 3, cycle(both), strict=False)
            ]
        tasks = [asyncio.create_task(sender.run()) for sender in senders]
        async with asyncio.timeout(30):
            await receiver.has_accepted(len(fired))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(receiver.got) == len({got.headers["webhook-id"] for got in receiver.got}) == len(fired) == 15
