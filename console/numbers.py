"""The `number` commands: telephone numbers that receive the codes of customers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from meterfarm.console.ending import OK
from meterfarm.console.errors import UsageError
from meterfarm.console.here import opened
from meterfarm.console.listing import Column, Listing
from meterfarm.console.printed import nothing, say, say_json, show, warn
from meterfarm.mfa.text_message import parse_number
from meterfarm.services.customers import find_customer
from meterfarm.storage.errors import StorageError


async def add(number: str, references: Sequence[str], *, as_json: bool) -> int:
    """Have a number receive for these customers."""
    parsed = _parsed(number)
    with opened() as (_, store):
        customers = list(dict.fromkeys(find_customer(store, reference) for reference in references))
        await asyncio.to_thread(store.channels.add_number, parsed, customers)
    ids = [customer.id for customer in customers]
    if as_json:
        say_json({"number": parsed, "customers": ids})
    else:
        say(f"{parsed} receives for customer {', '.join(map(str, ids))}; `inbox` takes its messages in")
    return OK


async def list_all(*, as_json: bool) -> int:
    with opened() as (_, store):
        found = await asyncio.to_thread(store.channels.numbers)
        inboxes = await asyncio.to_thread(store.channels.inboxes)
    if as_json:
        say_json([{"number": one.number, "customers": list(one.customers)} for one in found])
        return OK
    table = Listing([Column("number"), Column("receives for customers")], ("number", "customers"))
    for one in found:
        customers = ", ".join(map(str, one.customers))
        table.add([one.number, customers], {"number": one.number, "customers": customers})
    if not found:
        nothing("No numbers yet: `number add` enters one.", table)
        return OK
    show(table)
    if not inboxes:
        warn("No inbox is running, so nothing is received: start `inbox`.")
    return OK


async def remove(number: str, reference: str | None) -> int:
    """Forget a number, or that it receives for this customer."""
    parsed = _parsed(number)
    with opened() as (_, store):
        customer = find_customer(store, reference) if reference is not None else None
        try:
            await asyncio.to_thread(store.channels.remove_number, parsed, customer)
        except StorageError as exc:
            raise UsageError(str(exc)) from exc
    say(f"{parsed} receives for customer {customer.id} no more" if customer else f"{parsed} removed")
    return OK


def _parsed(number: str) -> str:
    try:
        return parse_number(number)
    except ValueError as exc:
        raise UsageError(str(exc)) from exc
