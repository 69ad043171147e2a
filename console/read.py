"""The `read` command: what files are, and what they say. docs/data.md documents its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from meterfarm.console.errors import UsageError
from meterfarm.console.output import print_json, show
from meterfarm.console.read_file import read_file
from meterfarm.console.read_report import as_json, tables
from meterfarm.support.crash import crashes_kept
from meterfarm.support.environment import state_directory
from meterfarm.support.logs import log_to_stderr
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utility

READ, REFUSED = 0, 3


async def read(files: Sequence[str], utility_id: str | None, zone_name: str | None, *, json: bool) -> int:
    """Tell of each file what it is and says; 3 if any, or anything in one, was refused."""
    secrets = Secrets()
    log_to_stderr(secrets)
    with crashes_kept(secrets, state_directory() / "evidence"):
        utility = load_utility(utility_id) if utility_id else None
        zone = _zone(zone_name) or (utility.zone if utility else None)
        status = READ
        for name in files:
            report = read_file(name, zone, utility)
            if json:
                print_json(as_json(report), indent=None)
            else:
                show(*tables(report))
            status = REFUSED if report.refused else status
    return status


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise UsageError(f"There is no time zone “{name}”; name one such as America/New_York.") from exc
