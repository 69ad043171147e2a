"""The statements by which a run is taken and held, made once: to word one costs as much as to run it."""

from __future__ import annotations

from sqlalchemy import bindparam, or_, select, update
from sqlmodel import select as select_rows

from meterfarm.records import RunState
from meterfarm.storage.queue import HELD
from meterfarm.storage.tables import LoginRow, RunRow, metadata

_RUN, _CUSTOMER, _LOGIN, _CHALLENGE = (
    metadata.tables[name] for name in ("run", "customer", "login", "challenge")
)
RUN_ROW = select_rows(RunRow).where(RunRow.id == bindparam("run")).with_for_update()
HOLDER = (
    select(*(_RUN.c[name] for name in ("id", "company_id", "customer_id", "kind", "state", "fence")))
    .where(_RUN.c.id == bindparam("run"), _RUN.c.company_id == bindparam("company"))
    .with_for_update()
)
WANTED = (
    select(
        *(_RUN.c[name] for name in ("id", "kind", "state", "attempt", "fence", "parts", "not_before")),
        _RUN.c.started_at,
        _RUN.c.customer_id,
        _RUN.c.asked,
    )
    .where(_RUN.c.id == bindparam("run"))
    .with_for_update()
)
CUSTOMER_OF = (
    select(
        *(_CUSTOMER.c[name] for name in ("id", "company_id", "login_id", "username", "state", "faults")),
        _LOGIN.c.utility,
    )
    .join(_LOGIN, _LOGIN.c.id == _CUSTOMER.c.login_id)
    .where(_CUSTOMER.c.id == bindparam("customer"))
    .with_for_update(of=_LOGIN)
)
LOGIN_ROW = select_rows(LoginRow).where(LoginRow.id == bindparam("login")).with_for_update()
HELD_BY = (
    select(_RUN.c.id)
    .where(_RUN.c.login_id == bindparam("login"), or_(*(_RUN.c.state == state for state in HELD)))
    .limit(1)
)
_THIS_RUN = update(_RUN).where(_RUN.c.id == bindparam("this_run"))
PUT_OFF = _THIS_RUN.values(not_before=bindparam("later"), notified_at=None)
TAKE = _THIS_RUN.values(
    state=RunState.RUNNING.value,
    worker=bindparam("by"),
    fence=bindparam("new_fence"),
    lease_until=bindparam("until"),
    started_at=bindparam("began"),
)
LOSE_CHALLENGES = (
    update(_CHALLENGE)
    .where(_CHALLENGE.c.run_id == bindparam("this_run"), _CHALLENGE.c.state.in_(("open", "answered")))
    .values(state="lost", answer=None)
)
