"""Test tools for fake utilities: fire an event, break a login, end a session, take a portal down."""

from __future__ import annotations

from meterfarm.records import EventKind
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound
from meterfarm.services.fake_portals import FakePortals
from meterfarm.services.runs import refresh_customers
from meterfarm.services.utilities import find_utility_entry
from meterfarm.storage.customers import Customer, Event
from meterfarm.storage.store import CompanyStore
from meterfarm.utilities import UtilityUnavailable, load_utility

MOST_DOCUMENTS = 1000
MOST_SECONDS = 3600
_NO_ID = 2**63
"""Ids are below it."""


def fire_event(store: CompanyStore, customer: Customer, event: str, bill_id: int | None = None) -> Event:
    """Write an event that did not happen into the outbox, from where it is sent like any other.

    Its facts are of what the customer has, and ``test`` among them is true. ``bill_id``: the bill that it is
    about; None: the newest. Nothing changes of the customer.

    Raises:
        InvalidRequest: this is the live side, or there is no such event.
        NotFound: no bill can have this number.
        Conflict: the customer has nothing that it could be about.
    """
    _must_be_test(store)
    if event not in set(EventKind):
        raise InvalidRequest(f"There is no event “{event}”; there are: {', '.join(EventKind)}.")
    if bill_id is not None and not 0 < bill_id < _NO_ID:
        raise NotFound(f"There is no bill {bill_id}.")
    fired = store.fired_events.fire(customer, EventKind(event), bill_id)
    if fired is None:
        lacks = f"no bill {bill_id}" if bill_id is not None else "no data that it could be about"
        raise Conflict(f"{event} cannot be fired for the customer {customer.id}, who has {lacks}.")
    return fired


def break_login(
    store: CompanyStore, portals: FakePortals, customer: Customer, after_documents: int = 0
) -> int | None:
    """Have the portal refuse the customer's password, at once or after so many more documents.

    The run that is queued to notice it; None if none is, because the customer is not refreshed now.

    Raises:
        InvalidRequest: this is the live side, or the number is out of range.
        Conflict: the customer has no login at a fake utility, or one that the portal does not know.
        NoFakePortals: the fake portals do not answer.
    """
    if not 0 <= after_documents <= MOST_DOCUMENTS:
        raise InvalidRequest(f"after_documents is a whole number from 0 to {MOST_DOCUMENTS}.")
    _must_have_fake_login(store, customer)
    portals.break_login(customer.utility, customer.username, after_documents)
    return _refresh(store, customer)


def mend_login(store: CompanyStore, portals: FakePortals, customer: Customer) -> None:
    """Have the portal take the customer's password again. They still have to give it once more.

    Raises:
        InvalidRequest: this is the live side.
        Conflict: the customer has no login at a fake utility, or one that the portal does not know.
        NoFakePortals: the fake portals do not answer.
    """
    _must_have_fake_login(store, customer)
    portals.mend_login(customer.utility, customer.username)


def expire_session(
    store: CompanyStore, portals: FakePortals, customer: Customer, *, mfa: bool = False
) -> int | None:
    """End the customer's sessions at the portal; with ``mfa`` its trust in our device too.

    The run that is queued to notice it, as ``break_login``.

    Raises:
        InvalidRequest: this is the live side.
        Conflict: the customer has no login at a fake utility, or one that the portal does not know.
        NoFakePortals: the fake portals do not answer.
    """
    _must_have_fake_login(store, customer)
    portals.end_sessions(customer.utility, customer.username, forget_devices=mfa)
    return _refresh(store, customer)


def fail_portal(
    store: CompanyStore,
    portals: FakePortals,
    utility: str,
    *,
    down: bool = False,
    slow_seconds: float = 0,
    retry_after: int | None = None,
) -> str:
    """Take a fake portal down, slow it, or have it answer 429; with none of these it is well. How it is now.

    It is the portal of every company's test customers.

    Raises:
        NotFound: there is no such utility.
        InvalidRequest: this is the live side, or a number is out of range.
        Conflict: it is not a fake one.
        NoFakePortals: the fake portals do not answer.
    """
    _must_be_test(store)
    info = find_utility_entry(utility)
    if not info.is_fake:
        raise Conflict(f"{info.entry.name} is no fake utility: its portal is left alone.")
    if not 0 <= slow_seconds <= MOST_SECONDS or not 0 <= (retry_after or 0) <= MOST_SECONDS:
        raise InvalidRequest(f"slow_seconds and retry_after are numbers from 0 to {MOST_SECONDS}.")
    faults: dict[str, object] = {"down": True} if down else {}
    if slow_seconds:
        faults["slow_seconds"] = slow_seconds
    if retry_after is not None:
        faults["too_many"] = {"retry_after": retry_after}
    portals.fail(info.entry.id, faults)
    states = ["is down"] if down else []
    if slow_seconds:
        states.append(f"answers {slow_seconds:g} s later")
    if retry_after is not None:
        states.append(f"refuses requests (429) with Retry-After: {retry_after}")
    return f"the portal of {info.entry.id} {' and '.join(states) or 'is well'}"


def _must_be_test(store: CompanyStore) -> None:
    company = store.farm.companies.get(store.company_id)
    if company is not None and company.live:
        raise InvalidRequest("Test tools are for a company's test side; this is its live side.")


def _must_have_fake_login(store: CompanyStore, customer: Customer) -> None:
    _must_be_test(store)
    store.customers.info(customer)  # refuses a customer of another company
    if not customer.login_id:
        raise Conflict(f"The customer {customer.id} has no login yet: there is nothing to break.")
    try:
        is_fake = load_utility(customer.utility).is_fake
    except UtilityUnavailable:
        is_fake = False
    if not is_fake:
        raise Conflict(f"The customer {customer.id} has no login at a fake utility: it is left alone.")


def _refresh(store: CompanyStore, customer: Customer) -> int | None:
    """So that what was done is noticed now, and not at the next refresh."""
    return next(iter(refresh_customers(store, [customer]).runs), None)
