"""What the doctor looks at in the state: the database, the vault's keys, the disk."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from meterfarm.console.check_result import CheckResult, fail, warn, well
from meterfarm.console.clock import Compared, between
from meterfarm.console.vault import master_keys
from meterfarm.storage import StorageError
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import check_database, check_vault

_LITTLE = 2**30


def examine_state(settings: Settings, clocks: list[Compared]) -> Sequence[CheckResult]:
    """The database and the keys; the clock of a database on another machine is added to ``clocks``."""
    try:
        found = check_database(settings)
    except StorageError as exc:
        return [fail("database", str(exc))]
    if found.clock is not None:
        clocks.append(between("the database", *found.clock))
    kind = "SQLite" if found.is_local else "Postgres"
    opens = f"{kind} at {found.where} opens and can be written, revision “{found.revision}”"
    return [well("database", opens), _vault(settings)]


def _vault(settings: Settings) -> CheckResult:
    try:
        sealing = check_vault(settings)
        count = len(master_keys(settings))
    except StorageError as exc:
        return fail("vault", str(exc))
    given = settings.secret_keys.get_secret_value()
    where = "METERFARM_SECRET_KEYS" if given else "vault.key in the state directory; keep a copy of it"
    known = "key opens" if count == 1 else "keys open"
    return well("vault", f"{count} {known} all that is sealed, {sealing} seals ({where})")


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
