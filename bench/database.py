"""What the database does in a second with very many customers.

``python -m meterfarm.bench.database [--customers N]``

It fills the database that the settings name, which has to be new, with customers, each with a session and
some runs that have ended, and then does through the store what workers and people do.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from meterfarm.farm.policy import capacity
from meterfarm.records import Outcome, Part, RunState, SecretKind
from meterfarm.storage.runs import FollowUp, PortalHealth
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store

_EVERY = {Part.BILLS: timedelta(days=1), Part.INTERVALS: timedelta(hours=1)}
_PORTALS = 100


def fill(store: CompanyStore, customers: int, runs: int) -> None:
    """``customers`` alike, at ``_PORTALS`` utilities, each with a session and ``runs`` ended runs."""
    first = store.customers.add("utility_0", "customer 0", secrets={SecretKind.PASSWORD: "x"})
    (run,) = store.runs.list()
    taken = store.farm.runs.take(run.id, run.attempt)
    if taken is None:
        raise SystemExit("The database is in use; name a new one.")
    far = datetime.now(UTC) + timedelta(days=2)
    back = FollowUp(is_back=True, due=dict.fromkeys(Part, far))
    store.runs.finish(taken[0].lease, Outcome.COMPLETE, "", follow=back)
    store.credentials.save_session(first, bytes(4_000), trusted_since=None)
    with store.farm._farm.database.writing() as session:
        connection = session.connection()
        connection.execute(text(_LOGINS), {"count": customers, "portals": _PORTALS})
        connection.execute(text(_CUSTOMERS))
        for statement in (_SESSIONS, _CONSENTS, *[_RUNS] * runs):
            connection.execute(text(statement))
    _settle(store)


_LOGINS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO login (utility, username, factor)
SELECT 'utility_' || (i % :portals), 'customer ' || i, '' FROM n
"""
_CUSTOMERS = """
INSERT INTO customer (login_id, utility, username, bills_due_at, intervals_due_at, company_id, state, reason,
  since, faults, key_id, wrapped_key, created_at, unlock_continuous, revision)
SELECT login.id, login.utility, login.username, c.bills_due_at, c.intervals_due_at, c.company_id,
  c.state, c.reason, c.since, c.faults, c.key_id, c.wrapped_key, c.created_at,
  c.unlock_continuous, c.revision
FROM login, customer c WHERE login.id <> c.login_id AND c.username = 'customer 0'
"""
_SESSIONS = """
INSERT INTO saved_session (customer_id, company_id, version, ciphertext, saved_at)
SELECT customer.id, s.company_id, s.version, s.ciphertext, s.saved_at
FROM customer, saved_session s WHERE s.id = 1 AND customer.id <> s.customer_id
"""
_CONSENTS = """
INSERT INTO consent (customer_id, company_id, scope, terms_hash, method, granted_at)
SELECT customer.id, c.company_id, c.scope, c.terms_hash, c.method, c.granted_at
FROM customer, consent c WHERE c.id = 1 AND customer.id <> c.customer_id
"""
_RUNS = """
INSERT INTO run (customer_id, login_id, company_id, kind, state, parts, why, attempt, fence, worker,
  not_before, cancelled, asked, outcome, message, session, pages, evidence, seconds, requested_at, started_at,
  ended_at)
SELECT customer.id, customer.login_id, r.company_id, r.kind, r.state, r.parts, r.why, r.attempt, r.fence,
  r.worker, r.not_before, r.cancelled, r.asked, r.outcome, r.message, r.session, r.pages, r.evidence,
  r.seconds, r.requested_at, r.started_at, r.ended_at
FROM customer, run r WHERE r.id = 1 AND customer.id <> r.customer_id
"""


def _settle(store: CompanyStore) -> None:
    """What the database would do by itself in time: sweep away old rows, count the others."""
    with store.farm._farm.database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        if raw is None:
            raise SystemExit("The database is gone.")
        if connection.dialect.name == "postgresql":
            connection.rollback()
            raw.autocommit = True
            raw.execute("VACUUM ANALYZE")
            raw.autocommit = False
        else:
            raw.execute("ANALYZE")


def timed(what: str, times: int, act: Callable[[], object]) -> None:
    """Print how long the act takes, and how often it can be done in a second."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    middle = sorted(seconds)[len(seconds) // 2]
    sys.stdout.write(f"{what:46} {middle * 1000:10.2f} ms {len(seconds) / sum(seconds):10.1f} a second\n")
    sys.stdout.flush()


def measure(store: CompanyStore) -> None:
    """Print how long each of the statements takes that a large farm repeats."""
    limit = capacity(4, 20)
    utilities = iter([f"utility_{number}" for number in range(_PORTALS)] * 100)
    timed("look for who is due: nobody", 20, lambda: store.farm.runs.queue_due("utility_none", _EVERY, limit))
    _all_are_due(store)
    timed(
        f"queue who is due, of all: {limit} of a portal",
        40,
        lambda: store.farm.runs.queue_due(next(utilities), _EVERY, limit),
    )
    timed("look for runs to notify of, and notify of 500", 3, store.farm.runs.to_notify)
    timed("look for runs to notify of: none", 20, store.farm.runs.to_notify)
    queued = _queued(store)
    follow = FollowUp(
        due={part: datetime.now(UTC) + every for part, every in _EVERY.items()}, portal=PortalHealth.HEALTHY
    )

    def claim_and_end() -> None:
        run_id, attempt = next(queued)
        taken = store.farm.runs.take(run_id, attempt)
        if taken is not None:
            store.runs.finish(taken[0].lease, Outcome.COMPLETE, "", follow=follow)

    timed("claim a run and end it", 300, claim_and_end)
    timed("heartbeat", 20, store.farm.workforce.heartbeat)
    timed("reap", 20, store.farm.runs.reap)
    timed("look for runs that nobody took", 20, store.farm.runs.undelivered)
    timed("the newest 30 runs", 5, lambda: store.runs.list(limit=30))
    timed("runs by state", 3, store.runs.counts)
    timed("find a customer by user name", 5, lambda: store.customers.find("customer 4711"))
    timed("find a customer by external id", 5, lambda: store.customers.find("no such"))
    timed("all customers", 1, store.customers.list)


def _all_are_due(store: CompanyStore) -> None:
    with store.farm._farm.database.writing() as session:
        session.connection().execute(
            text("UPDATE customer SET intervals_due_at = '2026-01-01 00:00:00+00:00'")
        )
    _settle(store)


def _queued(store: CompanyStore) -> Iterator[tuple[int, int]]:
    runs: Sequence[tuple[int, int]] = [
        (run.id, run.attempt)
        for run in store.runs.list(limit=2000, active=True)
        if run.state is RunState.QUEUED
    ]
    return iter(runs[::-1])


def main() -> None:
    """Fill a database and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3, help="ended runs of each customer")
    given = parser.parse_args()
    with Store.open(Settings()).of() as store:
        began = time.perf_counter()
        fill(store, given.customers, given.runs)
        sys.stdout.write(f"{given.customers:,} customers entered in {time.perf_counter() - began:.0f} s\n")
        measure(store)


if __name__ == "__main__":
    main()
