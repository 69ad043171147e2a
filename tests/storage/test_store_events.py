"""The outbox tells what became true, once, in an order that no reader loses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier, Event, Thread

import pytest

from meterfarm.records import Direction, Document, EventKind, Outcome, Part
from meterfarm.storage.database import Database
from meterfarm.storage.runs import FollowUp, events
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore
from tests.storage.made import (
    ACCOUNT,
    ELECTRIC,
    EXPORT,
    START,
    USERNAME,
    UTILITY,
    begun,
    bill,
    listed,
    pdf,
    save_bill,
    series,
)
from tests.storage.opening import ON_BOTH, OpenStore

pytestmark = ON_BOTH

BILLS = (EventKind.NEW_BILL, EventKind.NEW_UNPARSED_BILL, EventKind.UPDATED_BILL)


@pytest.fixture
def account(store: CompanyStore) -> int:
    return store.accounts.save(store.customers.ensure(UTILITY, USERNAME), ACCOUNT)


def _ready(store: CompanyStore, part: Part) -> None:
    held = begun(store, store.customers.ensure(UTILITY, USERNAME))
    store.runs.finish(held, Outcome.COMPLETE, "", follow=FollowUp(ready=frozenset({part})))


def _save(store: CompanyStore, account: int, content: bytes, total: int | None, version: int = 1) -> None:
    read = None if total is None else bill(total)
    save_bill(store, account, listed(), pdf(content), read, layout="l", layout_version=version)


def test_a_bill_is_new_once_and_updated_when_it_says_something_else(
    store: CompanyStore, account: int
) -> None:
    _save(store, account, b"one", 4200)
    _save(store, account, b"one", 4200)
    _save(store, account, b"same again in other bytes", 4200)
    _save(store, account, b"two", 4300)
    _save(store, account, b"one", 4200)
    stored = store.bills.of_account(account)["b1"]
    told = store.events.after(kinds=BILLS)
    assert [event.kind for event in told] == [
        EventKind.NEW_BILL,
        EventKind.UPDATED_BILL,
        EventKind.UPDATED_BILL,
    ]
    assert [event.facts["total_amount"] for event in told] == [4200, 4300, 4200]
    assert {event.facts["id"] for event in told} == {stored.id}
    assert told[0].key == str(stored.id)


def test_an_event_of_a_bill_is_its_facts(store: CompanyStore, account: int) -> None:
    _save(store, account, b"one", 4200)
    (event,) = store.events.after()
    assert event.facts == {
        "customer_external_id": None,
        "utility": UTILITY,
        "id": store.bills.of_account(account)["b1"].id,
        "account_number": ACCOUNT.number,
        "billed_on": "2026-01-05",
        "total_amount": 4200,
        "outstanding_balance": -1,
        "billing_period_from": "2025-12-01",
        "billing_period_to": "2025-12-31",
    }


def test_an_unread_bill_is_told_as_such_and_as_new_once_it_is_read(store: CompanyStore, account: int) -> None:
    _save(store, account, b"one", None)
    _save(store, account, b"two", None)
    _save(store, account, b"two", 4200, version=2)
    _save(store, account, b"three", None, version=2)
    _save(store, account, b"four", 4200, version=2)
    told = store.events.after()
    assert [event.kind for event in told] == [EventKind.NEW_UNPARSED_BILL, EventKind.NEW_BILL]
    unread = told[0].facts
    assert (unread["billed_on"], unread["total_amount"]) == ("2026-01-05", 4200)


def test_intervals_are_told_only_after_they_were_ready(store: CompanyStore, account: int) -> None:
    store.readings.save(account, EXPORT, "jan", [series([1, 2])])
    _ready(store, Part.INTERVALS)
    assert [event.kind for event in store.events.after()] == [EventKind.INTERVALS_READY]
    store.readings.save(account, EXPORT, "jan", [series([1, 2])])
    assert len(store.events.after()) == 1, "nothing new came"
    received = series([9], direction=Direction.RECEIVED)
    store.readings.save(account, EXPORT, "jan", [series([1, 3, 4]), received])
    store.readings.save(account, EXPORT, "jan", [series([1, 2])])
    first, second = store.events.after(kinds=[EventKind.NEW_INTERVALS])
    about = first.facts
    assert (about["account_number"], about["meters"]) == (ACCOUNT.number, [ELECTRIC.id])
    assert (about["inserted"], about["changed"]) == (2, 1)
    assert about["first"] == "2023-11-14T22:15:00Z"
    assert about["last"] == "2023-11-14T23:00:00Z"
    assert START == 1_700_000_100
    assert (second.facts["inserted"], second.facts["changed"]) == (0, 1)


def test_an_event_is_not_told_if_what_it_tells_did_not_happen(store: CompanyStore, account: int) -> None:
    """The export's second series cannot be stored, so the first is not either."""
    _ready(store, Part.INTERVALS)
    odd = series([2**63], direction=Direction.RECEIVED)
    with pytest.raises(Exception, match="too many digits"):
        store.readings.save(account, Document(b"odd", "text/csv", ""), "odd", [series([1]), odd])
    assert [event.kind for event in store.events.after()] == [EventKind.INTERVALS_READY]


def test_events_are_read_on_from_the_last_seen(store: CompanyStore, account: int) -> None:
    for number in range(5):
        each = listed(f"b{number}", date(2026, 1, 5 + number))
        save_bill(store, account, each, pdf(str(number).encode()), bill(number), layout="l", layout_version=1)
    seen = [event.id for event in store.events.after(limit=3)]
    seen += [event.id for event in store.events.after(seen[-1], limit=3)]
    assert seen == [event.id for event in store.events.after()]
    assert (len(seen), seen) == (5, sorted(seen))
    assert store.events.after(seen[-1]) == []
    assert store.events.after(kinds=[EventKind.RUN_FAILED]) == []


def test_who_reads_while_several_write_misses_nothing(open_store: OpenStore) -> None:
    """Four writers, each in a store of its own, and a reader that never looks back."""
    stores = [open_store() for _ in range(4)]
    accounts = [
        store.accounts.save(store.customers.ensure(UTILITY, f"{number}@example.org"), ACCOUNT)
        for number, store in enumerate(stores)
    ]
    together, done = Barrier(4), Event()

    def write(number: int) -> None:
        together.wait(10)
        for turn in range(8):
            each = listed(f"b{turn}")
            save_bill(stores[number], accounts[number], each, pdf(), bill(turn), layout="l", layout_version=1)

    seen: list[int] = []

    def read() -> None:
        with reader_store as reader:
            last_look = False
            while True:
                found = reader.events.after(seen[-1] if seen else 0, limit=7)
                seen.extend(event.id for event in found)
                if last_look and not found:
                    return
                last_look = done.is_set()

    reader_store = open_store()
    reader = Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    done.set()
    reader.join(30)
    assert seen == [event.id for event in stores[0].events.after(limit=1000)]
    assert len(seen) == 32


def _tell(database: Database, customer_id: int, key: str, told: Event, go_on: Event) -> None:
    with database.writing() as session:
        events.publish(session, customer_id, EventKind.RUN_FAILED, key, {})
        told.set()
        go_on.wait(10)


def test_a_writer_that_commits_later_has_the_greater_id(store: CompanyStore, settings: Settings) -> None:
    """It told its event first. SQLite does not let the second begin before the first is done."""
    customer = store.customers.ensure(UTILITY, USERNAME)
    database = Database(settings, settings.home)
    told, go_on = Event(), Event()
    if database.is_local:
        go_on.set()
    slow = Thread(target=_tell, args=(database, customer.id, "told first", told, go_on))
    slow.start()
    assert told.wait(10)
    with database.writing() as session:
        assert events.publish(session, customer.id, EventKind.RUN_FAILED, "told second", {})
    seen = [*store.events.after()]
    go_on.set()
    slow.join(10)
    seen += store.events.after(seen[-1].id)
    database.close()
    assert {event.key for event in seen} == {"told first", "told second"}


def test_the_same_is_told_once_and_the_teller_hears_it(store: CompanyStore, settings: Settings) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    database = Database(settings, settings.home)
    with database.writing() as session:
        assert events.publish(session, customer.id, EventKind.RUN_FAILED, "1", {})
        assert not events.publish(session, customer.id, EventKind.RUN_FAILED, "1", {})
        assert events.publish(session, customer.id, EventKind.TRUST_EXPIRING, "1", {})
    with database.writing() as session:
        assert not events.publish(session, customer.id, EventKind.RUN_FAILED, "1", {})
        assert events.exists(session, customer.id, EventKind.TRUST_EXPIRING)
        assert not events.exists(session, customer.id, EventKind.NEW_BILL)
    database.close()
    assert [event.kind for event in store.events.after()] == [EventKind.RUN_FAILED, EventKind.TRUST_EXPIRING]
