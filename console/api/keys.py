"""What the `key` commands do."""

from __future__ import annotations

import asyncio
import sys

from meterfarm.console.command_context import open_store
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.listing import Column, Listing
from meterfarm.console.terminal.output import print_json, print_line, show, show_empty
from meterfarm.services.api_keys import create_key, list_keys, revoke_key
from meterfarm.storage.customers import ApiKey
from meterfarm.storage.store import CompanyStore
from meterfarm.support.instants import shown


async def create(name: str, *, as_json: bool) -> int:
    """Print a new key; it cannot be had again."""
    with open_store() as (_, store):
        key, text = await asyncio.to_thread(create_key, store, name)
        company = store.farm.companies.get(store.company_id)
    if as_json:
        print_json({"id": key.id, "key": text, "company": company.name if company else ""})
    else:
        print_line(text)
        if sys.stdout.isatty() and company is not None:
            side = "live" if company.live else "test"
            print_line(f"key {key.id} opens the {side} side of {company.name}; it is not shown again")
    return OK


async def list_all(*, as_json: bool) -> int:
    """Print a row for each key."""
    with open_store() as (_, store):
        found = await asyncio.to_thread(list_keys, store)
    if as_json:
        print_json(found)
    elif not found:
        show_empty("No keys yet: `key create` makes one.", _table())
    else:
        table = _table()
        for key in found:
            cells = [str(key.id), f"{key.hint}…", key.name, shown(key.created_at), shown(key.revoked_at)]
            table.add(cells, _row(key))
        show(table)
    return OK


async def revoke(key_id: int, *, as_json: bool) -> int:
    """Revoke a key."""
    with open_store() as (_, store):
        await asyncio.to_thread(_revoke, store, key_id)
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        print_line(f"key {key_id} revoked")
    return OK


def _revoke(store: CompanyStore, key_id: int) -> None:
    revoke_key(store, key_id)


def _table() -> Listing:
    columns = [Column("id", right=True), Column("begins"), Column("name"), Column("made"), Column("revoked")]
    return Listing(columns, ("id", "hint", "name", "created_at", "revoked_at"))


def _row(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "hint": key.hint,
        "name": key.name,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
