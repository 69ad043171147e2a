"""The `customer import` command: many customers from a file."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from rich.console import Console
from rich.progress import track

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import OK, USAGE
from meterfarm.console.runs.notifying import notify_queued
from meterfarm.console.terminal.output import print_json, print_line, warn
from meterfarm.services.customer_csv import WrongRow
from meterfarm.services.customer_import import import_customers
from meterfarm.storage import StorageError

_OTHERS = 0o077
_LARGEST_MIB = 64


async def import_file(path: Path, *, as_json: bool) -> int:
    """Add the customers of a file; 2 if any of them was refused."""
    text = read_customers_file(path)
    added, refused = 0, list[WrongRow]()
    with open_store() as (context, store):
        rows = import_customers(store, text, context.secrets)
        shown = Console(stderr=True)
        try:
            for row in track(
                rows, "customers", text.count("\n"), console=shown, disable=not shown.is_terminal
            ):
                if isinstance(row, WrongRow):
                    refused.append(row)
                    warn(row.why, by=f"line {row.line}: ")
                else:
                    added += 1
                await asyncio.sleep(0)  # Ctrl-C is noticed between two rows
        except StorageError:
            warn(f"{added} added, {len(refused)} refused, then:")
            raise
        note = await notify_queued(context, store)
    if as_json:
        print_json({"added": added, "refused": refused})
    else:
        print_line(f"{added} added, {len(refused)} refused")
    if note and added:
        warn(note)
    return USAGE if refused else OK


def read_customers_file(path: Path) -> str:
    """The text of a file that only its owner, who runs this, can read.

    Raises:
        UsageError: it cannot be read, others can read it, it is too large, or it is no text.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UsageError(f"{path} is not a file.")
            if found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
                raise UsageError(
                    f"{path} has passwords in it and must be yours and readable by you only: chmod 600 {path}"
                )
            if found.st_size > _LARGEST_MIB * 1024 * 1024:
                raise UsageError(f"{path} is larger than {_LARGEST_MIB} MiB; divide it.")
            content = file.read()
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}.") from exc
    try:
        is_utf16 = content[:2] in {b"\xff\xfe", b"\xfe\xff"}  # as Excel saves "Unicode text"
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise UsageError(f"{path} is not UTF-8 text in line {line}; save it as UTF-8.") from None
