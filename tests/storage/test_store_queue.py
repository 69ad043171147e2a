"""A run is worked on by one process at a time, which writes only while it holds it, and none is forgotten."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from meterfarm.records import Challenge, EventKind, Outcome, RunKind, RunState, SecretKind
from meterfarm.storage import LeaseLost, RunRefused
from meterfarm.storage.customers import Customer
from meterfarm.storage.database import Database, now
from meterfarm.storage.runs import Claim, FollowUp, Lease, RunInfo
from meterfarm.storage.runs.leases import ATTEMPTS
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore
from meterfarm.storage.tables import RunRow
from tests.storage.made import (
    ACCOUNT,
    EXPORT,
    USERNAME,
    UTILITY,
    bill,
    claimed,
    listed,
    pdf,
    save_bill,
    series,
)
from tests.storage.opening import ON_BOTH, Rows

pytestmark = ON_BOTH

PASSWORD = {SecretKind.PASSWORD: "canary-51d0"}
LATER = timedelta(seconds=20)
Move = Callable[..., None]

_CLAIMER = """
import sys
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store

with Store.open(Settings()).of() as store:
    print("open", flush=True)
    for line in sys.stdin:
        taken = store.farm.runs.take(*map(int, line.split()))
        print(taken[0].lease.fence if taken else 0, flush=True)
"""


class _Worker:
    """Another process, which claims what it is told to. It is killed in the end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CLAIMER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env=dict(environment),
        )

    def claim(self, run: RunInfo) -> None:
        assert self.process.stdin is not None
        print(run.id, run.attempt, file=self.process.stdin, flush=True)

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        with self.process:
            self.process.kill()


@pytest.fixture
def workers(environment: Mapping[str, str], store: CompanyStore) -> Iterator[list[_Worker]]:
    made = [_Worker(environment) for _ in range(2)]
    assert [worker.said() for worker in made] == ["open", "open"]
    yield made
    for worker in made:
        worker.kill()


@pytest.fixture
def move(store: CompanyStore, settings: Settings) -> Iterator[Move]:
    """Puts an instant of a run so far from now; ``worker`` makes it another machine's, too."""
    database = Database(settings, settings.home)

    def moved(run_id: int, by: timedelta, column: str, **values: object) -> None:
        with database.writing() as session:
            to = {column: now(session) + by, **values}
            session.execute(update(RunRow).where(col(RunRow.id) == run_id).values(to))

    yield moved
    database.close()


@pytest.fixture
def customer(store: CompanyStore) -> Customer:
    return store.customers.add(UTILITY, USERNAME, secrets=PASSWORD)


def _info(store: CompanyStore, run_id: int) -> RunInfo:
    return next(run for run in store.runs.list() if run.id == run_id)


def _queued(store: CompanyStore, kind: RunKind = RunKind.CONNECT) -> RunInfo:
    (run,) = [run for run in store.runs.list(active=True) if run.kind is kind]
    return run


def _claimed(store: CompanyStore, move: Move, kind: RunKind = RunKind.CONNECT) -> Claim:
    """The run, taken as soon as its time has come."""
    run = _queued(store, kind)
    move(run.id, -LATER, "not_before")
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    return claim


def _lost(store: CompanyStore, move: Move, lease: Lease) -> None:
    """The lease of a process on another machine runs out."""
    move(lease.run_id, -LATER, "lease_until", worker="elsewhere/1/1")
    assert store.farm.runs.reap() == 1


def test_a_run_is_taken_once_by_who_knows_its_attempt(store: CompanyStore, customer: Customer) -> None:
    run = _queued(store)
    assert claimed(store, run.id, run.attempt + 1) is None
    assert claimed(store, run.id + 1, run.attempt) is None
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    assert (claim.lease, claim.customer, claim.kind) == (Lease(run.id, 1), customer, RunKind.CONNECT)
    assert claimed(store, run.id, run.attempt) is None
    taken = _info(store, run.id)
    assert (taken.state, taken.started_at is not None, taken.worker != "") == (RunState.RUNNING, True, True)


def test_a_login_has_one_run_at_a_time(store: CompanyStore, customer: Customer, move: Move) -> None:
    held = _claimed(store, move)
    store.runs.refresh()
    run = _queued(store, RunKind.COLLECT)
    assert claimed(store, run.id, run.attempt) is None
    assert _info(store, run.id).not_before > run.not_before, "it is looked at again a little later"
    assert store.runs.begin(customer, RunKind.SCRAPE) is None
    store.runs.finish(held.lease, Outcome.COMPLETE, "")
    assert _claimed(store, move, RunKind.COLLECT).lease.run_id == run.id


def test_of_two_processes_one_takes_a_run_and_what_a_dead_one_held_is_free_at_once(
    store: CompanyStore, workers: list[_Worker]
) -> None:
    for number in range(6):
        store.customers.add(UTILITY, f"{number}@example.org", secrets=PASSWORD)
    runs = store.runs.list()
    for run in runs:
        for worker in workers:
            worker.claim(run)
    fences = [[worker.said() for _ in runs] for worker in workers]
    assert [sorted(pair) for pair in zip(*fences, strict=True)] == [["0", "1"]] * 6
    assert store.farm.runs.reap() == 0
    held = fences[0].count("1")
    workers[0].kill()
    assert store.farm.runs.reap() == held
    again = [run for run in store.runs.list() if run.state is RunState.QUEUED]
    assert {run.attempt for run in again} == ({2} if held else set())
    workers[1].kill()
    assert store.farm.runs.reap() == 6 - held
    assert all(run.state is RunState.QUEUED for run in store.runs.list())


def test_a_lease_is_renewed_by_beats_and_lapses_without(
    store: CompanyStore, customer: Customer, move: Move
) -> None:
    claim = _claimed(store, move)
    move(claim.lease.run_id, -LATER, "lease_until")
    assert [beat.lease for beat in store.farm.workforce.heartbeat()] == [claim.lease]
    assert store.farm.runs.reap() == 0
    _lost(store, move, claim.lease)
    run = _queued(store)
    assert (run.id, run.attempt, run.worker) == (claim.lease.run_id, 2, "")
    assert store.farm.workforce.heartbeat() == []
    again = _claimed(store, move)
    assert (again.lease.fence, again.attempt) == (2, 2)


_WRITES: Mapping[str, Callable[[CompanyStore, Lease, Customer, int], Any]] = {
    "account": lambda store, _, customer, __: store.accounts.save(customer, replace(ACCOUNT, name="B")),
    "bills": lambda store, _, __, account: store.bills.save(account, []),
    "bill": lambda store, _, __, account: save_bill(
        store, account, listed(), pdf(), bill(), layout="l", layout_version=1
    ),
    "readings": lambda store, _, __, account: store.readings.save(account, EXPORT, "jan", [series([1])]),
    "session": lambda store, _, customer, __: store.credentials.save_session(
        customer, b"x", trusted_since=None
    ),
    "dropped session": lambda store, _, customer, __: store.credentials.drop_session(customer),
    "factor": lambda store, _, customer, __: store.logins.note_factor(customer, "sms"),
    "refusal": lambda store, _, customer, __: store.logins.reject(
        customer, "x", Outcome.BAD_CREDENTIALS, "No."
    ),
    "no refusal": lambda store, _, customer, __: store.logins.clear(customer),
    "totp step": lambda store, _, customer, __: store.logins.claim_totp_step(customer, 1),
    "challenge": lambda store, lease, _, __: store.challenges.open(lease, Challenge("Code?"), LATER),
    "answer": lambda store, lease, _, __: store.challenges.take_answer(lease, 1),
    "end": lambda store, lease, _, __: store.runs.finish(lease, Outcome.COMPLETE, ""),
    "abandoned": lambda store, lease, _, __: store.runs.abandon(lease),
    "handed back": lambda store, lease, _, __: store.runs.hand_back(lease, "why"),
    "failed": lambda store, lease, _, __: store.runs.fail(lease, "why", LATER),
    "stopped": lambda store, lease, _, __: store.runs.stop(lease),
}


def test_who_lost_a_run_writes_nothing_any_more(
    store: CompanyStore, customer: Customer, move: Move, rows: Rows
) -> None:
    """Neither while it waits, nor while another works on it, nor after its end."""
    account = store.accounts.save(customer, ACCOUNT)
    store.logins.reject(customer, "former", Outcome.BAD_CREDENTIALS, "No.")
    claim = _claimed(store, move)
    zombie = store.holding(claim.lease)
    zombie.credentials.save_session(customer, b"state", trusted_since=None)
    _lost(store, move, claim.lease)
    _all_refused(zombie, claim.lease, customer, account)
    again = _claimed(store, move)
    _all_refused(zombie, claim.lease, customer, account)
    store.runs.finish(again.lease, Outcome.COMPLETE, "")
    _all_refused(zombie, claim.lease, customer, account)
    _all_refused(store.holding(again.lease), again.lease, customer, account)
    assert rows("SELECT count(*) FROM document") == rows("SELECT count(*) FROM challenge") == [(0,)]
    saved = zombie.credentials.run_context(customer).session
    assert saved is not None, "it may read"
    assert (saved.state, saved.version) == (b"state", 1)


def _all_refused(zombie: CompanyStore, lease: Lease, customer: Customer, account: int) -> None:
    for what, write in _WRITES.items():
        try:
            write(zombie, lease, customer, account)
        except LeaseLost:
            continue
        pytest.fail(f"{what} was written")


def test_a_run_that_keeps_failing_is_given_up_and_told(
    store: CompanyStore, customer: Customer, move: Move
) -> None:
    """To be handed back is no failure."""
    for _ in range(ATTEMPTS + 1):
        store.runs.hand_back(_claimed(store, move).lease, "its worker is being stopped")
    for number in range(ATTEMPTS):
        assert store.events.after(kinds=[EventKind.RUN_FAILED]) == [], f"after {number} failures"
        claim = _claimed(store, move)
        store.runs.fail(claim.lease, "the browser ended", LATER)
    run = _info(store, claim.lease.run_id)
    assert (run.state, run.outcome) == (RunState.ABANDONED, None)
    assert run.message == f"Given up after {ATTEMPTS} attempts: the browser ended."
    (event,) = store.events.after(kinds=[EventKind.RUN_FAILED])
    assert (event.run_id, event.facts["message"]) == (run.id, run.message)


def test_a_run_that_failed_rests(store: CompanyStore, customer: Customer, move: Move) -> None:
    claim = _claimed(store, move)
    store.runs.fail(claim.lease, "no browser", LATER)
    run = _queued(store)
    assert run.not_before > run.requested_at + LATER / 2
    assert claimed(store, run.id, run.attempt) is None
    assert store.farm.runs.to_notify() == []


def test_a_queued_run_is_cancelled_at_once_and_one_under_way_by_its_worker(
    store: CompanyStore, customer: Customer, move: Move
) -> None:
    run = _queued(store)
    assert store.runs.cancel(run.id) is RunState.CANCELLED
    assert claimed(store, run.id, run.attempt) is None
    store.runs.refresh()
    claim = _claimed(store, move, RunKind.COLLECT)
    assert store.runs.cancel(claim.lease.run_id) is RunState.RUNNING
    assert [beat.cancelled for beat in store.farm.workforce.heartbeat()] == [True]
    store.runs.stop(claim.lease)
    assert _info(store, claim.lease.run_id).state is RunState.CANCELLED
    with pytest.raises(RunRefused, match="over already"):
        store.runs.cancel(claim.lease.run_id)
    with pytest.raises(RunRefused, match="no run 999"):
        store.runs.cancel(999)


def test_a_cancelled_run_whose_worker_dies_is_not_queued_again(
    store: CompanyStore, customer: Customer, move: Move
) -> None:
    claim = _claimed(store, move)
    store.runs.cancel(claim.lease.run_id)
    _lost(store, move, claim.lease)
    assert [run.state for run in store.runs.list()] == [RunState.CANCELLED]


def test_a_retry_is_of_the_kind_that_helps(store: CompanyStore, customer: Customer, move: Move) -> None:
    """Who must come back signs in first; a run that waits is brought forward and not made twice."""
    claim = _claimed(store, move)
    with pytest.raises(RunRefused, match="under way"):
        store.runs.retry(claim.lease.run_id)
    store.runs.finish(claim.lease, Outcome.COMPLETE, "", follow=FollowUp(is_back=True))
    store.runs.refresh()
    collected = _claimed(store, move, RunKind.COLLECT)
    store.runs.finish(collected.lease, Outcome.PARTIAL, "")
    again = store.runs.retry(collected.lease.run_id)
    assert again > collected.lease.run_id
    assert _info(store, again).kind is RunKind.COLLECT
    move(again, LATER, "not_before")
    assert store.farm.runs.to_notify() == []
    assert store.runs.retry(collected.lease.run_id) == again
    assert [one.run_id for one in store.farm.runs.to_notify()] == [again]
    last = claimed(store, again, 1)
    assert last is not None
    follow = FollowUp(must_reauthenticate="mfa_required: code")
    store.runs.finish(last.lease, Outcome.MFA_REQUIRED, "code", follow=follow)
    assert _info(store, store.runs.retry(again)).kind is RunKind.CONNECT
    store.customers.remove(customer, data=False)
    with pytest.raises(RunRefused, match="is removed"):
        store.runs.retry(again)
    with pytest.raises(RunRefused, match="no run 999"):
        store.runs.retry(999)


def test_workers_are_told_once_and_again_when_it_may_have_been_lost(
    store: CompanyStore, customer: Customer, move: Move
) -> None:
    for number in range(2):
        store.customers.add(UTILITY, f"{number}@example.org", secrets=PASSWORD)
    runs = sorted(run.id for run in store.runs.list())
    assert [one.run_id for one in store.farm.runs.to_notify(limit=2)] == runs[:2]
    assert [one.run_id for one in store.farm.runs.to_notify(limit=2)] == runs[2:]
    assert store.farm.runs.to_notify() == []
    move(runs[1], timedelta(seconds=-9), "notified_at")
    assert store.farm.runs.undelivered() == []
    move(runs[1], timedelta(seconds=-11), "notified_at")
    undelivered = store.farm.runs.undelivered()
    assert [one.run_id for one in undelivered] == [runs[1]]
    store.farm.runs.keep_notified([runs[1]])
    assert store.farm.runs.undelivered() == [], "a process has it in line"
    store.farm.runs.redeliver(undelivered)
    assert [(ring.run_id, ring.attempt) for ring in store.farm.runs.to_notify()] == [(runs[1], 2)]
    store.farm.runs.redeliver(undelivered)
    assert store.farm.runs.to_notify() == []
    store.runs.cancel(runs[0])
    store.farm.runs.forget_notifications()
    assert [(ring.run_id, ring.attempt, ring.kind) for ring in store.farm.runs.to_notify()] == [
        (runs[1], 2, RunKind.CONNECT),
        *((run_id, 1, RunKind.CONNECT) for run_id in runs[2:]),
    ]
