"""The log of vault reads: who opened which secrets of whom, when, and what for.

What was opened in a transaction is one row, written before that transaction commits; so no secret leaves the
store without a row, however the process ends.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert
from sqlmodel import Session, col, select

from meterfarm.storage.customers import VaultRead
from meterfarm.storage.database import RUN, FarmRepository, Repository, at_the_end, now, reading, writing
from meterfarm.storage.tables import VaultReadRow, metadata
from meterfarm.support.processes import short, this_process

_NOTED = "vault reads"
_ENTER = insert(metadata.tables["vault_read"])
_ENTER_BY_ITS_CLOCK = _ENTER.values(at=func.clock_timestamp())
_KEPT = timedelta(days=366)
_COMMANDS = frozenset({"cli", "meterfarm"})
_Owner = tuple[int, int | None, int | None]


def note(
    session: Session,
    kind: str,
    *,
    company_id: int,
    customer_id: int | None = None,
    mailbox_id: int | None = None,
) -> None:
    """A secret is about to be opened, in a transaction that writes: only there can it be written down."""
    if not session.connection().get_execution_options().get("writing", False):
        raise RuntimeError(f"a {kind} would be opened in a transaction that cannot write it down")
    noted: dict[_Owner, list[str]] | None = session.info.get(_NOTED)
    if noted is None:
        noted = session.info[_NOTED] = {}
        at_the_end(session, _write)
    kinds = noted.setdefault((company_id, customer_id, mailbox_id), [])
    if kind not in kinds:
        kinds.append(kind)


class Audit(Repository):
    """As ``CompanyStore.audit``: the log of vault reads of one company."""

    @reading
    def list(
        self,
        session: Session,
        *,
        customer_id: int | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> Sequence[VaultRead]:
        """Who opened which secrets; newest first."""
        query = (
            select(VaultReadRow)
            .where(VaultReadRow.company_id == self._company_id)
            .order_by(col(VaultReadRow.id).desc())
            .limit(limit)
        )
        if customer_id is not None:
            query = query.where(VaultReadRow.customer_id == customer_id)
        if since is not None:
            query = query.where(col(VaultReadRow.at) >= since)
        return [
            VaultRead(
                row.id,
                row.at,
                row.process,
                row.command,
                row.run_id,
                row.customer_id,
                row.mailbox_id,
                tuple(row.kinds.split()),
            )
            for row in session.exec(query)
        ]


class FarmAudit(FarmRepository):
    """As ``Store.audit``: the log of vault reads of the whole farm."""

    @writing
    def forget(self, session: Session, limit: int = 5_000) -> int:
        """Delete up to ``limit`` rows that are over a year old; how many. The database refuses others."""
        query = select(VaultReadRow.id).where(col(VaultReadRow.at) < now(session) - _KEPT)
        old = session.exec(query.order_by(col(VaultReadRow.at)).limit(limit)).all()
        if old:
            session.execute(delete(VaultReadRow).where(col(VaultReadRow.id).in_(old)))
        return len(old)


def _write(session: Session) -> None:
    noted: dict[_Owner, list[str]] = session.info.pop(_NOTED)
    by = {"process": f"{_user()}@{short(this_process())}", "command": command_of(sys.argv)}
    lines: list[dict[str, Any]] = [
        {
            **by,
            "company_id": company,
            "customer_id": customer,
            "mailbox_id": mailbox,
            "run_id": session.info.get(RUN),
            "kinds": " ".join(kinds),
        }
        for (company, customer, mailbox), kinds in noted.items()
    ]
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(_ENTER_BY_ITS_CLOCK, lines)
        return
    at = datetime.now(UTC)
    session.connection().execute(_ENTER, [{**line, "at": at} for line in lines])


def command_of(arguments: Sequence[str]) -> str:
    """What a process was started as, without what it was given: ``worker``, ``scrape``, ``mailbox``."""
    program, *given = arguments or [""]
    program = Path(program).stem
    if program in _COMMANDS and given and given[0].isalpha():
        return given[0]
    return program or "python"


@cache
def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
