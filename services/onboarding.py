"""A customer connects their utility account themselves: what is wanted of them next, and what they give."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from meterfarm.records import (
    BillStatus,
    ChallengeState,
    CustomerState,
    Outcome,
    RunKind,
    RunState,
    SecretKind,
    WhoActs,
)
from meterfarm.services.bills import BillUpload, upload_bill
from meterfarm.services.consents import consent_status, give_consent, list_consents
from meterfarm.services.customer_fields import is_email, problem_of_name, tidied
from meterfarm.services.customers import (
    CustomerWithoutLogin,
    UpdateCustomer,
    create_customer,
    remove_customer,
    update_customer,
    wished_utility,
)
from meterfarm.services.errors import Conflict, InvalidRequest, store_refusals
from meterfarm.services.readiness import account_facts
from meterfarm.services.runs import retry_run
from meterfarm.services.utilities import UtilityInfo, list_utilities
from meterfarm.storage.customers import Customer, CustomerInfo, CustomerRecord, UtilityWish
from meterfarm.storage.runs import ChallengeInfo, RunInfo
from meterfarm.storage.store import CompanyStore
from meterfarm.utilities import utility_ids
from meterfarm.utilities.catalogue import NEAR, as_key

METHOD = "onboarding form"
"""How a consent was given that was given here."""
MOST_FOUND = 8
_ACTIVE = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)
_FETCHED = (Outcome.COMPLETE, Outcome.PARTIAL)
_SOON = timedelta(seconds=15)
_NEWEST_RUNS = 10
_CAN_GO_ON = frozenset(
    {
        *(Outcome.MFA_REQUIRED, Outcome.MFA_FAILED, Outcome.MFA_EXPIRED),
        *(Outcome.ACTION_REQUIRED, Outcome.CAPTCHA),
    }
)
"""After these the stored password is still good."""


class OnboardingStep(StrEnum):
    """What is wanted of the customer next."""

    TERMS = "terms"
    UTILITY = "utility"
    UNSUPPORTED = "unsupported"
    """Their utility cannot be connected: they may choose another one, or upload bills."""
    LOGIN = "login"
    AGAIN = "again"
    """Nothing but that they are there: the portal will ask them for a code, or they did something there."""
    WORKING = "working"
    CHALLENGE = "challenge"
    WAITING = "waiting"
    """Nothing: the portal or the farm is at fault, and it is tried again."""
    DONE = "done"
    WITHDRAWN = "withdrawn"


_BEFORE_LET_IN = frozenset(
    {
        *(OnboardingStep.UTILITY, OnboardingStep.UNSUPPORTED, OnboardingStep.LOGIN),
        *(OnboardingStep.AGAIN, OnboardingStep.WAITING),
    }
)


@dataclass(frozen=True, slots=True)
class SharedData:
    """What a customer shares. ``accounts`` are the ends of their numbers, ``bills`` how many are there.

    Days are in UTC, None where there is nothing. ``fetched_at``: when a run last ended well.
    """

    accounts: Sequence[str]
    bills: int
    oldest_bill: date | None
    newest_bill: date | None
    first_interval: date | None
    last_interval: date | None
    fetched_at: datetime | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class OnboardingState:
    """How far a customer has come. ``problem`` is how their latest attempt ended, if not well.

    ``message`` is the portal's or the farm's own sentence about it. ``challenge`` is the open one at
    ``CHALLENGE``. ``run`` is the sign-in that is under way, or the one that ended last. ``again_at`` is when
    it is tried again by itself. ``was_in``: the portal has let them in before.
    """

    step: OnboardingStep
    record: CustomerRecord
    username: str = ""
    problem: Outcome | None = None
    message: str = ""
    run: RunInfo | None = None
    challenge: ChallengeInfo | None = None
    again_at: datetime | None = None

    @property
    def was_in(self) -> bool:
        """Whether the portal has let the customer in before."""
        return self.record.authenticated_at is not None

    @property
    def may_choose_utility(self) -> bool:
        """Whether the customer may name another one: none has let them in, and none is being asked."""
        return self.step in _BEFORE_LET_IN and not self.was_in


def onboarding_state(store: CompanyStore, customer: Customer) -> OnboardingState:
    """How far the customer has come.

    Raises:
        Conflict: the customer was removed with all data.
    """
    runs = store.runs.list(limit=_NEWEST_RUNS, customer_id=customer.id)  # first: what is read later is later
    record = store.customers.record(customer.id)
    if record is None:
        raise Conflict(f"The customer {customer.id} was removed.")
    if record.state is CustomerState.REMOVED:
        return OnboardingState(OnboardingStep.WITHDRAWN, record, customer.username)
    consents = list_consents(store, customer)
    if not consents or consent_status(consents[0], datetime.now(UTC)) != "active":
        return OnboardingState(OnboardingStep.TERMS, record)
    if not record.utility:
        return OnboardingState(OnboardingStep.UTILITY, record)
    if not customer.login_id and record.utility not in utility_ids():
        return OnboardingState(OnboardingStep.UNSUPPORTED, record)
    return _of_login(store, customer, record, runs)


def begin(store: CompanyStore, email: str) -> Customer:
    """A new customer with this e-mail address, which nobody has verified: nobody who is there is found by it.

    Raises:
        InvalidRequest: it is no e-mail address.
    """
    address = tidied(email)
    if not is_email(address):
        raise InvalidRequest("Enter your e-mail address, such as you@example.com.")
    return create_customer(store, CustomerWithoutLogin(profile={"email": address}))


def shared_data(store: CompanyStore, customer: Customer) -> SharedData:
    """What the customer shares by now, as it may be shown to whoever has their link."""
    holder = store.customers.holder(customer)
    facts = account_facts(store, holder.id)
    issued = sorted(bill.billed_on for bill in store.bills.list(holder) if bill.billed_on)
    runs = store.runs.list(limit=_NEWEST_RUNS, customer_id=holder.id)
    fetched = next(
        (run.ended_at for run in runs if run.outcome in _FETCHED and run.kind is RunKind.COLLECT), None
    )
    consents = list_consents(store, customer)
    return SharedData(
        [account.number[-4:] for account in facts.accounts],
        len(store.bills.list(holder)),
        issued[0] if issued else None,
        issued[-1] if issued else None,
        _day(facts.first_interval),
        _day(facts.last_interval),
        fetched,
        consents[0].granted_at if consents else None,
    )


def wish_utility(store: CompanyStore, customer: Customer, name: str) -> None:
    """Keep that the customer asked for a utility which cannot be connected.

    Raises:
        InvalidRequest: the name cannot be used.
        StorageError: the customer was removed.
    """
    name = tidied(name)
    if problem := "Write the name of your utility." if not name else problem_of_name("name", name):
        raise InvalidRequest(problem)
    store.customers.wish_utility(customer, name)


def utility_wishes(store: CompanyStore) -> Sequence[UtilityWish]:
    """The utilities that customers asked for, newest first."""
    return store.customers.utility_wishes()


async def give_bill(store: CompanyStore, customer: Customer, content: bytes, name: str) -> bool:
    """Keep a bill that the customer uploads; whether a layout reads it.

    Raises:
        NotAPdf: it is not a PDF, or a damaged one.
    """
    bill = await upload_bill(store, BillUpload(content, name, customer))
    return bill.status in (BillStatus.LOCKED, BillStatus.UNLOCKED)


def terms_digest(terms: Sequence[object]) -> str:
    """The SHA-256 of the terms as they were shown, in hexadecimal digits."""
    return hashlib.sha256("\n".join(map(str, terms)).encode()).hexdigest()


def accept_terms(store: CompanyStore, customer: Customer, digest: str) -> None:
    """Record that the customer accepted the terms with this digest, which is their consent.

    Raises:
        Conflict: the customer was removed.
    """
    standing = list_consents(store, customer)
    if (
        standing
        and standing[0].terms_hash == digest
        and consent_status(standing[0], datetime.now(UTC)) == "active"
    ):
        return
    give_consent(store, customer, METHOD, terms_hash=digest)
    store.customers.accept_terms(customer)
    info = store.customers.info(customer)
    if info.state is CustomerState.MUST_REAUTHENTICATE and SecretKind.PASSWORD in info.secrets:
        with suppress(Conflict):  # a sign-in is under way
            try_again(store, customer)


def search_utilities(store: CompanyStore, text: str, *, live: bool) -> Sequence[UtilityInfo]:
    """Those that the text may mean, the likeliest first; with an empty one those that can be connected."""
    known = list_utilities(store.farm, live=live)
    key = as_key(text)
    if not key:
        return [info for info in known if info.is_active]
    ranked = [(info.entry.likeness(key), info) for info in known]
    near = [each for each in ranked if each[0] >= NEAR]
    return [info for _, info in sorted(near, key=lambda each: (-each[0], each[1].entry.name))[:MOST_FOUND]]


def choose_utility(store: CompanyStore, customer: Customer, utility: str) -> None:
    """The customer's account is at this one. A login that another one never accepted is erased.

    Raises:
        NotFound: there is none of this name.
        InvalidRequest: it is a fake one, and this is the live side.
        Conflict: another one has let the customer in, or a sign-in there is under way.
        StorageError: the customer was removed.
    """
    chosen = wished_utility(store, utility)
    with store_refusals():
        store.customers.choose_utility(customer, chosen)


def give_login(store: CompanyStore, customer: Customer, username: str, password: str) -> int | None:
    """Keep what the customer signs in with, and queue a run that tries it; its id.

    Raises:
        NotFound: no script is there for the customer's utility.
        InvalidRequest: a value cannot be used.
        Conflict: the customer was removed, or another one has changed to this login.
    """
    wanted = UpdateCustomer(username, None, {SecretKind.PASSWORD: password}, method=METHOD)
    return update_customer(store, customer, wanted).run


def try_again(store: CompanyStore, customer: Customer) -> int:
    """Queue another sign-in with what is stored, because the customer is there for it; the run's id.

    Raises:
        Conflict: there is nothing to try, or a sign-in is under way.
    """
    newest = store.runs.list(limit=1, customer_id=store.customers.holder(customer).id)
    if not newest:
        raise Conflict(f"The customer {customer.id} has no run to try again.")
    return retry_run(store, newest[0].id)


def withdraw(store: CompanyStore, customer: Customer) -> None:
    """The customer withdraws their consent: secrets are erased, nothing is fetched any more; data stays.

    Raises:
        Conflict: they were removed before.
    """
    remove_customer(store, customer, data=False)


def _day(at: int | None) -> date | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).date()


def _of_login(
    store: CompanyStore, customer: Customer, record: CustomerRecord, runs: Sequence[RunInfo]
) -> OnboardingState:
    holder = store.customers.holder(customer)
    info = store.customers.info(customer)
    connects = [run for run in runs if run.kind is RunKind.CONNECT]
    username = info.username
    active = next((run for run in connects if run.state in _ACTIVE), None)
    ended = next((run for run in connects if run.ended_at is not None), None)
    if active is not None:
        return _under_way(store, record, username, active, ended)
    if not customer.login_id:
        return OnboardingState(OnboardingStep.LOGIN, record)
    standing = info if holder == customer else store.customers.info(holder)
    problem, message = _problem(standing, ended)
    if problem is None:
        step = OnboardingStep.DONE if record.authenticated_at else OnboardingStep.LOGIN
        return OnboardingState(step, record, username, run=ended)
    step = OnboardingStep.WAITING
    if problem.who_acts is WhoActs.CUSTOMER:
        is_good = problem in _CAN_GO_ON and SecretKind.PASSWORD in info.secrets and holder == customer
        step = OnboardingStep.AGAIN if is_good else OnboardingStep.LOGIN
    return OnboardingState(step, record, username, problem, message, run=ended)


def _under_way(
    store: CompanyStore, record: CustomerRecord, username: str, active: RunInfo, ended: RunInfo | None
) -> OnboardingState:
    if active.state is RunState.QUEUED and active.not_before > datetime.now(UTC) + _SOON:
        return OnboardingState(
            OnboardingStep.WAITING,
            record,
            username,
            ended.outcome if ended else None,
            ended.message if ended else "",
            active,
            again_at=active.not_before,
        )
    story = store.runs.story(active.id)
    challenges = story.challenges if story else ()
    is_open = [each for each in challenges if each.state is ChallengeState.OPEN]
    if is_open:
        return OnboardingState(OnboardingStep.CHALLENGE, record, username, run=active, challenge=is_open[-1])
    newest = challenges[-1] if challenges else None
    return OnboardingState(OnboardingStep.WORKING, record, username, run=active, challenge=newest)


def _problem(standing: CustomerInfo, ended: RunInfo | None) -> tuple[Outcome | None, str]:
    """What keeps the customer from being connected, and the sentence about it: the latest that is known."""
    must_come_back = standing.state is CustomerState.MUST_REAUTHENTICATE
    if must_come_back and (ended is None or ended.ended_at is None or ended.ended_at <= standing.since):
        name, _, message = standing.reason.partition(":")
        return (Outcome(name), message.strip()) if name in set(Outcome) else (Outcome.ACTION_REQUIRED, "")
    if ended is None or ended.outcome is Outcome.COMPLETE or ended.state is RunState.CANCELLED:
        return None, ""
    return ended.outcome or Outcome.INTERNAL, ended.message
