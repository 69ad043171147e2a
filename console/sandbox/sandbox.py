"""What the `sandbox` commands do, by ``services/testing.py``."""

from __future__ import annotations

import asyncio
from functools import partial

from meterfarm.console.command_context import CommandContext, open_store
from meterfarm.console.exit_status import OK
from meterfarm.console.runs.notifying import notify_queued
from meterfarm.console.terminal.output import print_json, print_line, warn
from meterfarm.records import EventKind
from meterfarm.services import testing
from meterfarm.services.customers import find_customer
from meterfarm.services.fake_portals import FakePortals
from meterfarm.storage.store import CompanyStore


async def fire(event: EventKind, reference: str, bill: int | None, *, as_json: bool) -> int:
    """Write the event into the outbox, and print its number."""
    with open_store() as (_, store):
        customer = find_customer(store, reference)
        fired = await asyncio.to_thread(testing.fire_event, store, customer, event.value, bill)
    if as_json:
        print_json({"id": fired.id, "event": fired.kind, "customer": customer.id})
    else:
        print_line(f"event {fired.id} fired: {fired.kind} of customer {customer.id}")
    return OK


async def break_login(reference: str, after: int, *, as_json: bool) -> int:
    """Print the run that will notice it."""
    with open_store() as (context, store):
        customer = find_customer(store, reference)
        portals = _portals(context)
        run = await asyncio.to_thread(testing.break_login, store, portals, customer, after)
        done = f"breaks after {after} more documents" if after else "is broken"
        await _report(context, store, f"the login of customer {customer.id} {done}", run, as_json=as_json)
    return OK


async def mend_login(reference: str, *, as_json: bool) -> int:
    """Print that it is done."""
    with open_store() as (context, store):
        customer = find_customer(store, reference)
        await asyncio.to_thread(testing.mend_login, store, _portals(context), customer)
        done = f"the portal takes the password of customer {customer.id} again"
        await _report(context, store, done, None, as_json=as_json)
    return OK


async def expire_session(reference: str, *, mfa: bool, as_json: bool) -> int:
    """Print the run that will notice it."""
    with open_store() as (context, store):
        customer = find_customer(store, reference)
        work = partial(testing.expire_session, store, _portals(context), customer, mfa=mfa)
        run = await asyncio.to_thread(work)
        done = f"the sessions of customer {customer.id} have ended{', and MFA is due' if mfa else ''}"
        await _report(context, store, done, run, as_json=as_json)
    return OK


async def portal(utility: str, *, down: bool, slow: float, retry_after: int | None, as_json: bool) -> int:
    """Print how the portal is from now on."""
    with open_store() as (context, store):
        faults = partial(testing.fail_portal, down=down, slow_seconds=slow, retry_after=retry_after)
        done = await asyncio.to_thread(faults, store, _portals(context), utility)
        await _report(context, store, done, None, as_json=as_json)
    return OK


def _portals(context: CommandContext) -> FakePortals:
    return FakePortals(context.farm.fake_controls)


async def _report(
    context: CommandContext, store: CompanyStore, done: str, run: int | None, *, as_json: bool
) -> None:
    note = await notify_queued(context, store) if run is not None else ""
    if as_json:
        print_json({"done": done, "run": run})
    else:
        print_line(f"{done}; run {run} queued" if run is not None else done)
    if note:
        warn(note)
