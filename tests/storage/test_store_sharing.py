"""Customers of a company with one login share one connection, once each has been let in by themselves."""

from __future__ import annotations

from meterfarm.records import CustomerState, EventKind, ListedBill, Outcome, Part, RunKind, SecretKind
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore
from tests.storage.made import ACCOUNT, bill, claimed, listed, pdf, save_bill

UTILITY = "speculoos_power"
BACK = FollowUp(is_back=True, next_kind=RunKind.COLLECT)


def _given(store: CompanyStore, external_id: str, password: str) -> Customer:
    """A customer who has given a login that all of these tests share."""
    customer = store.customers.create(UTILITY, external_id=external_id)
    secrets = {SecretKind.PASSWORD: password}
    store.customers.update(customer, username="Ada@x.example", secrets=secrets)
    found = store.customers.by_id(customer.id)
    assert found is not None
    return found


def _ended(store: CompanyStore, customer: Customer, kind: RunKind, follow: FollowUp) -> None:
    run = next(run for run in store.runs.list(customer_id=customer.id, active=True) if run.kind is kind)
    claim = claimed(store, run.id, 1)
    assert claim is not None
    outcome = Outcome.BAD_CREDENTIALS if follow.must_reauthenticate else Outcome.COMPLETE
    store.runs.finish(claim.lease, outcome, "", follow=follow)


def _kinds(store: CompanyStore, customer: Customer) -> list[EventKind]:
    return [event.kind for event in store.events.after(limit=500) if event.customer_id == customer.id]


def _save(store: CompanyStore, customer: Customer, bill_listed: ListedBill) -> None:
    account = store.accounts.save(customer, ACCOUNT)
    save_bill(store, account, bill_listed, pdf(), bill(), layout="layout", layout_version=1)


def _first_with_a_bill(store: CompanyStore) -> Customer:
    first = _given(store, "first", "p1")
    _ended(store, first, RunKind.CONNECT, BACK)
    _save(store, first, listed())
    _ended(store, first, RunKind.COLLECT, FollowUp(ready=frozenset({Part.BILLS})))
    return first


def test_a_second_customer_shares_the_first_ones_connection_once_let_in(store: CompanyStore) -> None:
    first = _first_with_a_bill(store)
    second = _given(store, "second", "p2")
    assert store.customers.holder(second) == second, "nothing is shared before the portal has let them in"
    _ended(store, second, RunKind.CONNECT, BACK)
    assert store.customers.holder(second) == first
    record = store.customers.record(second.id)
    assert record is not None
    assert (record.holder_id, record.state) == (first.id, CustomerState.ACTIVE)
    assert not store.runs.list(customer_id=second.id, active=True), "one connection"
    announced = _kinds(store, second)
    assert (announced.count(EventKind.NEW_BILL), announced.count(EventKind.BILLS_READY)) == (1, 1)
    _save(store, first, listed("b2"))
    assert _kinds(store, second).count(EventKind.NEW_BILL) == 2, "what is new is new to both"
    assert store.runs.refresh([second.id]) == []
    assert store.credentials.load(first)[SecretKind.PASSWORD].get_secret_value() == "p1"


def test_whoever_is_refused_shares_nothing(store: CompanyStore) -> None:
    first = _first_with_a_bill(store)
    guesser = _given(store, "guesser", "wrong")
    _ended(store, guesser, RunKind.CONNECT, FollowUp(must_reauthenticate="The password is wrong."))
    assert store.customers.holder(guesser) == guesser
    assert EventKind.NEW_BILL not in _kinds(store, guesser)
    assert store.customers.info(first).state is CustomerState.ACTIVE


def test_a_holder_who_must_come_back_comes_back_with_what_the_other_has_given(store: CompanyStore) -> None:
    first = _first_with_a_bill(store)
    assert store.runs.refresh([first.id])
    _ended(store, first, RunKind.COLLECT, FollowUp(must_reauthenticate="The password has changed."))
    second = _given(store, "second", "p2")
    _ended(store, second, RunKind.CONNECT, BACK)
    assert store.customers.info(first).state is CustomerState.ACTIVE
    assert store.credentials.load(first)[SecretKind.PASSWORD].get_secret_value() == "p2"
    assert [run.kind for run in store.runs.list(customer_id=first.id, active=True)] == [RunKind.COLLECT]


def test_when_the_holder_is_removed_the_other_goes_on_with_all_of_it(store: CompanyStore) -> None:
    for data in (False, True):
        first = _first_with_a_bill(store)
        second = _given(store, "second", "p2")
        _ended(store, second, RunKind.CONNECT, BACK)
        store.customers.remove(first, data=data)
        assert store.customers.holder(second) == second
        (stored,) = store.accounts.list(second)
        assert len(store.bills.of_account(stored.id)) == 1
        assert [run.kind for run in store.runs.list(customer_id=second.id, active=True)] == [RunKind.COLLECT]
        store.customers.remove(second, data=True)
        if not data:
            store.customers.remove(first, data=True)
