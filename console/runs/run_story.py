"""The `run show` command: all that is known of a run, and what happens next."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from meterfarm.console.command_context import open_store
from meterfarm.console.runs.challenges import as_document, challenges_table
from meterfarm.console.runs.notifying import no_worker
from meterfarm.console.terminal.listing import Column, Facts, Listing, Shown, safe_text, styled
from meterfarm.console.terminal.output import plain, print_json, show
from meterfarm.records import LedgerItem, RunState
from meterfarm.services.next_step import next_step
from meterfarm.services.runs import collected_parts, find_run
from meterfarm.storage.runs import RunInfo, RunStep, RunStory
from meterfarm.support.foreign_text import one_line
from meterfarm.support.instants import lasted, shown

_MOST_ITEMS = 40
_SHORT = 40


async def show_run(run_id: int, *, as_json: bool) -> int:
    """Print it."""
    with open_store() as (context, store):
        story = await asyncio.to_thread(find_run, store, run_id)
        coming = await asyncio.to_thread(next_step, store, story.run)
        if story.run.state is RunState.QUEUED:
            lacking = await asyncio.to_thread(no_worker, context, store.farm, story.run.kind)
            coming = " ".join(filter(None, (lacking, coming)))
    if as_json:
        print_json(
            {
                **plain(story.run),
                "parts": " ".join(collected_parts(story.run)),
                "steps": story.steps,
                "challenges": [as_document(challenge) for challenge in story.challenges],
                "ledger": _telling_first(story.ledger),
                "next": coming,
            }
        )
    else:
        show(*_renderables(story, coming))
    return 0


def _renderables(story: RunStory, coming: str) -> list[RenderableType]:
    next_ = Text("Next: ", style="bold") + safe_text(coming)
    parts: list[RenderableType] = [Facts(_facts(story)), next_]
    if story.challenges:
        parts += ["", challenges_table(story.challenges)]
    telling = [item for item in _telling_first(story.ledger) if item.reason or not item.stored]
    if telling:
        parts += ["", _ledger(telling)]
    return [*parts, "", _steps(story.run, story.steps)]


def _facts(story: RunStory) -> list[tuple[str, Shown]]:
    run = story.run
    parts = " and ".join(collected_parts(run))
    known = f", {run.external_id}" if run.external_id else ""
    seconds = ", ".join(f"{step} {lasted(taken)}" for step, taken in run.seconds.items())
    return [
        ("run", f"{run.id}: {' of '.join(filter(None, (run.kind, parts)))}, because: {run.why}"),
        ("customer", f"{run.customer_id}: {run.username} at {run.utility}{known}"),
        ("state", f"{run.state}{f' with {run.worker}' if run.worker else ''}"),
        ("outcome", f"{run.outcome} (who acts: {run.outcome.who_acts})" if run.outcome else ""),
        ("message", run.message),
        ("attempt", str(run.attempt) if run.attempt > 1 else ""),
        ("asked for", shown(run.requested_at)),
        ("started", shown(run.started_at)),
        ("ended", shown(run.ended_at)),
        ("took", seconds),
        ("session", run.session.replace("_", " ")),
        ("browser pages", str(run.pages) if run.started_at else ""),
        ("ledger", _counts(story)),
        ("evidence", run.evidence),
    ]


def _steps(run: RunInfo, steps: Sequence[RunStep]) -> Listing:
    columns = [Column("at (UTC)"), Column("after", right=True), Column("step"), Column("detail")]
    table = Listing(columns, ("at", "step", "detail"))
    for step in steps:
        since = (step.at - run.requested_at).total_seconds()
        detail = one_line(step.detail)
        short = len(detail) <= _SHORT
        table.add(
            [f"{step.at:%H:%M:%S.%f}"[:-3], lasted(since), step.step, detail if short else ""],
            {"at": step.at, "step": step.step, "detail": step.detail},
            [] if short else [detail],
        )
    return table


def _ledger(ledger: Sequence[LedgerItem]) -> Listing:
    """Gaps first, then what is unread or in doubt; in a pipe all of them."""
    columns = [Column("account"), Column("item"), Column("")]
    names = ("account", "item", "stored", "downloaded", "unread", "pending", "reason")
    table = Listing(columns, names, "ledger")
    for item in ledger[:_MOST_ITEMS] if sys.stdout.isatty() else ledger:
        record = {
            "account": item.account_number,
            "item": item.item,
            "stored": item.stored,
            "downloaded": item.downloaded,
            "unread": item.unread,
            "pending": item.pending,
            "reason": item.reason,
        }
        table.add([item.account_number, item.item, _mark(item)], record, [item.reason])
    left_out = len(ledger) - len(table)
    if left_out:
        table.add(["", f"and {left_out:,} more; --json has them all", ""], {})
    return table


def _counts(story: RunStory) -> str:
    run = story.run
    if not run.listed:
        return ""
    new = sum(item.stored and item.downloaded for item in story.ledger)
    unread, pending = (sum(getattr(item, which) for item in story.ledger) for which in ("unread", "pending"))
    rest = (f", {unread} unread" if unread else "") + (f"; {pending} pending" if pending else "")
    return f"{run.stored} of {run.listed} listed are stored, {new} of them new{rest}"


def _mark(item: LedgerItem) -> Text:
    if item.pending:
        return styled("pending", "cyan")
    if not item.stored:
        return styled("missing", "red")
    if item.unread:
        return styled("unread", "yellow")
    return Text("new" if item.downloaded else "stored before")


def _telling_first(ledger: Sequence[LedgerItem]) -> list[LedgerItem]:
    return sorted(ledger, key=lambda item: (item.stored, item.pending, not item.unread, not item.reason))
