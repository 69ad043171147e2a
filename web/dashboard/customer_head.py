"""A customer as the dashboard shows them: who it is, how they stand, what comes next, who has to act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from meterfarm.records import ChallengeState, CustomerState, RunKind, RunState, WhoActs
from meterfarm.services.links import onboarding
from meterfarm.storage.customers import Customer, CustomerInfo, CustomerRecord, ListedCustomer, Role
from meterfarm.storage.runs import ChallengeInfo, RunInfo
from meterfarm.storage.store import CompanyStore
from meterfarm.web.dashboard.access import NO_SUCH_PAGE, Refused, Visiting, Visitor
from meterfarm.web.dashboard.customer_list import name_of
from meterfarm.web.dashboard.pages import NavigationTab, shown_page
from meterfarm.web.dashboard.people import Number
from meterfarm.web.dashboard.words import (
    actor_words,
    moment,
    outcome_words,
    state_tone,
    state_words,
    tone_of,
)
from meterfarm.web.onboarding.view import utility_name

_PAGES = (("Bills", ""), ("Intervals", "/intervals"), ("Runs", "/runs"))
_QUEUED = {
    RunKind.CONNECT: "A sign-in waits for a worker",
    RunKind.COLLECT: "A fetch of new data waits for a worker",
    RunKind.SCRAPE: "A visit waits for a worker",
}
_RUNNING = {
    RunKind.CONNECT: "A worker signs in at the utility now.",
    RunKind.COLLECT: "New data is being fetched now.",
    RunKind.SCRAPE: "A visit is under way.",
}


@dataclass(frozen=True, slots=True)
class SeenCustomer:
    """A customer of the visitor's company. ``holder`` has the login, and the data: mostly the same.

    ``info`` is how the holder stands.
    """

    asking: Visitor
    customer: Customer
    holder: Customer
    record: CustomerRecord
    info: CustomerInfo

    @property
    def store(self) -> CompanyStore:
        """The store of the company's side."""
        return self.asking.store

    @property
    def path(self) -> str:
        """Where the customer's page is."""
        return f"{self.asking.path}/customers/{self.customer.id}"

    @property
    def name(self) -> str:
        """What they are called."""
        known = replace(self.info, id=self.customer.id, external_id=self.record.external_id)
        return name_of(ListedCustomer(known, self.record.profile))


def seen_customer(asking: Visiting, number: Number) -> SeenCustomer:
    """The customer that the address names.

    Raises:
        Refused: the company has no such customer.
    """
    customers = asking.store.customers
    customer, record = customers.by_id(number), customers.record(number)
    if customer is None or record is None:
        raise Refused(404, *NO_SUCH_PAGE)
    holder = customers.holder(customer)
    return SeenCustomer(asking, customer, holder, record, customers.info(holder, counted=False))


Seen = Annotated[SeenCustomer, Depends(seen_customer)]


def customer_page(
    request: Request,
    seen: SeenCustomer,
    name: str,
    values: Mapping[str, Any],
    status: int = 200,
    *,
    here: str = "",
) -> Response:
    """A page below the customer's head: ``templates/dashboard/<name>.html``; ``here`` is its tab's path."""
    store, info = seen.store, seen.info
    active = list(store.runs.list(limit=5, customer_id=seen.holder.id, active=True))
    asked = open_challenges(seen)
    last = info.last_run
    head = {
        "seen": seen,
        "about": _about(seen),
        "at": seen.path,
        "pages": [NavigationTab(words, seen.path + below, below == here) for words, below in _PAGES],
        "standing": state_words(info),
        "state_tone": state_tone(info),
        "outcome": outcome_words(last.outcome) if last else "",
        "outcome_tone": tone_of(last.outcome) if last else "",
        "actor": actor_words(last.outcome) if last else "",
        "coming": coming_next(info, active, asked, store),
        "link": _link(seen),
        "is_removed": info.state is CustomerState.REMOVED,
        "may_fetch": not active and info.state in (CustomerState.ACTIVE, CustomerState.MUST_REAUTHENTICATE),
        "fetch_words": "Fetch now" if info.state is CustomerState.ACTIVE else "Try again",
        "asked": asked,
        "wants_link": info.state in (CustomerState.NEW, CustomerState.MUST_REAUTHENTICATE),
        "follows": bool(active or asked or info.state is CustomerState.NEW),
    }
    return shown_page(request, seen.asking, name, {**head, **values}, status)


def _link(seen: SeenCustomer) -> str:
    """The customer's own, which changes whatever the customer may: "" for who may change nothing."""
    if seen.info.state is CustomerState.REMOVED or not seen.asking.may(Role.MEMBER):
        return ""
    web, store = seen.asking.web, seen.store
    return onboarding(store.farm, web.public_url, store.company_id, seen.customer.id).link


def open_challenges(seen: SeenCustomer) -> list[ChallengeInfo]:
    """What the customer's portal asks for, and nobody has answered yet."""
    every = seen.store.challenges.list(only_open=True)
    return [
        each for each in every if each.customer_id == seen.holder.id and each.state is ChallengeState.OPEN
    ]


def coming_next(
    info: CustomerInfo, active: list[RunInfo], asked: list[ChallengeInfo], store: CompanyStore
) -> str:
    """What happens next, and who does it."""
    if info.state is CustomerState.REMOVED:
        return "Nothing is fetched any more. What was collected stays until it is erased."
    if asked:
        return f"The utility waits for an answer, until {moment(asked[0].expires_at)}."
    if active:
        return _of_active(active[0], store)
    if info.state is CustomerState.NEW:
        known = "No login is stored" if info.last_run else "They have not connected yet"
        return f"{known}: send them the onboarding link."
    if info.state is CustomerState.MUST_REAUTHENTICATE:
        return "They have to come back: send them the onboarding link, where they can sign in anew."
    due = {"bills": info.bills_due_at, "intervals": info.intervals_due_at}
    refreshes = [f"{part} {moment(at)}" for part, at in due.items() if at]
    next_look = f"Looked at again by itself: {', '.join(refreshes)}." if refreshes else ""
    ours = info.last_run is not None and info.last_run.outcome.who_acts is WhoActs.US
    return " ".join(filter(None, ("Whoever runs this farm has to look into it." if ours else "", next_look)))


def _of_active(run: RunInfo, store: CompanyStore) -> str:
    if run.state is RunState.RUNNING:
        return _RUNNING[run.kind]
    if run.state is RunState.WAITING:
        return "The answer is on its way to the utility."
    until = store.farm.breakers.open().get(run.utility)
    if until is not None:
        return f"{_QUEUED[run.kind]}: the utility's portal is left alone until {moment(until)}."
    if run.not_before > datetime.now(UTC):
        return f"{_QUEUED[run.kind]}, from {moment(run.not_before)} on."
    return f"{_QUEUED[run.kind]}."


def _about(seen: SeenCustomer) -> list[tuple[str, str]]:
    """What is known of the customer beside their name."""
    profile, record = seen.record.profile, seen.record
    town = " ".join(filter(None, (profile.city, profile.state, profile.zipcode)))
    address = ", ".join(filter(None, (profile.address_line_1, profile.address_line_2, town)))
    named = [
        ("Utility", utility_name(record.utility) if record.utility else "not chosen yet"),
        ("E-mail", profile.email or ""),
        ("Login", seen.holder.username),
        ("Telephone", profile.phone_number or ""),
        ("Address", address),
        ("Your id", record.external_id or ""),
    ]
    return [(label, value) for label, value in named if value and value != seen.name]
