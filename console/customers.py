"""The `customer` commands: who is in the register, and what they entrusted to us."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import typer
from rich.console import RenderableType

from meterfarm.console import coverage
from meterfarm.console.customer_fields import problem_of_name, tidied
from meterfarm.console.customer_secrets import FromStdin, read_secrets
from meterfarm.console.customer_tables import customer_card, customers_table, most_urgent_first
from meterfarm.console.errors import UsageError
from meterfarm.console.here import Here, customer_named, opened
from meterfarm.console.printed import nothing, plain, say, say_json, show, warn
from meterfarm.console.ringing import ring
from meterfarm.console.secret_input import ask_password, next_line
from meterfarm.farm.settings import portal_address, without_address
from meterfarm.records import CustomerState, RunKind, SecretKind
from meterfarm.scrapers.utility import Utility
from meterfarm.storage.results import Customer
from meterfarm.storage.store import Store
from meterfarm.support.foreign_text import one_line
from meterfarm.utilities import UnknownUtility, load_utility


@dataclass(frozen=True, slots=True)
class Changes:
    """What a customer is to be entered with, or to have changed; None leaves a thing as it is."""

    username: str | None
    external_id: str | None
    wanted: FromStdin


async def add(utility_id: str, changes: Changes, *, as_json: bool) -> int:
    """Enter a customer; with a password, a run that tries it is queued."""
    utility = known_utility(utility_id)
    username = checked_username(utility, changes.username or "")
    with opened() as (here, store):
        secrets = await read_secrets(changes.wanted, here.secrets)
        if SecretKind.PASSWORD not in secrets and sys.stdin.isatty():
            typed = await ask_password(f"Password of {username} at {utility.name} (Enter: none yet): ")
            if typed:
                here.secrets.add(typed)
                secrets[SecretKind.PASSWORD] = typed
        customer = await asyncio.to_thread(
            store.add_customer,
            utility.id,
            username,
            external_id=_external_id(changes.external_id or "") or None,
            secrets=secrets,
        )
        await _told(here, store, customer, "added", as_json=as_json)
        if not portal_address(utility, here.farm):
            typer.echo(f"meterfarm: {without_address(utility)}", err=True)
    return 0


async def update(reference: str, changes: Changes, *, as_json: bool) -> int:
    """Change what is given; with something new to sign in with, a run that tries it is queued."""
    if changes.username is None and changes.external_id is None and not changes.wanted.kinds:
        raise UsageError("There is nothing to change: give --username, --external-id or a --...-stdin.")
    with opened() as (here, store):
        customer = customer_named(store, reference)
        if store.customer_info(customer).state is CustomerState.REMOVED:
            raise UsageError(f"The customer {customer.id} was removed; bring it back with `customer add`.")
        username = None
        if changes.username is not None:
            username = checked_username(known_utility(customer.utility), changes.username)
        secrets = await read_secrets(changes.wanted, here.secrets)
        await asyncio.to_thread(
            store.update_customer,
            customer,
            username=username,
            external_id=None if changes.external_id is None else _external_id(changes.external_id),
            secrets=secrets,
        )
        await _told(here, store, customer, "updated", as_json=as_json)
    return 0


async def remove(reference: str, *, data: bool, yes: bool, as_json: bool) -> int:
    """Take a customer out of the register, after a question."""
    with opened() as (_, store):
        customer = customer_named(store, reference)
        if not data and store.customer_info(customer).state is CustomerState.REMOVED:
            raise UsageError(
                f"The customer {customer.id} was removed already; --data removes their data too."
            )
        if not yes:
            await _must_agree(customer, data=data)
        await asyncio.to_thread(store.remove_customer, customer, data=data)
    if as_json:
        say_json({"customer": customer.id, "removed": True, "data_removed": data})
    elif data:
        say(f"customer {customer.id} removed, with all that was collected")
    else:
        say(f"customer {customer.id} removed; what was collected stays (--data removes that too)")
    return 0


async def list_all(*, as_json: bool) -> int:
    """All customers, the removed ones too."""
    with opened() as (_, store):
        found = await asyncio.to_thread(store.customers)
    if as_json:
        say_json(found)
    elif not found:
        nothing("No customers yet: `customer add` and `customer import` enter them.", customers_table(()))
    else:
        show(customers_table(most_urgent_first(found) if sys.stdout.isatty() else found))
    return 0


async def show_one(reference: str, *, as_json: bool) -> int:
    """How a customer stands, and their newest runs."""
    with opened() as (_, store):
        customer = customer_named(store, reference)
        info = await asyncio.to_thread(store.customer_info, customer)
        runs = await asyncio.to_thread(lambda: store.runs(limit=10, customer_id=customer.id))
        covered = await asyncio.to_thread(coverage.of_customer, store, customer)
    if as_json:
        intervals = [coverage.as_json(*one) for one in covered]
        say_json({**plain(info), "intervals": intervals, "runs": plain(runs)})
    else:
        of_meters: list[RenderableType] = ["", coverage.coverage_table(covered)] if covered else []
        show(*customer_card(info, runs), *of_meters)
    return 0


def known_utility(utility_id: str) -> Utility:
    """Raises UsageError, which names the nearest."""
    try:
        return load_utility(utility_id)
    except UnknownUtility as exc:
        raise UsageError(str(exc)) from exc


def checked_username(utility: Utility, username: str) -> str:
    """The user name without outer spaces. Raises UsageError if the portal cannot know it."""
    name = tidied(username)
    problem = problem_of_name("user name", name) or utility.username_problem(name)
    if problem:
        raise UsageError(problem)
    return name


def _external_id(given: str) -> str:
    """Raises UsageError."""
    external_id = tidied(given)
    if problem := problem_of_name("external id", external_id):
        raise UsageError(problem)
    return external_id


async def _told(here: Here, store: Store, customer: Customer, done: str, *, as_json: bool) -> None:
    """Ring for the run that was queued, and say what was done."""
    note = await ring(here, store)
    active = await asyncio.to_thread(lambda: store.runs(limit=5, customer_id=customer.id, active=True))
    queued = next((run.id for run in active if run.kind is RunKind.CONNECT), None)
    if as_json:
        say_json({"customer": customer.id, "run": queued})
    elif queued is not None:
        say(f"customer {customer.id} {done}; run {queued} queued")
    elif SecretKind.PASSWORD in store.customer_info(customer).secrets:
        say(f"customer {customer.id} {done}")
    else:
        how = f"`customer update {customer.id} --password-stdin`"
        say(f"customer {customer.id} {done}; give a password: {how}")
    if note and queued is not None:
        warn(note)


async def _must_agree(customer: Customer, *, data: bool) -> None:
    who = f"{customer.username} at {customer.utility}"
    if not sys.stdin.isatty():
        raise UsageError(f"Removing customer {customer.id} ({who}) has to be confirmed: give --yes.")
    what = "all that was collected of them" if data else "their secrets and sessions"
    typer.echo(
        f"Remove customer {customer.id} ({one_line(who)}) and erase {what}? [y/N] ", err=True, nl=False
    )
    if ((await next_line()) or "").strip().casefold() not in {"y", "yes"}:
        raise UsageError(f"The customer {customer.id} was not removed.")
