"""What the doctor looks at of the state: database, vault, files, disk, and who serves its queues."""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from meterfarm.console.command_context import CommandContext
from meterfarm.console.doctor.check_result import CheckResult, fail, warn, well
from meterfarm.console.doctor.clock import Compared, between
from meterfarm.console.farm.state_commands import master_keys
from meterfarm.console.program import program
from meterfarm.console.runs.notifying import state_location
from meterfarm.storage import StorageError
from meterfarm.storage.runs import QUEUES
from meterfarm.storage.settings import FILES, Settings
from meterfarm.storage.store import Store, check_database, check_vault, open_files
from meterfarm.support.processes import short

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


def examine_files(settings: Settings) -> CheckResult:
    """A file of its own goes there and back."""
    try:
        files = open_files(settings)
        content = b"a check by the doctor: " + secrets.token_bytes(8)
        kept = files.put(content)
        same = files.read(kept) == content
        files.delete(kept)
    except StorageError as exc:
        return fail("files", str(exc))
    where = settings.files_url or str(Path(settings.home / FILES))
    if not same:
        return fail("files", f"what was written to {where} came back changed")
    return well("files", f"a file can be written to {where}, read and deleted")


def examine_workers(context: CommandContext) -> CheckResult:
    """Whether each queue is served. A state that does not open is reported by `database`."""
    try:
        with Store.open(context.settings) as store:
            workers = store.workforce.workers()
    except StorageError:
        return warn("workers", "whether any run cannot be seen", "mend the database")
    served = Counter(queue for worker in workers for queue in worker.queues)
    lacking = sorted(set(QUEUES.values()) - set(served))
    if not workers:
        return warn(
            "workers", f"none runs on {state_location(context)}", f"start them by `{program()} worker`"
        )
    detail = ", ".join(
        f"{count} serve{'s' * (count == 1)} {queue}" for queue, count in sorted(served.items())
    )
    machines = sorted({short(worker.process).partition(":")[0] for worker in workers})
    detail = f"{detail} (on {', '.join(machines[:5])})"
    if lacking:
        queue = " and ".join(lacking)
        return warn("workers", f"{detail}; none serves {queue}", f"`{program()} worker --queue {queue}`")
    return well("workers", detail)
