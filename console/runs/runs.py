"""The commands about runs: list, watch, retry, cancel, refresh."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.live import Live

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import OK, USAGE
from meterfarm.console.runs.notifying import no_worker, notification, notify_queued
from meterfarm.console.runs.run_tables import look, runs_table
from meterfarm.console.terminal.output import print_json, print_line, show, show_empty, warn
from meterfarm.records import RunState
from meterfarm.services import runs
from meterfarm.services.customers import find_customer
from meterfarm.storage.runs import RunInfo

_EVERY_SECOND = 1.0


async def list_runs(limit: int | None, reference: str | None, *, as_json: bool) -> int:
    """The newest runs; with a ``reference``, of one customer."""
    with open_store() as (context, store):
        customer = find_customer(store, reference) if reference else None
        found = await asyncio.to_thread(partial(runs.list_runs, store, limit=limit, customer=customer))
        note = await asyncio.to_thread(no_worker, context, store.farm)
    if as_json:
        print_json(found)
    elif not found:
        show_empty("No runs yet: `customer add` queues the first.", runs_table(()))
    else:
        at_terminal = sys.stdout.isatty()
        show(runs_table(_waiting_first(found) if at_terminal else found))
    if note:
        warn(note)
    return OK


def _waiting_first(found: Sequence[RunInfo]) -> list[RunInfo]:
    return sorted(found, key=lambda run: run.state is not RunState.WAITING)


async def watch_runs(reference: str | None, *, as_json: bool) -> int:
    """A live view at a terminal, until Ctrl-C."""
    if as_json:
        raise UsageError("--watch is for people; `runs --json` and `events --follow` are for programs.")
    if not sys.stdout.isatty():
        raise UsageError("--watch needs a terminal; `runs` prints a table, `events --follow` lines.")
    with open_store() as (_, store):
        customer = find_customer(store, reference) if reference else None
        console = Console()
        try:
            with Live(console=console, auto_refresh=False) as live:
                while True:
                    live.update(await asyncio.to_thread(look, store, console, customer), refresh=True)
                    await asyncio.sleep(_EVERY_SECOND)
        except asyncio.CancelledError:
            return OK  # how one ends it


async def retry_run(run_id: int, *, as_json: bool) -> int:
    """Queue what the run was for again."""
    with open_store() as (context, store):
        queued = await asyncio.to_thread(runs.retry_run, store, run_id)
        note = await notify_queued(context, store)
    if as_json:
        print_json({"run": queued})
    else:
        print_line(f"run {queued} queued")
    if note:
        warn(note)
    return OK


async def cancel_run(run_id: int, *, as_json: bool) -> int:
    """Cancel it, or have its worker cancel it."""
    with open_store() as (context, store):
        state = await asyncio.to_thread(runs.cancel_run, store, run_id)
        if state is not RunState.CANCELLED:
            await notification(context, store.farm).of_cancellation(run_id)
    if as_json:
        print_json({"run": run_id, "state": state})
    elif state is RunState.CANCELLED:
        print_line(f"run {run_id} cancelled")
    else:
        print_line(f"run {run_id} is {state}; its worker cancels it")
    return OK


async def refresh(references: Sequence[str], *, everybody: bool, as_json: bool) -> int:
    """Queue a refresh of these, or of all that can be refreshed; 2 if one of these cannot."""
    if bool(references) == everybody:
        raise UsageError("Give the customers to refresh, or --all.")
    with open_store() as (context, store):
        named = None if everybody else [find_customer(store, reference) for reference in references]
        refreshed = await asyncio.to_thread(runs.refresh_customers, store, named)
        note = await notify_queued(context, store)
    queued = refreshed.runs
    for sentence in refreshed.refused:
        warn(sentence)
    if as_json:
        print_json(refreshed)
    else:
        print_line(f"{len(queued)} run{'s' * (len(queued) != 1)} queued{_numbers(queued)}")
    if note and queued:
        warn(note)
    return USAGE if refreshed.refused else OK


def _numbers(queued: Sequence[int]) -> str:
    if not queued:
        return ""
    return f": {', '.join(map(str, queued))}" if len(queued) <= 10 else f": {min(queued)} to {max(queued)}"
