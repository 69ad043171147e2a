"""What the doctor looks at in the state: the database, the vault's keys, the disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from meterfarm.console.check_result import CheckResult, fail, warn, well
from meterfarm.console.clock import Compared, between
from meterfarm.console.vault import master_keys
from meterfarm.storage.database import Database, now
from meterfarm.storage.errors import StorageError
from meterfarm.storage.home import prepare_home
from meterfarm.storage.keyring import open_vault
from meterfarm.storage.migrations import HEAD, bring_up_to_date
from meterfarm.storage.settings import Settings

_LITTLE = 2**30


def examine_state(settings: Settings, clocks: list[Compared]) -> Sequence[CheckResult]:
    """The database and the keys; the clock of a database on another machine is added to ``clocks``."""
    try:
        home = prepare_home(settings.home)
        database = Database(settings, home)
    except StorageError as exc:
        return [fail("database", str(exc))]
    try:
        return [_database(database, home, clocks), _vault(settings, home, database)]
    except StorageError as exc:
        return [fail("database", str(exc))]
    finally:
        database.close()


def _database(database: Database, home: Path, clocks: list[Compared]) -> CheckResult:
    """Raises StorageError."""
    bring_up_to_date(database, home)
    with database.writing() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = version_num"))
    kind = "SQLite" if database.is_local else "Postgres"
    if not database.is_local:
        before = time.time()
        with database.reading() as session:
            theirs = now(session).timestamp()
        clocks.append(between("the database", before, theirs, time.time()))
    return well("database", f"{kind} at {database.where} opens and can be written, revision “{HEAD}”")


def _vault(settings: Settings, home: Path, database: Database) -> CheckResult:
    try:
        vault = open_vault(settings, home, database)
        count = len(master_keys(settings))
    except StorageError as exc:
        return fail("vault", str(exc))
    given = settings.secret_keys.get_secret_value()
    where = "METERFARM_SECRET_KEYS" if given else "vault.key in the state directory; keep a copy of it"
    known = "key opens" if count == 1 else "keys open"
    return well("vault", f"{count} {known} all that is sealed, {vault.primary.id} seals ({where})")


def examine_disk(home: Path, little: int = _LITTLE) -> CheckResult:
    """How much is left where the state is; fewer bytes than ``little`` are a warning."""
    place = home.absolute()
    while not place.exists():
        place = place.parent
    try:
        left = shutil.disk_usage(place).free
    except OSError as exc:
        return fail("disk", f"{place} cannot be looked at ({exc.strerror})")
    detail = f"{left / 2**30:.1f} GiB left for {home}"
    if left < little:
        return warn("disk", detail, "make room, or move the state (METERFARM_HOME)")
    return well("disk", detail)
