"""The `customer import` command: many customers from a file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import track

from meterfarm.console.customer_csv import NewCustomer, WrongRow, read_file, rows
from meterfarm.console.ending import OK, USAGE
from meterfarm.console.here import opened
from meterfarm.console.printed import say, say_json, warn
from meterfarm.console.ringing import ring
from meterfarm.storage.errors import AlreadyThere, StorageError
from meterfarm.storage.store import Store
from meterfarm.support.redact import Secrets


@dataclass(slots=True)
class Imported:
    """How far an import has come."""

    added: int = 0
    refused: list[WrongRow] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.added} added, {len(self.refused)} refused"


async def import_file(path: Path, *, as_json: bool) -> int:
    """Enter the customers of a file; 2 if any of them was refused."""
    text = read_file(path)
    imported = Imported()
    with opened() as (here, store):
        entering = enter_all(store, text, here.secrets, imported)
        shown = Console(stderr=True)
        try:
            for _ in track(
                entering, "customers", text.count("\n"), console=shown, disable=not shown.is_terminal
            ):
                await asyncio.sleep(0)  # Ctrl-C is heard between two rows
        except StorageError:
            warn(f"{imported}, then:")
            raise
        note = await ring(here, store)
    if as_json:
        say_json({"added": imported.added, "refused": imported.refused})
    else:
        say(str(imported))
    if note and imported.added:
        warn(note)
    return USAGE if imported.refused else OK


def enter_all(store: Store, text: str, secrets: Secrets, imported: Imported) -> Iterator[None]:
    """Enter row after row; each that is refused is told on standard error."""
    lines: dict[tuple[str, str], int] = {}
    external_ids: dict[str, int] = {}
    for row in rows(text):
        problem = row.why if isinstance(row, WrongRow) else _in_file(row, lines, external_ids)
        if isinstance(row, NewCustomer) and not problem:
            secrets.add(*row.secrets.values())
            problem = _enter(store, row)
            if not problem:
                imported.added += 1
                lines[_login(row)] = row.line
                external_ids[row.external_id or ""] = row.line
        if problem:
            imported.refused.append(WrongRow(row.line, problem))
            warn(problem, by=f"line {row.line}: ")
        yield


def _enter(store: Store, row: NewCustomer) -> str:
    """Why it was refused, or ""."""
    try:
        store.add_customer(row.utility, row.username, external_id=row.external_id, secrets=row.secrets)
    except AlreadyThere as exc:
        return str(exc).removesuffix(".")
    return ""


def _in_file(row: NewCustomer, lines: dict[tuple[str, str], int], external_ids: dict[str, int]) -> str:
    if known := lines.get(_login(row)):
        return f"{row.username} at {row.utility} was in line {known} already"
    if row.external_id and (known := external_ids.get(row.external_id)):
        return f"the external id {row.external_id} was in line {known} already"
    return ""


def _login(row: NewCustomer) -> tuple[str, str]:
    return row.utility, row.username.casefold()
