"""Customers: added, changed, removed, found, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meterfarm.records import Account, CustomerState, RunKind, SecretKind
from meterfarm.scrapers.utility import Utility
from meterfarm.services.coverage import MeterCoverage, customer_coverage
from meterfarm.services.customer_fields import (
    problem_of_name,
    problem_of_question,
    problem_of_secret,
    tidied,
)
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound, store_refusals
from meterfarm.services.utilities import utility_code
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer, CustomerInfo
from meterfarm.storage.customers.identity import COMMAND_LINE
from meterfarm.storage.runs import RunInfo
from meterfarm.storage.store import CompanyStore
from meterfarm.support.extras import why_missing
from meterfarm.utilities import UtilityUnavailable, load_utility_named, utility_ids, why_unknown

_NEWEST_RUNS = 10


@dataclass(frozen=True, slots=True)
class AddCustomer:
    """A customer to add; ``external_id`` "" is none. With a password, a run that tries it is queued.

    ``answers`` are those to security questions, each by its question.
    """

    utility: str
    username: str
    external_id: str = ""
    secrets: Mapping[SecretKind, str] = field(default_factory=dict, repr=False)
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class CustomerWithoutLogin:
    """A customer to add who is yet to give a login. ``utility`` is an id of the catalogue's, with a script or
    without, "" if they choose; ``external_id`` "" is none.

    ``profile``: the fields of ``storage.customers.Profile`` that are known.
    """

    utility: str = ""
    external_id: str = ""
    profile: Mapping[str, str | None] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class UpdateCustomer:
    """What is to change of a customer: None leaves a value as it is, an empty ``external_id`` removes it.

    ``utility`` can only be given before there is a login. ``answers`` are those to security questions, each
    by its question. With something new to sign in with, a run that tries it is queued. ``profile``: the
    fields of ``storage.customers.Profile`` that are to change, None takes a value away. Who gives their first
    login consents by ``method``.
    """

    username: str | None = None
    external_id: str | None = None
    secrets: Mapping[SecretKind, str] = field(default_factory=dict, repr=False)
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)
    utility: str | None = None
    profile: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    method: str = COMMAND_LINE


@dataclass(frozen=True, slots=True)
class ChangedCustomer:
    """A customer after a change: the sign-in run that is queued, if any, and whether a password is stored."""

    customer: Customer
    run: int | None
    has_password: bool


@dataclass(frozen=True, slots=True)
class CustomerDetails:
    """A customer, their accounts, what intervals are stored, and the newest runs (at most ten)."""

    info: CustomerInfo
    accounts: Sequence[Account]
    coverage: Sequence[MeterCoverage]
    runs: Sequence[RunInfo]


def find_utility(utility_id: str) -> Utility:
    """The utility with this id.

    Raises:
        NotFound: there is none; the sentence names the nearest.
    """
    try:
        return load_utility_named(utility_id)
    except UtilityUnavailable as exc:
        raise NotFound(str(exc)) from exc


def checked_username(utility: Utility, username: str) -> str:
    """The user name without invisible characters at its ends.

    Raises:
        InvalidRequest: the portal cannot have an account of that name.
    """
    name = tidied(username)
    problem = problem_of_name("user name", name) or utility.username_problem(name)
    if problem:
        raise InvalidRequest(problem)
    return name


def add_customer(store: CompanyStore, request: AddCustomer) -> ChangedCustomer:
    """Add a customer, or bring back a removed one.

    Raises:
        NotFound: there is no such utility.
        InvalidRequest: a value cannot be used.
        Conflict: another customer has the login or the external id.
    """
    utility = find_utility(request.utility)
    must_be_for(store, utility)
    username = checked_username(utility, request.username)
    external_id = _checked_external_id(request.external_id)
    _check_secrets(request.secrets, request.answers)
    with store_refusals():
        customer = store.customers.add(
            utility.id,
            username,
            external_id=external_id or None,
            secrets=request.secrets,
            answers=request.answers,
        )
    return _changed(store, customer)


def create_customer(store: CompanyStore, request: CustomerWithoutLogin) -> Customer:
    """Add a customer who is yet to give a login.

    Raises:
        InvalidRequest: a value cannot be used.
        Conflict: another customer has the external id.
    """
    utility = wished_utility(store, request.utility) if request.utility else ""
    external_id = _checked_external_id(request.external_id)
    with store_refusals():
        return store.customers.create(utility, external_id=external_id or None, profile=request.profile)


def update_customer(store: CompanyStore, customer: Customer, request: UpdateCustomer) -> ChangedCustomer:
    """Change what the request gives.

    Raises:
        NotFound: the customer's utility is not known here, so that no user name can be checked.
        InvalidRequest: a value cannot be used, or there is nothing to change.
        Conflict: the customer was removed, or another customer has the login or the external id.
    """
    if request == UpdateCustomer():
        raise InvalidRequest(f"There is nothing to change of the customer {customer.id}.")
    check_update(store, customer, request)
    _check_secrets(request.secrets, request.answers)
    username, external_id = request.username, request.external_id
    utility = wished_utility(store, request.utility) if request.utility else request.utility
    if username is not None:
        username = checked_username(find_utility(utility or customer.utility), username)
    if external_id is not None:
        external_id = _checked_external_id(external_id)
    with store_refusals():
        store.customers.update(
            customer,
            utility=utility,
            username=username,
            external_id=external_id,
            secrets=request.secrets,
            answers=request.answers,
            profile=request.profile,
            method=request.method,
        )
    return _changed(store, customer)


def check_update(store: CompanyStore, customer: Customer, request: UpdateCustomer) -> None:
    """Whether the customer can be changed so, before secrets are asked for.

    Raises:
        NotFound: As ``update_customer``.
        InvalidRequest: As ``update_customer``.
        Conflict: The customer was removed, or as ``update_customer``.
    """
    if store.customers.info(customer).state is CustomerState.REMOVED:
        raise Conflict(f"The customer {customer.id} was removed; bring it back with `customer add`.")
    utility = wished_utility(store, request.utility) if request.utility else customer.utility
    if customer.login_id and utility != customer.utility:
        raise Conflict(
            f"The customer {customer.id} has a login at {customer.utility}: add another one for {utility}."
        )
    if request.username is not None:
        if not utility:
            raise InvalidRequest(f"The customer {customer.id} has no utility yet; give it too.")
        checked_username(find_utility(utility), request.username)
    elif (request.secrets or request.answers) and not customer.login_id:
        raise InvalidRequest(f"The customer {customer.id} has no user name yet; give it too.")
    if request.external_id is not None:
        _checked_external_id(request.external_id)


def remove_customer(store: CompanyStore, customer: Customer, *, data: bool) -> None:
    """Erase the customer's secrets and sessions for good, and with ``data`` all that was collected.

    Raises:
        Conflict: the customer was removed before.
    """
    check_removal(store, customer, data=data)
    store.customers.remove(customer, data=data)


def check_removal(store: CompanyStore, customer: Customer, *, data: bool) -> None:
    """Whether there is anything to remove, before somebody is asked to confirm it.

    Raises:
        Conflict: the customer was removed before.
    """
    if not data and store.customers.info(customer).state is CustomerState.REMOVED:
        raise Conflict(f"The customer {customer.id} was removed already; --data removes their data too.")


def list_customers(store: CompanyStore) -> Sequence[CustomerInfo]:
    """All customers by id, the removed ones too."""
    return store.customers.list()


def find_customer(store: CompanyStore, reference: str) -> Customer:
    """The customer with this id, else this external id, else this user name. Also one removed.

    Raises:
        NotFound: there is none.
        Conflict: several have this user name.
        StorageError: the store cannot be read.
    """
    try:
        found = store.customers.find(reference)
    except StorageError as exc:
        if (
            sum(
                customer.username.casefold() == reference.strip().casefold()
                for customer in store.customers.list()
            )
            > 1
        ):
            raise Conflict(str(exc)) from exc
        raise
    if found is None:
        raise NotFound(f"There is no customer “{reference}”; `customer list` shows who is there.")
    return found


def customer_details(store: CompanyStore, customer: Customer) -> CustomerDetails:
    """What is known of a customer."""
    return CustomerDetails(
        store.customers.info(customer),
        [stored.account for stored in store.accounts.list(customer)],
        customer_coverage(store, customer),
        store.runs.list(limit=_NEWEST_RUNS, customer_id=customer.id),
    )


def must_be_for(store: CompanyStore, utility: Utility) -> None:
    """Whether this side of the company can have customers of the utility.

    Raises:
        InvalidRequest: it is a fake one, and this is the live side; or what it needs is not installed.
    """
    company = store.farm.companies.get(store.company_id)
    if utility.is_fake and company is not None and company.live:
        raise InvalidRequest(
            f"{utility.name} is a fake utility: only a company's test side has customers of it."
        )
    if utility.extra and (why := why_missing(utility.extra, utility.name)):
        raise InvalidRequest(why)


def wished_utility(store: CompanyStore, name: str) -> str:
    """The id of the utility of this id, name or alias, with a script or without.

    Raises:
        NotFound: there is none; the sentence names the nearest.
        InvalidRequest: it is a fake one, and this is the live side.
    """
    code = utility_code(name)
    if code is None:
        raise NotFound(why_unknown(name))
    if code in utility_ids():
        must_be_for(store, find_utility(code))
    return code


def _checked_external_id(given: str) -> str:
    external_id = tidied(given)
    if problem := problem_of_name("external id", external_id):
        raise InvalidRequest(problem)
    return external_id


def _check_secrets(secrets: Mapping[SecretKind, str], answers: Mapping[str, str]) -> None:
    for question in answers:
        if problem := problem_of_question(question):
            raise InvalidRequest(problem)
    given = [*secrets.items(), *((SecretKind.SECURITY_ANSWER, answer) for answer in answers.values())]
    for kind, secret in given:
        if problem := problem_of_secret(kind, secret):
            raise InvalidRequest(problem)


def _changed(store: CompanyStore, customer: Customer) -> ChangedCustomer:
    active = store.runs.list(limit=5, customer_id=customer.id, active=True)
    run = next((run.id for run in active if run.kind is RunKind.CONNECT), None)
    return ChangedCustomer(customer, run, SecretKind.PASSWORD in store.customers.info(customer).secrets)
