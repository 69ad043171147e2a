"""Webhooks reach receivers that fail, hang, redirect or die: in order for each customer, signed, all."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from meterfarm.farm.telemetry.metrics import Metrics
from meterfarm.farm.webhooks.posting import Poster
from meterfarm.farm.webhooks.schedule import KEPT_FOR
from meterfarm.farm.webhooks.sender import LEASE, WebhookSender
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.webhooks import DELIVERED_KINDS, DeliveryState, EndpointState
from tests.farm.receivers import (
    Receiver,
    asks_for_rest,
    drips,
    fails,
    hangs,
    key_only,
    publish,
    receiving,
    redirects,
    says_gone,
)
from tests.storage.made import UTILITY
from tests.storage.passing import next_due, pass_time

ROOT = Path(__file__).parents[2]
QUICK = 0.3


def _sender(store: CompanyStore) -> WebhookSender:
    return WebhookSender(store.farm, key_only, Poster(allows_private=True, seconds=QUICK), Metrics())


def _endpoint(store: CompanyStore, url: str) -> tuple[int, str]:
    added, secret = store.webhooks.add(url, DELIVERED_KINDS, allows_private=False)
    return added.id, secret.get_secret_value()


def _keys(receiver: Receiver) -> list[str]:
    return [got.key for got in receiver.accepted]


async def _for(store: CompanyStore, sender: WebhookSender, span: timedelta) -> None:
    """The sender works for so long by the virtual clock, which moves on to whatever is due next."""
    while True:
        await sender.look()
        await sender.finish()
        due = next_due(store)
        ahead = timedelta() if due is None else max(due - datetime.now(UTC), timedelta())
        if due is None or ahead > span:
            pass_time(store, span)
            return
        span -= ahead
        pass_time(store, ahead + timedelta(milliseconds=1))


async def test_a_receiver_that_fails_hangs_redirects_and_dies_for_an_hour_gets_all_in_order(
    store: CompanyStore,
) -> None:
    customers = [store.customers.ensure(UTILITY, f"{name}@x.example") for name in ("ada", "ben", "cyd")]
    sender = _sender(store)
    expected: dict[str, list[str]] = {customer.username: [] for customer in customers}

    def happens(what: str) -> None:
        for customer in customers:
            publish(store, customer, f"{customer.username} {what} 1", f"{customer.username} {what} 2")
            expected[customer.username] += [f"{customer.username} {what} {number}" for number in (1, 2)]

    async with receiving() as receiver:
        endpoint, secret = _endpoint(store, receiver.url)
        for behaviour, minutes in ((fails, 1), (hangs, 3), (redirects, 12)):
            receiver.behaves = behaviour
            happens(behaviour.__name__)
            await _for(store, sender, timedelta(minutes=minutes))
        assert not receiver.accepted
        assert len(receiver.got) >= 4 * len(customers)
        port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    happens("dead")
    await _for(store, sender, timedelta(hours=1))
    async with receiving(port) as alive:
        await _for(store, sender, timedelta(hours=3))
    came = sorted(_keys(alive), key=lambda each: each.split(" ")[0])
    assert {name: list(keys) for name, keys in groupby(came, lambda each: each.split(" ")[0])} == expected

    tries = [*receiver.got, *alive.got]
    assert {json.loads(got.body)["key"] for got in tries} == set(came)
    for got in tries:
        Webhook(secret).verify(got.body, got.headers)
    ids = {(got.key, got.headers["webhook-id"]) for got in tries}
    assert len(ids) == len(came)
    ended = store.webhooks.deliveries(endpoint_id=endpoint)
    assert {delivery.state for delivery in ended} == {DeliveryState.DELIVERED}
    first = ended[-1]
    faults = [attempt.result.fault for attempt in first.attempts]
    assert faults[0] == "It answered with HTTP 500."
    assert first.attempts[0].result.answer == "we are broken �[31m"
    assert f"There was no answer within {QUICK:g} s." in faults
    assert "It redirects (HTTP 302), which is not followed; give the address that it leads to." in faults
    assert "It cannot be reached (Connection refused)." in faults
    assert faults[-1] == ""


async def test_a_hanging_endpoint_keeps_no_other_waiting_and_a_failing_customer_no_other_customer(
    store: CompanyStore,
) -> None:
    customers = [store.customers.ensure(UTILITY, f"c{number}@x.example") for number in range(12)]
    sender = WebhookSender(store.farm, key_only, Poster(allows_private=True, seconds=30), Metrics())
    async with receiving() as slow, receiving() as well:
        slow.behaves = hangs
        _endpoint(store, slow.url)
        _endpoint(store, well.url)
        for customer in customers:
            publish(store, customer, f"{customer.id} a", f"{customer.id} b")
        running = asyncio.create_task(sender.run())
        async with asyncio.timeout(20):
            await well.has_accepted(24)
        assert len(slow.got) == 8
        running.cancel()
        slow.behaves = fails
    await asyncio.wait({running})


async def test_after_three_days_a_delivery_is_parked_and_makes_way(store: CompanyStore) -> None:
    ada = store.customers.ensure(UTILITY, "ada@x.example")
    sender = _sender(store)
    async with receiving() as receiver:
        receiver.behaves = fails
        endpoint, _ = _endpoint(store, receiver.url)
        publish(store, ada, "old")
        await _for(store, sender, KEPT_FOR - timedelta(minutes=1))
        (pending,) = store.webhooks.deliveries()
        assert (pending.state, 12 <= pending.attempt_count <= 20) == (DeliveryState.PENDING, True)
        await _for(store, sender, timedelta(minutes=1))
        assert store.webhooks.deliveries()[0].state is DeliveryState.PARKED
        receiver.behaves = None
        publish(store, ada, "new")
        await _for(store, sender, timedelta(hours=1))
        assert _keys(receiver) == ["new"]
        store.webhooks.resend_parked(endpoint)
        await _for(store, sender, timedelta(minutes=1))
        assert _keys(receiver) == ["new", "old"]


async def test_what_a_receiver_asks_for_is_done_and_an_endless_answer_counts_by_its_status(
    store: CompanyStore,
) -> None:
    ada = store.customers.ensure(UTILITY, "ada@x.example")
    sender = WebhookSender(store.farm, key_only, Poster(allows_private=True, seconds=5), Metrics())
    async with receiving() as receiver:
        endpoint, _ = _endpoint(store, receiver.url)
        receiver.behaves = asks_for_rest
        publish(store, ada, "rest", "drip", "gone")
        await _for(store, sender, timedelta(minutes=29))
        assert len(receiver.got) == 1
        receiver.behaves = drips
        await _for(store, sender, timedelta(minutes=2))
        receiver.behaves = says_gone
        publish(store, ada, "last")
        await _for(store, sender, timedelta(minutes=10))
        assert [got.key for got in receiver.got] == ["rest", "rest", "drip", "gone", "last"]
        assert store.webhooks.list()[0].state is EndpointState.GONE
        await _for(store, sender, timedelta(days=1))
        assert len(receiver.got) == 5
        receiver.behaves = None
        store.webhooks.change(endpoint, state=EndpointState.ACTIVE)
        await _for(store, sender, timedelta(minutes=1))
        assert _keys(receiver) == ["last"]


async def test_while_secrets_change_both_verify_and_each_attempt_has_its_own_time(
    store: CompanyStore,
) -> None:
    ada = store.customers.ensure(UTILITY, "ada@x.example")
    sender = _sender(store)
    async with receiving() as receiver:
        endpoint, old = _endpoint(store, receiver.url)
        publish(store, ada, "a")
        await _for(store, sender, timedelta(seconds=1))
        new = store.webhooks.rotate(endpoint, timedelta(hours=48)).get_secret_value()
        publish(store, ada, "b")
        await _for(store, sender, timedelta(seconds=1))
        before, after = receiver.accepted
        for secret, got in ((old, before), (old, after), (new, after)):
            Webhook(secret).verify(got.body, got.headers)
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(new).verify(before.body, before.headers)


_KILLED = """
import asyncio, sys
from pathlib import Path
from meterfarm.farm.telemetry.metrics import Metrics
from meterfarm.farm.webhooks.posting import Poster
from meterfarm.farm.webhooks.sender import WebhookSender
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests.farm.receivers import key_only
with Store.open(Settings(home=Path(sys.argv[1]))) as store:
    asyncio.run(WebhookSender(store, key_only, Poster(allows_private=True), Metrics()).run())
"""


async def test_a_sender_that_is_killed_loses_nothing_and_at_most_what_it_had_in_hand_comes_twice(
    store: CompanyStore, tmp_path: Path
) -> None:
    customers = [store.customers.ensure(UTILITY, f"c{number}@x.example") for number in range(4)]
    async with receiving() as receiver:
        endpoint, secret = _endpoint(store, receiver.url)
        for customer in customers:
            publish(store, customer, *(f"{customer.id} {number}" for number in range(30)))
        killed = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _KILLED, str(tmp_path / "home")), env={"PYTHONPATH": str(ROOT)}
        )
        async with asyncio.timeout(60):
            await receiver.has_accepted(20)
        killed.kill()
        await killed.wait()
        assert 20 <= len(receiver.accepted) < 120
        pass_time(store, LEASE)
        sender = WebhookSender(store.farm, key_only, Poster(allows_private=True, seconds=30), Metrics())
        async with asyncio.timeout(60):
            while store.farm.webhooks.busy_endpoints():
                await sender.look()
                await sender.finish()
    for customer in customers:
        came = [key for key in _keys(receiver) if key.startswith(f"{customer.id} ")]
        assert list(dict.fromkeys(came)) == [f"{customer.id} {number}" for number in range(30)]
        assert len(came) <= 31
    for got in receiver.accepted:
        Webhook(secret).verify(got.body, got.headers)
    assert store.webhooks.list()[0].pending == 0
    assert endpoint
