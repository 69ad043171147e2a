"""Whatever befalls a worker, the database, Redis or the portal: every run ends in a true state, and nothing
is stored twice or half."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis

from meterfarm.farm.redis.private import redis_url
from meterfarm.records import Outcome, RunKind, RunState
from meterfarm.storage import StorageError
from meterfarm.storage.runs import RunInfo
from tests import shared_driver
from tests.farm.scraped import Scraped, free_ports
from tests.farm.whole import Farm, check_whole, many, stored_files
from tests.storage.made import claimed

_TAKEN_UP_AGAIN = 30


def test_a_killed_workers_runs_are_taken_up_by_the_other(farm: Farm) -> None:
    customers = farm.add_many("iamvalid@bayou.energy", many(30))
    farm.start(2)
    farm.wait(lambda: _ended(farm, RunKind.CONNECT) >= 1, what="a customer who has signed in")
    victim, held = farm.worker_pids()[0], set[int]()

    def is_caught_at_work() -> bool:
        os.kill(victim, signal.SIGSTOP)
        held.update(run.id for run in farm.store.runs.list(active=True) if run.worker.endswith(f":{victim}"))
        os.kill(victim, signal.SIGKILL if held else signal.SIGCONT)
        return bool(held)

    farm.wait(is_caught_at_work, what="a worker killed in the middle of a run")
    farm.wait(
        lambda: all(
            run.attempt > 1 and run.state is not RunState.QUEUED for run in farm.runs() if run.id in held
        ),
        _TAKEN_UP_AGAIN,
        "all its runs taken up again",
    )
    farm.wait_for_quiet(120)
    farm.retry_in_doubt()
    assert farm.outcomes(customers) == [Outcome.COMPLETE] * len(customers)
    check_whole(farm)


def test_redis_may_forget_everything(farm: Farm) -> None:
    customers = farm.add_many("iamvalid@bayou.energy", many(40))
    farm.start(2)
    redis = Redis(unix_socket_path=urlsplit(redis_url(farm.home)).path)
    with closing(redis):
        for done in (1, 3, 6):
            _wait_for_ends(farm, done)
            redis.flushall()
    farm.wait_for_quiet()
    assert farm.outcomes(customers) == [Outcome.COMPLETE] * len(customers)
    check_whole(farm)


def test_redis_may_die_and_come_back(farm: Farm) -> None:
    customers = farm.add_many("iamvalid@bayou.energy", many(25))
    farm.start(2)
    _wait_for_ends(farm, 3)
    with closing(Redis(unix_socket_path=urlsplit(redis_url(farm.home)).path)) as redis:
        server: Any = redis.info("server")
    os.kill(server["process_id"], signal.SIGKILL)
    farm.wait_for_quiet(120)
    assert farm.outcomes(customers) == [Outcome.COMPLETE] * len(customers)
    check_whole(farm)


@pytest.mark.parametrize("where", ["/login", "/bills/"])
def test_a_worker_killed_in_the_middle_of_a_page_or_a_bill(farm: Farm, where: str) -> None:
    customer = farm.add("iamvalid@bayou.energy")
    farm.faults(slow_seconds=8, slow_paths=[where])
    farm.start(1)
    farm.wait(lambda: _is_asked(farm, where), what=f"a request of {where}")
    farm.faults()
    os.kill(farm.worker_pids()[0], signal.SIGKILL)
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    check_whole(farm)


def test_a_worker_killed_while_it_commits(farm: Farm) -> None:
    """It holds a file whose row is not there yet."""
    customer = farm.add("iamvalid@bayou.energy")
    farm.faults(slow_seconds=1, slow_paths=["/bills/"])
    farm.start(1)
    farm.wait(lambda: _is_asked(farm, "/bills/"), what="a bill on its way")
    with _database_locked(farm):
        farm.wait(lambda: stored_files(farm), what="a file whose row waits")
        os.kill(farm.worker_pids()[0], signal.SIGKILL)
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    check_whole(farm)


def test_a_stopped_worker_wakes_to_find_its_run_taken(farm: Farm) -> None:
    """What the other did stands; the sleeper writes nothing any more."""
    customer = farm.add("iamvalid@bayou.energy")
    farm.faults(slow_seconds=5, slow_paths=["/bills/"])
    farm.start(2)
    farm.wait(lambda: _is_asked(farm, "/bills/"), what="a bill on its way")
    run = farm.wait(lambda: _held(farm, RunKind.COLLECT), what="a collect run under way")
    sleeper = int(run.worker.rpartition(":")[2])
    farm.wait(lambda: _put_to_sleep(farm, sleeper), what="a worker asleep that holds no lock")
    farm.faults()
    again = farm.wait(
        lambda: next((run for run in farm.runs() if run.attempt > 1), None), 30, "another attempt"
    )
    farm.wait(lambda: farm.last(customer).kind is RunKind.COLLECT, 60, "its end")
    os.kill(sleeper, signal.SIGCONT)
    more = farm.add("iamvalid.2@bayou.energy")
    farm.wait_for_quiet()
    assert again.id == run.id
    assert farm.outcomes([customer, more]) == [Outcome.COMPLETE] * 2
    check_whole(farm)


def test_a_database_locked_for_ten_seconds_costs_nothing(farm: Farm) -> None:
    customers = farm.add_many("iamvalid@bayou.energy", 4)
    farm.start(2)
    farm.wait(lambda: _ended(farm, RunKind.COLLECT) >= 1, what="a collected customer")
    with _database_locked(farm):
        farm._stopped.wait(10)
    farm.wait_for_quiet()
    assert farm.outcomes(customers) == [Outcome.COMPLETE] * 4
    stories = [farm.store.runs.story(run.id) for run in farm.runs()]
    assert not [step for story in stories if story for step in story.steps if step.step == "queued again"]
    check_whole(farm)


def test_a_browser_may_crash(farm: Farm) -> None:
    """The metrics have its memory while it lives."""
    farm.environment.pop(shared_driver.VARIABLE)
    scraped = Scraped(free_ports(1))
    farm.environment["METERFARM_METRICS"] = scraped.setting
    customers = farm.add_many("ineedmfa+email@bayou.energy", 3)
    farm.start(1)
    for customer in customers:
        farm.challenge_of(customer)
    assert scraped.total("meterfarm_browser_memory_bytes", part="chromium", measure="pss") > 20e6
    _kill_browsers(farm.worker_pids()[0])
    with farm.owners():
        farm.wait_for_quiet()
    assert farm.outcomes(customers) == [Outcome.COMPLETE] * 3
    check_whole(farm)


def test_no_room_for_files_loses_nothing(farm: Farm) -> None:
    """Every place for files is taken by something else, as if the disk were full."""
    customer = farm.add("iamvalid@bayou.energy")
    blocks = [farm.home / "files" / f"{number:02x}" for number in range(256)]
    for block in blocks:
        block.touch()
    farm.start(1)
    failed = farm.wait(
        lambda: next((run for run in farm.runs(customer) if run.attempt > 1), None), what="a second attempt"
    )
    for block in blocks:
        block.unlink(missing_ok=True)
    farm.wait_for_quiet()
    assert farm.last(customer).outcome is Outcome.COMPLETE
    story = farm.store.runs.story(failed.id)
    assert story is not None
    assert any("could not be written" in step.detail for step in story.steps)
    check_whole(farm)


def test_a_portal_at_fault_is_tried_again_later(farm: Farm) -> None:
    """Its own Retry-After is obeyed; after faults in a row nobody goes there until one has tried."""
    farm.faults(too_many={"retry_after": 300})
    customers = farm.add_many("iamvalid@bayou.energy", 7)
    farm.start(1)
    farm.wait(lambda: farm.store.farm.breakers.open(), what="a portal that is left alone")
    farm.wait_for_quiet()
    asked = farm.stats()["requests"]
    ended = [run for run in farm.runs() if run.state is RunState.ENDED]
    queued = [run for run in farm.runs() if run.state is RunState.QUEUED]
    assert {run.outcome for run in ended} == {Outcome.RATE_LIMITED}
    assert len(ended) + len([run for run in queued if not run.why.startswith("retry after")]) == len(
        customers
    )
    for run in queued:
        if run.why.startswith("retry after"):
            assert (run.not_before - run.requested_at).total_seconds() > 295
    assert farm.stats()["requests"] == asked


def test_one_broken_page_leaves_the_rest_be(farm: Farm) -> None:
    customer = farm.add("iamvalid@bayou.energy")
    farm.faults(error_paths=["/usage/export"])
    farm.start(1)
    farm.wait_for_quiet()
    last = farm.last(customer)
    assert last.outcome is Outcome.PARTIAL
    story = farm.store.runs.story(last.id)
    assert story is not None
    assert all(item.item.startswith("intervals") == (not item.stored) for item in story.ledger)


def test_a_run_handed_out_twice_is_worked_on_once(farm: Farm) -> None:
    farm.add("iamvalid@bayou.energy")
    (ring,) = farm.store.farm.runs.to_notify()
    first = claimed(farm.store, ring.run_id, ring.attempt)
    assert first is not None
    assert claimed(farm.store, ring.run_id, ring.attempt) is None


def test_the_same_customer_is_not_added_twice(farm: Farm) -> None:
    customer = farm.add("iamvalid@bayou.energy")
    with pytest.raises(StorageError, match=f"customer {customer.id}"):
        farm.add("IamValid@bayou.energy")


def test_stopped_workers_hand_back_what_they_hold(farm: Farm) -> None:
    """Within ten seconds; challenges that waited are lost, and asked afresh by the next workers."""
    waits = farm.add("ineedmfa+text_message@bayou.energy")
    works = farm.add("iamvalid@bayou.energy")
    farm.faults(slow_seconds=30, slow_paths=["/bills/"])
    farm.start(1)
    challenge = farm.challenge_of(waits)
    farm.wait(lambda: _held(farm, RunKind.COLLECT), what="a collect run under way")
    assert farm.stop(signal.SIGTERM, seconds=11) == 0
    farm.faults()
    lost = farm.store.challenges.find(challenge.id)
    assert lost is not None
    assert lost.state == "lost"
    assert {run.state for run in farm.store.runs.list(active=True)} == {RunState.QUEUED}
    farm.start(1)
    with farm.owners():
        farm.wait_for_quiet()
    assert farm.outcomes([waits, works]) == [Outcome.COMPLETE] * 2
    assert farm.stop(signal.SIGINT, seconds=11) == 0
    check_whole(farm)


def _wait_for_ends(farm: Farm, count: int) -> None:
    farm.wait(lambda: _ended(farm) >= count, what=f"{count} runs at their end")


def _ended(farm: Farm, kind: RunKind | None = None) -> int:
    return sum(run.state is RunState.ENDED and kind in (None, run.kind) for run in farm.runs())


def _held(farm: Farm, kind: RunKind) -> RunInfo | None:
    return next((run for run in farm.runs() if run.kind is kind and run.state is RunState.RUNNING), None)


def _is_asked(farm: Farm, path: str) -> bool:
    return any(path in under_way for under_way in farm.stats()["under_way"])


@contextmanager
def _database_locked(farm: Farm) -> Iterator[None]:
    with closing(sqlite3.connect(farm.home / "meterfarm.db", isolation_level=None, timeout=30)) as database:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            database.execute("ROLLBACK")


def _put_to_sleep(farm: Farm, worker: int) -> bool:
    """Stop it, but not in the middle of a transaction, in which it would hold up everybody."""
    os.kill(worker, signal.SIGSTOP)
    with closing(sqlite3.connect(farm.home / "meterfarm.db", isolation_level=None, timeout=1)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
        except sqlite3.OperationalError:
            os.kill(worker, signal.SIGCONT)
            return False
    return True


def _kill_browsers(worker: int) -> None:
    """The browsers below a worker's Playwright driver."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            command = (status.parent / "cmdline").read_bytes()
            if (
                b"--user-data-dir" in command
                and b"--type=" not in command
                and _is_below(int(status.parent.name), worker)
            ):
                os.kill(int(status.parent.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue


def _is_below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return False
