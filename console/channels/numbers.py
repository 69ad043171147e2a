"""The `number` commands: phone numbers that receive the codes of customers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from meterfarm.console.command_context import open_store
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.listing import Column, Listing
from meterfarm.console.terminal.output import print_json, print_line, show, show_empty, warn
from meterfarm.services.customers import find_customer
from meterfarm.services.phone_numbers import add_number, list_numbers, remove_number


async def add(number: str, references: Sequence[str], *, as_json: bool) -> int:
    """Have a number receive for these customers."""
    with open_store() as (_, store):
        customers = list(dict.fromkeys(find_customer(store, reference) for reference in references))
        parsed = await asyncio.to_thread(add_number, store, number, customers)
    ids = [customer.id for customer in customers]
    if as_json:
        print_json({"number": parsed, "customers": ids})
    else:
        print_line(
            f"{parsed} receives for customer {', '.join(map(str, ids))}; `inbox` receives its messages"
        )
    return OK


async def list_all(*, as_json: bool) -> int:
    """Print all phone numbers and the customers they receive for."""
    with open_store() as (_, store):
        found = await asyncio.to_thread(list_numbers, store)
        inboxes = await asyncio.to_thread(store.farm.sms.running)
    if as_json:
        print_json([{"number": info.number, "customers": list(info.customers)} for info in found])
        return OK
    table = Listing([Column("number"), Column("receives for customers")], ("number", "customers"))
    for info in found:
        customers = ", ".join(map(str, info.customers))
        table.add([info.number, customers], {"number": info.number, "customers": customers})
    if not found:
        show_empty("No numbers yet: `number add` adds one.", table)
        return OK
    show(table)
    if not inboxes:
        warn("No inbox is running, so nothing is received: start `inbox`.")
    return OK


async def remove(number: str, reference: str | None) -> int:
    """Forget a number, or that it receives for this customer."""
    with open_store() as (_, store):
        customer = find_customer(store, reference) if reference is not None else None
        parsed = await asyncio.to_thread(remove_number, store, number, customer)
    print_line(f"{parsed} no longer receives for customer {customer.id}" if customer else f"{parsed} removed")
    return OK
