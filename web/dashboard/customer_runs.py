"""A customer's runs: how each went, step by step, what it did not bring; for operators what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.records import LedgerItem, RunKind, RunState
from meterfarm.services.runs import list_runs
from meterfarm.storage.runs import RunInfo
from meterfarm.support.instants import lasted, shown
from meterfarm.web.dashboard.access import NO_SUCH_PAGE, Refused, in_thread
from meterfarm.web.dashboard.customer_head import Seen, SeenCustomer, customer_page
from meterfarm.web.dashboard.people import Number
from meterfarm.web.dashboard.words import actor_words, moment, outcome_words, tone_of

router = APIRouter(prefix="/{side}/customers/{number}/runs", include_in_schema=False)
_NEWEST = 30
_MOST_ITEMS, _MOST_FILES = 200, 50
_HERE = "/runs"
KINDS = {
    RunKind.CONNECT: "Sign-in",
    RunKind.COLLECT: "Fetch",
    RunKind.SCRAPE: "Visit",
}
_STATES = {
    RunState.QUEUED: "waits for a worker",
    RunState.RUNNING: "under way",
    RunState.WAITING: "waits for an answer",
    RunState.CANCELLED: "cancelled",
    RunState.ABANDONED: "broken off",
}


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in the list: what it was, how it stands or ended, and who has to act."""

    id: int
    kind: str
    at: str
    state: str
    tone: str
    actor: str
    brought: str


@dataclass(frozen=True, slots=True)
class ItemLine:
    """Something that a run listed and did not bring whole: ``state`` in words, and why."""

    item: str
    account: str
    state: str
    tone: str
    reason: str


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file that is kept of a run that failed."""

    name: str
    size: str


@router.get("")
async def runs(request: Request, seen: Seen) -> Response:
    """The newest runs."""
    return await in_thread(_runs, request, seen)


@router.get("/{run}")
async def one(request: Request, seen: Seen, run: Number) -> Response:
    """A run, with its steps and what it did not bring."""
    return await in_thread(_one, request, seen, run)


def _runs(request: Request, seen: SeenCustomer) -> Response:
    found = list_runs(seen.store, limit=_NEWEST, customer=seen.holder)
    return customer_page(
        request, seen, "customer_runs", {"runs": [run_line(each) for each in found]}, here=_HERE
    )


def _one(request: Request, seen: SeenCustomer, number: int) -> Response:
    story = seen.store.runs.story(number)
    if story is None or story.run.customer_id != seen.holder.id:
        raise Refused(404, *NO_SUCH_PAGE)
    run, is_operator = story.run, seen.asking.user.is_operator
    lacking = [item for item in story.ledger if item.reason or not item.stored]
    values: dict[str, Any] = {
        "run": run_line(run),
        "message": run.message,
        "facts": list(_facts(run, is_operator=is_operator)),
        "steps": [
            (shown(step.at), lasted((step.at - run.requested_at).total_seconds()), step.step, step.detail)
            for step in story.steps
        ],
        "lacking": [_item(item) for item in sorted(lacking, key=_worst_first)[:_MOST_ITEMS]],
        "more_lacking": max(0, len(lacking) - _MOST_ITEMS),
        "is_operator": is_operator,
        "evidence": run.evidence if is_operator else "",
        "files": _evidence(run.evidence) if is_operator else (),
    }
    return customer_page(request, seen, "customer_run", values, here=_HERE)


def run_line(run: RunInfo) -> RunLine:
    """A run as a list shows it."""
    outcome = run.outcome
    state = outcome_words(outcome) if outcome else _STATES.get(run.state, run.state.value)
    brought = f"{run.stored} of {run.listed} items are here" if run.listed else ""
    return RunLine(
        run.id,
        KINDS[run.kind],
        moment(run.ended_at or run.started_at or run.requested_at),
        state,
        tone_of(outcome) if outcome else "",
        actor_words(outcome) if outcome else "",
        brought,
    )


def _facts(run: RunInfo, *, is_operator: bool) -> Iterator[tuple[str, str]]:
    if run.why:
        yield "Because", run.why
    yield "Asked for", shown(run.requested_at)
    if run.started_at:
        yield "Started", shown(run.started_at)
    if run.ended_at:
        yield "Ended", shown(run.ended_at)
    if run.seconds:
        yield "Took", ", ".join(f"{step.replace('_', ' ')} {lasted(s)}" for step, s in run.seconds.items())
    if run.session:
        yield "Session", run.session.replace("_", " ")
    if run.attempt > 1:
        yield "Attempt", str(run.attempt)
    if is_operator and run.worker:
        yield "Worker", run.worker
    if is_operator and run.started_at:
        yield "Browser pages", str(run.pages)


def _worst_first(item: LedgerItem) -> tuple[bool, bool, bool]:
    return item.stored, item.pending, not item.unread


def _item(item: LedgerItem) -> ItemLine:
    if item.pending:
        state, tone = "the portal is still making it", ""
    elif not item.stored:
        state, tone = "missing", "bad"
    elif item.unread:
        state, tone = "here, not read yet", "warn"
    else:
        state, tone = "here, in doubt", "warn"
    return ItemLine(item.item, item.account_number, state, tone, item.reason)


def _evidence(folder: str) -> Sequence[EvidenceFile]:
    """What is there on this machine; workers of another keep theirs."""
    if not folder:
        return ()
    try:
        found = sorted(path for path in Path(folder).iterdir() if path.is_file())
        return [EvidenceFile(path.name, _size(path.stat().st_size)) for path in found[:_MOST_FILES]]
    except OSError:
        return ()


def _size(count: int) -> str:
    return f"{count / 1024**2:,.1f} MiB" if count >= 1024**2 else f"{max(1, round(count / 1024)):,} KiB"
