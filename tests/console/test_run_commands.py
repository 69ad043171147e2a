"""The commands about runs and events, on runs as workers leave them."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from meterfarm.console.runs.run_tables import look
from meterfarm.farm.redis.private import PrivateRedis
from meterfarm.records import LedgerItem, Outcome, Part, RunKind, RunState
from meterfarm.services.next_step import next_step
from meterfarm.storage.runs import FollowUp, PortalHealth
from meterfarm.storage.store import CompanyStore
from tests.console.asked import SMS, WAIT, customer, taken
from tests.console.command import Command
from tests.forked import at_terminal
from tests.scrape.command import environment, start
from tests.scrape.terminal import Terminal
from tests.storage.made import claimed

HOUR = timedelta(hours=1)
LEDGER = (
    LedgerItem("123", "bill 2026-10-02", stored=True, downloaded=True),
    LedgerItem("123", "bill 2026-09-02", stored=False, reason="the PDF is broken"),
)


def _json(command: Command, *arguments: str) -> Any:
    ran = command(*arguments, "--json")
    assert ran.status == 0, ran.stderr
    return json.loads(ran.stdout)


def _next(store: CompanyStore, run_id: int) -> str:
    story = store.runs.story(run_id)
    if story is None:
        raise RuntimeError("no such run")
    return next_step(store, story.run)


def test_a_run_tells_its_whole_story(home: Path, command: Command, store: CompanyStore) -> None:
    """Steps, challenges, the ledger with its gaps first, and what happens next."""
    claim = taken(store, "ada")
    challenge = store.challenges.open(claim.lease, SMS, WAIT)
    store.challenges.answer(challenge, {"kind": "code", "text": "555123"})
    store.challenges.take_answer(claim.lease, challenge)
    store.runs.finish(
        claim.lease,
        Outcome.PARTIAL,
        "One bill is missing.",
        seconds={"sign_in": 1.5},
        pages=1,
        evidence="/somewhere/evidence/1",
        ledger=LEDGER,
    )
    (listed,) = _json(command, "runs", "--customer", "X-ada")
    assert (listed["state"], listed["outcome"], listed["stored"], listed["listed"]) == (
        "ended",
        "partial",
        1,
        2,
    )
    told = _json(command, "run", "show", "1")
    assert [step["step"] for step in told["steps"]] == ["queued", "taken", "asked", "answered", "ended"]
    assert told["challenges"][0]["state"] == "used"
    assert told["challenges"][0]["prompt"] == SMS.prompt
    assert [item["item"] for item in told["ledger"]] == ["bill 2026-09-02", "bill 2026-10-02"]
    assert "run retry 1" in told["next"]
    assert told["parts"] == "", "a connect run collects nothing itself"
    shown = command("run", "show", "1").stdout
    assert "\t1: connect, because: " in shown
    assert "555123" not in shown + json.dumps(told)
    assert shown.index("Next:") < shown.index("the PDF is broken") < shown.index("\tqueued\t")
    assert "1 of 2 listed are stored, 1 of them new" in shown
    assert "bill 2026-10-02" not in shown, "what is as it should be is counted, not listed"
    assert "/somewhere/evidence/1" in shown
    assert command("run", "show", "7").stderr == "meterfarm: There is no run 7; `runs` lists them.\n"


def test_an_unread_bill_is_counted_and_named_though_the_run_is_complete(
    home: Path, command: Command, store: CompanyStore
) -> None:
    unread = LedgerItem("123", "bill 2026-09-02", True, True, "no total", unread=True)
    message = "All 2 items are in store, 2 of them new. Unread: bill 2026-09-02 (no total)."
    claim = taken(store, "ada")
    store.runs.finish(claim.lease, Outcome.COMPLETE, message, ledger=[LEDGER[0], unread])
    (listed,) = _json(command, "runs")
    assert (listed["outcome"], listed["listed"], listed["stored"], listed["unread"]) == ("complete", 2, 2, 1)
    (first, _) = _json(command, "run", "show", "1")["ledger"]
    assert (first["item"], first["stored"], first["unread"]) == ("bill 2026-09-02", True, True)
    assert "2 of 2 listed are stored, 2 of them new, 1 unread" in command("run", "show", "1").stdout


def test_what_the_portal_is_still_making_is_pending_and_nobody_acts(
    command: Command, store: CompanyStore
) -> None:
    pending = LedgerItem("123", "intervals E1 2026-10", False, reason="it is being made", pending=True)
    claim = taken(store, "ada")
    due = {Part.INTERVALS: datetime.now(UTC) + HOUR}
    ledger = [LEDGER[0], pending]
    store.runs.finish(claim.lease, Outcome.PENDING, "1 pending.", ledger=ledger, follow=FollowUp(due=due))
    (first, _) = _json(command, "run", "show", "1")["ledger"]
    assert (first["item"], first["stored"], first["pending"]) == ("intervals E1 2026-10", False, True)
    shown = " ".join(command("run", "show", "1").stdout.split())
    assert "pending (who acts: nobody)" in shown
    assert "1 of 2 listed are stored, 1 of them new; 1 pending" in shown
    assert "Refreshed when due: intervals" in _next(store, 1)


def test_what_happens_next_is_said_for_every_state(store: CompanyStore) -> None:
    queued = customer(store, "queued")
    (run,) = store.runs.list(customer_id=queued.id)
    assert "as soon as one is free" in _next(store, run.id)
    waiting = taken(store, "waiting")
    assert "continues it" in _next(store, waiting.lease.run_id)
    challenge = store.challenges.open(waiting.lease, SMS, WAIT)
    assert f"`answer {challenge}`" in _next(store, waiting.lease.run_id)
    wrong = taken(store, "wrong")
    follow = FollowUp(must_reauthenticate="bad_credentials: no such password")
    store.runs.finish(wrong.lease, Outcome.BAD_CREDENTIALS, "no such password", follow=follow)
    assert "has to come back (bad_credentials: no such password)" in _next(store, wrong.lease.run_id)
    later = datetime.now(UTC) + HOUR
    down = taken(store, "down")
    follow = FollowUp(
        next_kind=RunKind.CONNECT, next_at=later, next_why="retry", portal=PortalHealth.AT_FAULT
    )
    store.runs.finish(down.lease, Outcome.PORTAL_DOWN, "503", follow=follow)
    assert f"is queued for {later:%Y-%m-%d %H:%M:%S} UTC" in _next(store, down.lease.run_id)
    (retry,) = store.runs.list(customer_id=down.customer.id, active=True)
    assert f"from {later:%Y-%m-%d %H:%M:%S} UTC on" in _next(store, retry.id)
    well = taken(store, "well")
    store.runs.finish(well.lease, Outcome.COMPLETE, "", follow=FollowUp(due={Part.BILLS: later}))
    assert f"bills {later:%Y-%m-%d %H:%M:%S} UTC" in _next(store, well.lease.run_id)
    store.customers.remove(well.customer, data=False)
    assert _next(store, well.lease.run_id) == "Nothing: the customer was removed."


def test_retry_cancel_and_refresh_do_what_can_be_done(
    home: Path, command: Command, store: CompanyStore
) -> None:
    customer(store, "ada")
    new = store.customers.add("speculoos_power", "new@bayou.energy", secrets={})
    cancelled = command("run", "cancel", "1")
    assert (cancelled.status, cancelled.stdout) == (0, "run 1 cancelled\n")
    again = command("run", "cancel", "1")
    assert (again.status, again.stderr) == (2, "meterfarm: The run 1 is over already (cancelled).\n")
    assert _json(command, "run", "retry", "1") == {"run": 2}
    refreshed = command("refresh", "X-ada", str(new.id))
    assert (refreshed.status, refreshed.stdout) == (2, "1 run queued: 3\n")
    assert f"customer {new.id} cannot be refreshed: new (no password yet)" in refreshed.stderr
    assert [(run.id, run.kind, run.state) for run in store.runs.list()] == [
        (3, RunKind.COLLECT, RunState.QUEUED),
        (2, RunKind.CONNECT, RunState.QUEUED),
        (1, RunKind.CONNECT, RunState.CANCELLED),
    ]
    assert command("refresh").status == 2


def test_queued_runs_are_rung_for_where_redis_is(home: Path, command: Command, store: CompanyStore) -> None:
    """Only then are they taken down as told; and Redis gets numbers, no secrets."""
    customer(store, "ada")
    assert command("refresh", "--all").status == 0
    with PrivateRedis(home) as redis:
        assert command("refresh", "--all").status == 0
        assert store.farm.runs.to_notify() == []
        asked = subprocess.run(
            [sys.executable, "-c", _KEYS, redis.url], capture_output=True, text=True, check=True
        )
    kept = json.loads(asked.stdout)
    farm = store.farm.workforce.key()
    assert set(kept) >= {f"arq:job:{farm}:1:1", f"arq:job:{farm}:2:1"}
    assert "ada" not in asked.stdout


_KEYS = """
import json, sys
from redis import Redis
with Redis.from_url(sys.argv[1]) as redis:
    jobs = {key: redis.get(key) for key in redis.keys("arq:job:*")}
    print(json.dumps({key.decode(): value.decode("latin-1") for key, value in jobs.items()}))
"""


def test_the_live_view_shows_counts_runs_challenges_and_portals_that_rest(store: CompanyStore) -> None:
    waiting = taken(store, "waiting")
    store.challenges.open(waiting.lease, SMS, WAIT)
    customer(store, "queued")
    for number in range(5):
        down = taken(store, f"down{number}")
        store.runs.finish(
            down.lease, Outcome.PORTAL_DOWN, "503", follow=FollowUp(portal=PortalHealth.AT_FAULT)
        )
    console = Console(width=200, height=40)
    with console.capture() as captured:
        console.print(look(store, console, None))
    shown = captured.get()
    assert shown.startswith("1 queued  0 running  1 waiting  5 ended")
    assert SMS.prompt in shown
    assert "speculoos_power rests until" in shown
    assert shown.index(SMS.prompt) < shown.index("stored")
    rows = [line for line in shown.splitlines() if "connect" in line]
    assert [row.split()[3] for row in rows[:3]] == ["waiting", "queued", "portal_down"]


def test_watching_ends_well_with_ctrl_c(home: Path, command: Command, store: CompanyStore) -> None:
    customer(store, "ada")
    ours, theirs = pty.openpty()
    with at_terminal(
        ["runs", "--watch"], environment(home, TERM="xterm", COLUMNS="160", LINES="40"), home.parent, theirs
    ) as process:
        Terminal(ours).expect("ada@bayou.energy")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    os.close(theirs)
    os.close(ours)
    piped = command("runs", "--watch")
    assert (piped.status, piped.stdout) == (2, "")


def _signed_in(store: CompanyStore, name: str) -> None:
    customer(store, name)
    (run,) = store.runs.list(active=True)
    claim = claimed(store, run.id, run.attempt)
    assert claim is not None
    store.runs.finish(claim.lease, Outcome.COMPLETE, "", follow=FollowUp(is_back=True))


def test_events_are_followed_until_ctrl_c(home: Path, command: Command, store: CompanyStore) -> None:
    _signed_in(store, "ada")
    with start(home, "events", "--follow") as process:
        if process.stdout is None:
            raise RuntimeError("no pipe")
        first = json.loads(process.stdout.readline())
        assert (first["id"], first["kind"], first["customer"], first["run"]) == (
            1,
            "customer_has_filled_credentials",
            1,
            1,
        )
        assert first["payload"]["object"]["customer_external_id"] == "X-ada"
        _signed_in(store, "bea")
        assert json.loads(process.stdout.readline())["customer"] == 2
        process.send_signal(signal.SIGINT)
        assert (process.stdout.read(), process.wait(30)) == ("", 0)
    assert [one["id"] for one in _json(command, "events", "--after", "1")] == [2]
    assert _json(command, "events", "--kind", "new_bill") == []


def test_a_closed_pipe_ends_following_quietly(home: Path, store: CompanyStore) -> None:
    """Also while nothing happens, so that nothing is written which could fail."""
    _signed_in(store, "ada")
    with start(home, "events", "--follow") as process:
        if process.stdout is None or process.stderr is None:
            raise RuntimeError("no pipes")
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
