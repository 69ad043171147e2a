"""Migrations. Alembic is imported only when a database is behind: opening one at ``HEAD`` stays cheap."""

from __future__ import annotations

from pathlib import Path

from meterfarm.storage import StorageError
from meterfarm.storage.database import Database
from meterfarm.storage.settings import setup_lock

HEAD = "first"


def bring_up_to_date(database: Database, home: Path) -> None:
    """Run the migrations the database lacks. Safe beside other processes that do the same."""
    if database.revision() == HEAD:
        return
    with setup_lock(home), database.migrating() as connection:
        from alembic import command
        from alembic.config import Config
        from alembic.util.exc import CommandError

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(__file__).parent))
        try:
            command.upgrade(config, HEAD)
        except CommandError as exc:
            raise StorageError(
                f"The database {database.where} was made by another version of Meterfarm; use that version."
            ) from exc
