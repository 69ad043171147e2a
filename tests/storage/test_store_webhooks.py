"""Deliveries of webhooks: in line for each customer, leased to a sender, asked for again, of one company."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from meterfarm.records import EventKind
from meterfarm.storage.customers import Customer
from meterfarm.storage.database import Database
from meterfarm.storage.runs import events
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.webhooks import (
    DELIVERED_KINDS,
    AttemptResult,
    DeliveryState,
    DueDelivery,
    EndpointState,
)
from tests.storage.made import UTILITY
from tests.storage.opening import ON_BOTH, OpenStore
from tests.storage.passing import pass_time

pytestmark = ON_BOTH

LEASE = timedelta(seconds=30)
WELL = AttemptResult(200, "", "", 3)
ILL = AttemptResult(500, "oh", "It answered 500.", 4)
Publish = Callable[[Customer, str], None]


@pytest.fixture
def publish(settings: Settings) -> Publish:
    def write(customer: Customer, event_key: str, kind: EventKind = EventKind.NEW_BILL) -> None:
        database = Database(settings, settings.home)
        with database.writing() as session:
            events.publish(session, customer.id, kind, event_key, {"id": 1})
        database.close()

    return write


def _customer(store: CompanyStore, name: str) -> Customer:
    return store.customers.ensure(UTILITY, name)


def _endpoint(store: CompanyStore) -> int:
    return store.webhooks.add("https://a.example/", DELIVERED_KINDS, allows_private=False)[0].id


def _keys(taken: list[DueDelivery]) -> list[str]:
    return [due.event.key for due in taken]


def _take(store: CompanyStore, endpoint: int, limit: int = 10) -> list[DueDelivery]:
    return list(store.farm.webhooks.take(endpoint, limit, LEASE))


def test_a_customers_events_are_due_one_after_the_other_and_other_customers_beside_them(
    store: CompanyStore, publish: Publish
) -> None:
    ada, ben = _customer(store, "ada@x.example"), _customer(store, "ben@x.example")
    publish(ada, "before")
    endpoint = _endpoint(store)
    assert list(store.farm.webhooks.busy_endpoints()) == []
    for event_key in ("a1", "a2"):
        publish(ada, event_key)
    publish(ben, "b1")
    assert list(store.farm.webhooks.busy_endpoints()) == [endpoint]

    first = _take(store, endpoint)
    assert _keys(first) == ["a1", "b1"]
    assert _take(store, endpoint) == []  # they are leased
    store.farm.webhooks.settle(first[0], ILL, timedelta(minutes=5))
    store.farm.webhooks.settle(first[1], WELL, None)
    assert _take(store, endpoint) == []  # a2 waits for a1, which waits for its time
    assert store.webhooks.list()[0].pending == 2

    pass_time(store, timedelta(minutes=6))
    (again,) = _take(store, endpoint)
    assert (again.event.key, again.attempt) == ("a1", 2)
    assert again.age >= timedelta(minutes=6)
    store.farm.webhooks.settle(again, WELL, None)
    assert _keys(_take(store, endpoint)) == ["a2"]
    (told,) = [each for each in store.webhooks.deliveries() if each.event.key == "a1"]
    assert (told.state, [attempt.result.status for attempt in told.attempts]) == (
        DeliveryState.DELIVERED,
        [500, 200],
    )


def test_what_a_sender_had_in_hand_when_it_died_is_taken_again_and_its_late_word_does_not_count(
    store: CompanyStore, publish: Publish
) -> None:
    endpoint = _endpoint(store)
    publish(_customer(store, "ada@x.example"), "a1")
    (lost,) = _take(store, endpoint)
    pass_time(store, LEASE)
    (again,) = _take(store, endpoint)
    assert (again.event.id, again.attempt) == (lost.event.id, 2)
    assert not store.farm.webhooks.settle(lost, ILL, None)
    assert store.farm.webhooks.settle(again, WELL, None)
    assert not store.farm.webhooks.settle(again, WELL, None)


def test_a_delivery_given_up_is_parked_and_makes_way_and_comes_back_when_it_is_asked_for(
    store: CompanyStore, publish: Publish
) -> None:
    ada = _customer(store, "ada@x.example")
    endpoint = _endpoint(store)
    for event_key in ("a1", "a2"):
        publish(ada, event_key)
    (first,) = _take(store, endpoint)
    store.farm.webhooks.settle(first, ILL, None)
    (second,) = _take(store, endpoint)
    assert second.event.key == "a2"
    assert [each.event.key for each in store.webhooks.deliveries(failed=True)] == ["a1"]
    store.farm.webhooks.settle(second, WELL, None)
    assert store.webhooks.resend_parked(endpoint) == 1
    (back,) = _take(store, endpoint)
    assert back.event.key == "a1"
    store.farm.webhooks.settle(back, WELL, None)

    assert store.webhooks.resend_after(endpoint, 0) == 2
    assert _keys(_take(store, endpoint)) == ["a1"]
    assert store.webhooks.undelivered(0, 10) == [first.event.id, second.event.id]
    assert store.farm.webhooks.figures().deliveries[DeliveryState.PENDING] == 2


def test_an_endpoint_rests_ends_and_is_forgotten_with_all_it_had(
    store: CompanyStore, publish: Publish
) -> None:
    ada = _customer(store, "ada@x.example")
    endpoint = _endpoint(store)
    publish(ada, "a1")
    (due,) = _take(store, endpoint)
    store.farm.webhooks.settle(due, ILL, timedelta(), rests=timedelta(hours=1))
    assert not store.farm.webhooks.busy_endpoints()
    assert not _take(store, endpoint)
    store.webhooks.change(endpoint, state=EndpointState.ACTIVE)
    (due,) = _take(store, endpoint)
    store.farm.webhooks.settle(due, ILL, timedelta(), ends=True)
    assert store.webhooks.list()[0].state is EndpointState.GONE
    assert not _take(store, endpoint)
    store.webhooks.change(endpoint, state=EndpointState.ACTIVE)
    (due,) = _take(store, endpoint)
    store.farm.webhooks.give_back(due)
    (due,) = _take(store, endpoint)
    assert due.attempt == 3
    store.webhooks.remove(endpoint)
    assert not store.farm.webhooks.settle(due, WELL, None)
    assert not store.webhooks.deliveries()


def test_secrets_change_with_both_good_for_a_while_and_are_sealed_with_a_key_that_can_be_rotated(
    open_store: OpenStore, rows: Callable[..., list[tuple[object, ...]]]
) -> None:
    store = open_store()
    added, first = store.webhooks.add("https://a.example/", DELIVERED_KINDS, allows_private=False)
    second = store.webhooks.rotate(added.id, timedelta(hours=48))
    assert [first.get_secret_value()[:6], second.get_secret_value()[:6]] == ["whsec_", "whsec_"]
    assert list(store.webhooks.secrets(added.id).secrets) == [second, first]
    third = store.webhooks.rotate(added.id, timedelta())
    assert list(store.webhooks.secrets(added.id).secrets) == [third]
    kept = repr(rows("SELECT * FROM webhook_endpoint"))
    assert third.get_secret_value() not in kept
    store.farm.rewrap_keys()
    assert list(store.farm.webhooks.secrets(added.id).secrets) == [third]  # type: ignore[union-attr] # it is there
    assert store.audit.list()[0].kinds == ("webhook_secret",)
