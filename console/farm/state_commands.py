"""The `vault` commands."""

from __future__ import annotations

import asyncio
from pathlib import Path

from meterfarm.console.command_context import command_context, open_farm
from meterfarm.console.errors import UsageError
from meterfarm.console.terminal.output import print_json, print_line
from meterfarm.storage.settings import KEY_FILE, Settings, back_up
from meterfarm.storage.vault import KeyFile, MasterKey, new_key, parse_keys


async def make_key() -> int:
    """A new key on standard output, where nothing is kept of it."""
    print_line(new_key())
    return 0


async def rotate(*, as_json: bool) -> int:
    """Wrap all data keys with a new master key, or with the environment's first."""
    with open_farm() as (context, farm):
        count = await asyncio.to_thread(farm.rotate_keys)
        key = master_keys(context.settings)[0]
        file = context.settings.home / KEY_FILE
        is_of_file = key.id in [known.id for known in KeyFile(file).read()]
    if as_json:
        print_json({"data_keys": count, "key": key.id})
    else:
        print_line(f"{count} data key{'s' * (count != 1)} now wrapped with key {key.id}")
        if is_of_file:
            print_line(
                f"It stands in {file} in the place of the one before, which backups from before still need: "
                "back up again, and keep a copy of both."
            )
    return 0


def master_keys(settings: Settings) -> list[MasterKey]:
    """The environment's, then the key file's; the first wraps."""
    given = parse_keys(settings.secret_keys.get_secret_value(), "METERFARM_SECRET_KEYS")
    return [*given, *KeyFile(settings.home / KEY_FILE).read()]


async def backup(target: Path) -> int:
    """Copy the state of this machine, which may be in use."""
    with command_context() as now:
        if now.settings.database_url.get_secret_value() or now.settings.files_url:
            raise UsageError(
                "`backup` copies a state directory; of a Postgres or a bucket docs/operate.md describes how."
            )
        count = await asyncio.to_thread(back_up, now.settings.home, target)
        key = now.settings.home / KEY_FILE
        print_line(f"{target} has the database and {count} file{'s' * (count != 1)}.")
        if key.exists():
            print_line(f"{key} is not in it: keep a copy of that apart, or nobody can open what is sealed.")
    return 0
