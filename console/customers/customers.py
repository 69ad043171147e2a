"""The `customer` commands: customers and their credentials."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from functools import partial

import typer
from rich.console import RenderableType

from meterfarm.console.command_context import CommandContext, open_store
from meterfarm.console.customers.customer_tables import customer_card, customers_table, most_urgent_first
from meterfarm.console.data import coverage
from meterfarm.console.data.bill_tables import checked_bills
from meterfarm.console.errors import UsageError
from meterfarm.console.runs.notifying import notify_queued
from meterfarm.console.terminal.output import plain, print_json, print_line, show, show_empty, warn
from meterfarm.console.terminal.secret_input import FromStdin, ask_password, next_line, read_secrets
from meterfarm.farm.settings import portal_address, without_address
from meterfarm.records import SecretKind
from meterfarm.services.bill_history import history_checks
from meterfarm.services.customers import (
    AddCustomer,
    ChangedCustomer,
    UpdateCustomer,
    add_customer,
    check_removal,
    check_update,
    checked_username,
    customer_details,
    find_customer,
    find_utility,
    list_customers,
    remove_customer,
    update_customer,
)
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.support.foreign_text import one_line


@dataclass(frozen=True, slots=True)
class Changes:
    """What a customer is added with, or to have changed; None leaves a value as it is."""

    username: str | None
    external_id: str | None
    secrets: FromStdin
    utility: str | None = None


async def add(utility_id: str, changes: Changes, *, as_json: bool) -> int:
    """Add a customer; with a password, a run that tries it is queued."""
    utility = find_utility(utility_id)
    username = checked_username(utility, changes.username or "")
    with open_store() as (context, store):
        given = await read_secrets(changes.secrets, context.secrets)
        if SecretKind.PASSWORD not in given.secrets and sys.stdin.isatty():
            typed = await ask_password(f"Password of {username} at {utility.name} (Enter: none yet): ")
            if typed:
                context.secrets.add(typed)
                given.secrets[SecretKind.PASSWORD] = typed
        request = AddCustomer(utility.id, username, changes.external_id or "", given.secrets, given.answers)
        changed = await asyncio.to_thread(add_customer, store, request)
        await _report(context, store, changed, "added", as_json=as_json)
        if not portal_address(utility, context.farm):
            warn(without_address(utility))
    return 0


async def update(reference: str, changes: Changes, *, as_json: bool) -> int:
    """Change what is given; with something new to sign in with, a run that tries it is queued."""
    if (changes.username, changes.external_id, changes.utility) == (None, None, None) and not changes.secrets:
        options = "--username, --external-id, --utility, --security-answer-to or a --...-stdin"
        raise UsageError(f"There is nothing to change: give {options}.")
    request = UpdateCustomer(changes.username, changes.external_id, utility=changes.utility)
    with open_store() as (context, store):
        customer = find_customer(store, reference)
        check_update(store, customer, request)
        if changes.secrets and not customer.login_id and changes.username is None:
            raise UsageError(f"The customer {customer.id} has no user name yet: give --username too.")
        given = await read_secrets(changes.secrets, context.secrets)
        request = replace(request, secrets=given.secrets, answers=given.answers)
        changed = await asyncio.to_thread(update_customer, store, customer, request)
        await _report(context, store, changed, "updated", as_json=as_json)
    return 0


async def remove(reference: str, *, data: bool, yes: bool, as_json: bool) -> int:
    """Erase a customer's secrets, after a question."""
    with open_store() as (_, store):
        customer = find_customer(store, reference)
        check_removal(store, customer, data=data)
        if not yes:
            await _must_agree(customer, data=data)
        await asyncio.to_thread(partial(remove_customer, store, customer, data=data))
    if as_json:
        print_json({"customer": customer.id, "removed": True, "data_removed": data})
    elif data:
        print_line(f"customer {customer.id} removed, with all that was collected")
    else:
        print_line(f"customer {customer.id} removed; what was collected stays (--data removes that too)")
    return 0


async def list_all(*, as_json: bool) -> int:
    """All customers, the removed ones too."""
    with open_store() as (_, store):
        found = await asyncio.to_thread(list_customers, store)
    if as_json:
        print_json(found)
    elif not found:
        show_empty("No customers yet: `customer add` and `customer import` enter them.", customers_table(()))
    else:
        show(customers_table(most_urgent_first(found) if sys.stdout.isatty() else found))
    return 0


async def show_one(reference: str, *, as_json: bool) -> int:
    """How a customer stands, and their newest runs."""
    with open_store() as (_, store):
        customer = find_customer(store, reference)
        details = await asyncio.to_thread(customer_details, store, customer)
        checks = await asyncio.to_thread(history_checks, store, customer)
    covered = details.coverage
    if as_json:
        intervals = [coverage.as_json(meter) for meter in covered]
        print_json(
            {
                **plain(details.info),
                "utility_accounts": plain(details.accounts),
                "intervals": intervals,
                "runs": plain(details.runs),
            }
        )
    else:
        of_meters: list[RenderableType] = ["", coverage.coverage_table(covered)] if covered else []
        show(*customer_card(details.info, details.accounts, details.runs), *of_meters, *checked_bills(checks))
    return 0


async def _report(
    context: CommandContext, store: CompanyStore, changed: ChangedCustomer, done: str, *, as_json: bool
) -> None:
    """Notify workers of the run that was queued, and print what was done."""
    note = await notify_queued(context, store)
    customer, run = changed.customer, changed.run
    if as_json:
        print_json({"customer": customer.id, "run": run})
    elif run is not None:
        print_line(f"customer {customer.id} {done}; run {run} queued")
    elif changed.has_password:
        print_line(f"customer {customer.id} {done}")
    else:
        how = f"`customer update {customer.id} --password-stdin`"
        print_line(f"customer {customer.id} {done}; give a password: {how}")
    if note and run is not None:
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
