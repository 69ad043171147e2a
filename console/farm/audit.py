"""The `audit` command: who opened which secrets of which customer, when, and what for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.terminal.listing import Column, Listing
from meterfarm.console.terminal.output import print_json, show, show_empty, warn
from meterfarm.services.audit import audited_customer, vault_reads
from meterfarm.storage.customers import VaultRead

_UNITS = {"min": "minutes", "h": "hours", "d": "days"}
_AGO = re.compile(r"(\d{1,6})\s*(min|h|d)")
_MANY, _ALL = 100, 2**31 - 2


async def show_audit(
    reference: str | None, since: str | None, limit: int | None, *, everything: bool, as_json: bool
) -> int:
    """Print them, newest first: all since a time that is given, no more than ``limit`` in any case."""
    most = _ALL if everything else limit or (_ALL if since else _MANY)
    after = _instant(since, datetime.now(UTC)) if since else None
    with open_store() as (_, store):
        customer = audited_customer(store, reference) if reference else None
        page = await asyncio.to_thread(
            partial(vault_reads, store, limit=most, customer_id=customer, since=after)
        )
    found = page.reads
    if as_json:
        print_json([_as_json(read) for read in found])
    elif not found:
        show_empty("Nobody has opened any such secret.", _table(()))
    else:
        show(_table(found))
        if page.has_more:
            warn(f"These are the newest {most}; --all shows the others, too.")
    return 0


def _instant(text: str, now: datetime) -> datetime:
    """``2026-01-31``, ``2026-01-31T08:00Z`` or ``36h``: a day or time without a zone is in UTC."""
    try:
        ago = _AGO.fullmatch(text.strip())
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        at = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since must be a day or time like 2026-01-31 or 2026-01-31T08:00, or a span like 90min, 36h "
            f"or 7d, not “{text}”."
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _table(found: Sequence[VaultRead]) -> Listing:
    columns = [
        Column("when (UTC)"),
        Column("customer"),
        Column("opened"),
        Column("what for"),
        Column("command"),
        Column("process", if_room=True),
    ]
    table = Listing(columns, ("at", "customer", "mailbox", "kinds", "run", "command", "process"))
    for read in found:
        opened_for = f"run {read.run_id}" if read.run_id is not None else "the command"
        owner = str(read.customer_id) if read.customer_id is not None else f"mailbox {read.mailbox_id}"
        kinds = ", ".join(read.kinds)
        cells = [f"{read.at:%Y-%m-%d %H:%M:%S}", owner, kinds, opened_for, read.command, read.process]
        table.add(cells, {**_as_json(read), "kinds": kinds})
    return table


def _as_json(read: VaultRead) -> dict[str, object]:
    return {
        "id": read.id,
        "at": read.at,
        "customer": read.customer_id,
        "mailbox": read.mailbox_id,
        "kinds": read.kinds,
        "run": read.run_id,
        "command": read.command,
        "process": read.process,
    }
