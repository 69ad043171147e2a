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
from meterfarm.storage.database import Database, now
from meterfarm.storage.leases import ATTEMPTS
from meterfarm.storage.results import Customer
from meterfarm.storage.runs import RunRefused
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from meterfarm.storage.tables import RunRow
from meterfarm.storage.work import Claim, FollowUp, Lease, LeaseLost, RunInfo
from tests.storage.conftest import ON_BOTH, Rows
from tests.storage.made import ACCOUNT, EXPORT, USERNAME, UTILITY, bill, listed, pdf, series

pytestmark = ON_BOTH

PASSWORD = {SecretKind.PASSWORD: "canary-51d0"}
LATER = timedelta(seconds=20)
Move = Callable[..., None]

_CLAIMER = """
import sys
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store

with Store.open(Settings()) as store:
    print("open", flush=True)
    for line in sys.stdin:
        claim = store.claim_run(*map(int, line.split()))
        print(claim.lease.fence if claim else 0, flush=True)
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
def workers(environment: Mapping[str, str], store: Store) -> Iterator[list[_Worker]]:
    made = [_Worker(environment) for _ in range(2)]
    assert [worker.said() for worker in made] == ["open", "open"]
    yield made
    for worker in made:
        worker.kill()


@pytest.fixture
def move(store: Store, settings: Settings) -> Iterator[Move]:
    """Puts an instant of a run so far from now; ``worker`` makes it another machine's, too."""
    database = Database(settings, settings.home)

    def moved(run_id: int, by: timedelta, column: str, **values: object) -> None:
        with database.writing() as session:
            to = {column: now(session) + by, **values}
            session.execute(update(RunRow).where(col(RunRow.id) == run_id).values(to))

    yield moved
    database.close()


@pytest.fixture
def customer(store: Store) -> Customer:
    return store.add_customer(UTILITY, USERNAME, secrets=PASSWORD)


def _info(store: Store, run_id: int) -> RunInfo:
    return next(run for run in store.runs() if run.id == run_id)


def _queued(store: Store, kind: RunKind = RunKind.CONNECT) -> RunInfo:
    (run,) = [run for run in store.runs(active=True) if run.kind is kind]
    return run


def _claimed(store: Store, move: Move, kind: RunKind = RunKind.CONNECT) -> Claim:
    """The run, taken as soon as its time has come."""
    run = _queued(store, kind)
    move(run.id, -LATER, "not_before")
    claim = store.claim_run(run.id, run.attempt)
    assert claim is not None
    return claim


def _lost(store: Store, move: Move, lease: Lease) -> None:
    """The lease of a process on another machine runs out."""
    move(lease.run_id, -LATER, "lease_until", worker="elsewhere/1/1")
    assert store.reap() == 1


def test_a_run_is_taken_once_by_who_knows_its_attempt(store: Store, customer: Customer) -> None:
    run = _queued(store)
    assert store.claim_run(run.id, run.attempt + 1) is None
    assert store.claim_run(run.id + 1, run.attempt) is None
    claim = store.claim_run(run.id, run.attempt)
    assert claim is not None
    assert (claim.lease, claim.customer, claim.kind) == (Lease(run.id, 1), customer, RunKind.CONNECT)
    assert store.claim_run(run.id, run.attempt) is None
    taken = _info(store, run.id)
    assert (taken.state, taken.started_at is not None, taken.worker != "") == (RunState.RUNNING, True, True)


def test_a_login_has_one_run_at_a_time(store: Store, customer: Customer, move: Move) -> None:
    held = _claimed(store, move)
    store.queue_refresh()
    run = _queued(store, RunKind.COLLECT)
    assert store.claim_run(run.id, run.attempt) is None
    assert _info(store, run.id).not_before > run.not_before, "it is looked at again a little later"
    assert store.begin_run(customer, RunKind.SCRAPE) is None
    store.finish_run(held.lease, Outcome.COMPLETE, "")
    assert _claimed(store, move, RunKind.COLLECT).lease.run_id == run.id


def test_of_two_processes_one_takes_a_run_and_what_a_dead_one_held_is_free_at_once(
    store: Store, workers: list[_Worker]
) -> None:
    for number in range(6):
        store.add_customer(UTILITY, f"{number}@example.org", secrets=PASSWORD)
    runs = store.runs()
    for run in runs:
        for worker in workers:
            worker.claim(run)
    fences = [[worker.said() for _ in runs] for worker in workers]
    assert [sorted(pair) for pair in zip(*fences, strict=True)] == [["0", "1"]] * 6
    assert store.reap() == 0
    held = fences[0].count("1")
    workers[0].kill()
    assert store.reap() == held
    again = [run for run in store.runs() if run.state is RunState.QUEUED]
    assert {run.attempt for run in again} == ({2} if held else set())
    workers[1].kill()
    assert store.reap() == 6 - held
    assert all(run.state is RunState.QUEUED for run in store.runs())


def test_a_lease_is_renewed_by_beats_and_lapses_without(store: Store, customer: Customer, move: Move) -> None:
    claim = _claimed(store, move)
    move(claim.lease.run_id, -LATER, "lease_until")
    assert [beat.lease for beat in store.beat()] == [claim.lease]
    assert store.reap() == 0
    _lost(store, move, claim.lease)
    run = _queued(store)
    assert (run.id, run.attempt, run.worker) == (claim.lease.run_id, 2, "")
    assert store.beat() == []
    again = _claimed(store, move)
    assert (again.lease.fence, again.attempt) == (2, 2)


_WRITES: Mapping[str, Callable[[Store, Lease, Customer, int], Any]] = {
    "account": lambda store, _, customer, __: store.save_account(customer, replace(ACCOUNT, name="B")),
    "bills": lambda store, _, __, account: store.save_bills(account, []),
    "bill": lambda store, _, __, account: store.save_bill(
        account, listed(), pdf(), bill(), layout="l", layout_version=1
    ),
    "readings": lambda store, _, __, account: store.save_readings(account, EXPORT, "jan", [series([1])]),
    "session": lambda store, _, customer, __: store.save_session(customer, b"x", trusted_since=None),
    "dropped session": lambda store, _, customer, __: store.drop_session(customer),
    "factor": lambda store, _, customer, __: store.note_factor(customer, "sms"),
    "refusal": lambda store, _, customer, __: store.reject_password(
        customer, "x", Outcome.BAD_CREDENTIALS, "No."
    ),
    "no refusal": lambda store, _, customer, __: store.clear_rejections(customer),
    "totp step": lambda store, _, customer, __: store.claim_totp_step(customer, 1),
    "step": lambda store, lease, _, __: store.tell_run(lease, "here"),
    "challenge": lambda store, lease, _, __: store.open_challenge(lease, Challenge("Code?"), LATER),
    "answer": lambda store, lease, _, __: store.take_answer(lease, 1),
    "end": lambda store, lease, _, __: store.finish_run(lease, Outcome.COMPLETE, ""),
    "abandoned": lambda store, lease, _, __: store.abandon_run(lease),
    "handed back": lambda store, lease, _, __: store.hand_back_run(lease, "why"),
    "failed": lambda store, lease, _, __: store.fail_run(lease, "why", LATER),
    "stopped": lambda store, lease, _, __: store.stop_run(lease),
}


def test_who_lost_a_run_writes_nothing_any_more(
    store: Store, customer: Customer, move: Move, rows: Rows
) -> None:
    """Neither while it waits, nor while another works on it, nor after its end."""
    account = store.save_account(customer, ACCOUNT)
    store.reject_password(customer, "former", Outcome.BAD_CREDENTIALS, "No.")
    claim = _claimed(store, move)
    zombie = store.under(claim.lease)
    zombie.save_session(customer, b"state", trusted_since=None)
    _lost(store, move, claim.lease)
    _all_refused(zombie, claim.lease, customer, account)
    again = _claimed(store, move)
    _all_refused(zombie, claim.lease, customer, account)
    store.finish_run(again.lease, Outcome.COMPLETE, "")
    _all_refused(zombie, claim.lease, customer, account)
    _all_refused(store.under(again.lease), again.lease, customer, account)
    assert rows("SELECT count(*) FROM document") == rows("SELECT count(*) FROM challenge") == [(0,)]
    saved = zombie.load_session(customer)
    assert saved is not None, "it may read"
    assert (saved.state, saved.version) == (b"state", 1)


def _all_refused(zombie: Store, lease: Lease, customer: Customer, account: int) -> None:
    for what, write in _WRITES.items():
        try:
            write(zombie, lease, customer, account)
        except LeaseLost:
            continue
        pytest.fail(f"{what} was written")


def test_a_run_that_keeps_failing_is_given_up_and_told(store: Store, customer: Customer, move: Move) -> None:
    """To be handed back is no failure."""
    for _ in range(ATTEMPTS + 1):
        store.hand_back_run(_claimed(store, move).lease, "its worker is being stopped")
    for number in range(ATTEMPTS):
        assert store.events(kinds=[EventKind.RUN_FAILED]) == [], f"after {number} failures"
        claim = _claimed(store, move)
        store.fail_run(claim.lease, "the browser ended", LATER)
    run = _info(store, claim.lease.run_id)
    assert (run.state, run.outcome) == (RunState.ABANDONED, None)
    assert run.message == f"Given up after {ATTEMPTS} attempts: the browser ended."
    (event,) = store.events(kinds=[EventKind.RUN_FAILED])
    assert (event.run_id, event.payload["object"]["message"]) == (run.id, run.message)


def test_a_run_that_failed_rests(store: Store, customer: Customer, move: Move) -> None:
    claim = _claimed(store, move)
    store.fail_run(claim.lease, "no browser", LATER)
    run = _queued(store)
    assert run.not_before > run.requested_at + LATER / 2
    assert store.claim_run(run.id, run.attempt) is None
    assert store.runs_to_ring() == []


def test_a_queued_run_is_cancelled_at_once_and_one_under_way_by_its_worker(
    store: Store, customer: Customer, move: Move
) -> None:
    run = _queued(store)
    assert store.cancel_run(run.id) is RunState.CANCELLED
    assert store.claim_run(run.id, run.attempt) is None
    store.queue_refresh()
    claim = _claimed(store, move, RunKind.COLLECT)
    assert store.cancel_run(claim.lease.run_id) is RunState.RUNNING
    assert [beat.cancelled for beat in store.beat()] == [True]
    store.stop_run(claim.lease)
    assert _info(store, claim.lease.run_id).state is RunState.CANCELLED
    with pytest.raises(RunRefused, match="over already"):
        store.cancel_run(claim.lease.run_id)
    with pytest.raises(RunRefused, match="no run 999"):
        store.cancel_run(999)


def test_a_cancelled_run_whose_worker_dies_is_not_queued_again(
    store: Store, customer: Customer, move: Move
) -> None:
    claim = _claimed(store, move)
    store.cancel_run(claim.lease.run_id)
    _lost(store, move, claim.lease)
    assert [run.state for run in store.runs()] == [RunState.CANCELLED]


def test_a_retry_is_of_the_kind_that_helps(store: Store, customer: Customer, move: Move) -> None:
    """Who must come back signs in first; a run that waits is brought forward and not made twice."""
    claim = _claimed(store, move)
    with pytest.raises(RunRefused, match="under way"):
        store.retry_run(claim.lease.run_id)
    store.finish_run(claim.lease, Outcome.COMPLETE, "", follow=FollowUp(is_back=True))
    store.queue_refresh()
    collected = _claimed(store, move, RunKind.COLLECT)
    store.finish_run(collected.lease, Outcome.PARTIAL, "")
    again = store.retry_run(collected.lease.run_id)
    assert again > collected.lease.run_id
    assert _info(store, again).kind is RunKind.COLLECT
    move(again, LATER, "not_before")
    assert store.runs_to_ring() == []
    assert store.retry_run(collected.lease.run_id) == again
    assert [ring.run_id for ring in store.runs_to_ring()] == [again]
    last = store.claim_run(again, 1)
    assert last is not None
    follow = FollowUp(must_reauthenticate="mfa_required: code")
    store.finish_run(last.lease, Outcome.MFA_REQUIRED, "code", follow=follow)
    assert _info(store, store.retry_run(again)).kind is RunKind.CONNECT
    store.remove_customer(customer, data=False)
    with pytest.raises(RunRefused, match="is removed"):
        store.retry_run(again)
    with pytest.raises(RunRefused, match="no run 999"):
        store.retry_run(999)


def test_workers_are_told_once_and_again_when_it_may_have_been_lost(
    store: Store, customer: Customer, move: Move
) -> None:
    for number in range(2):
        store.add_customer(UTILITY, f"{number}@example.org", secrets=PASSWORD)
    runs = sorted(run.id for run in store.runs())
    assert [ring.run_id for ring in store.runs_to_ring(limit=2)] == runs[:2]
    assert [ring.run_id for ring in store.runs_to_ring(limit=2)] == runs[2:]
    assert store.runs_to_ring() == []
    move(runs[1], timedelta(seconds=-9), "rung_at")
    assert store.unheard_runs() == []
    move(runs[1], timedelta(seconds=-11), "rung_at")
    unheard = store.unheard_runs()
    assert [ring.run_id for ring in unheard] == [runs[1]]
    store.keep_rung([runs[1]])
    assert store.unheard_runs() == [], "a process has it in line"
    store.hand_out_anew(unheard)
    assert [(ring.run_id, ring.attempt) for ring in store.runs_to_ring()] == [(runs[1], 2)]
    store.hand_out_anew(unheard)
    assert store.runs_to_ring() == []
    store.cancel_run(runs[0])
    store.forget_rings()
    assert [(ring.run_id, ring.attempt, ring.kind) for ring in store.runs_to_ring()] == [
        (runs[1], 2, RunKind.CONNECT),
        *((run_id, 1, RunKind.CONNECT) for run_id in runs[2:]),
    ]
