"""The `backup` command."""

from __future__ import annotations

import asyncio
from pathlib import Path

from meterfarm.console.command_context import command_context
from meterfarm.console.errors import UsageError
from meterfarm.console.output import print_line
from meterfarm.storage.settings import KEY_FILE, back_up


async def backup(target: Path) -> int:
    """Copy the state of this machine, which may be in use."""
    with command_context() as now:
        if now.settings.database_url.get_secret_value() or now.settings.files_url:
            raise UsageError(
                "`backup` copies a state directory; of a Postgres or a bucket docs/operate.md tells how."
            )
        count = await asyncio.to_thread(back_up, now.settings.home, target)
        key = now.settings.home / KEY_FILE
        print_line(f"{target} has the database and {count} file{'s' * (count != 1)}.")
        if key.exists():
            print_line(f"{key} is not in it: keep a copy of that apart, or nobody can open what is sealed.")
    return 0
