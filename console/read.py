"""The `read` command: what files are, and what they say. docs/data.md documents its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from meterfarm.console.errors import UsageError
from meterfarm.console.here import here
from meterfarm.console.printed import say_json, show
from meterfarm.console.read_file import read_file
from meterfarm.console.read_report import as_json, tables
from meterfarm.scrapers.utility import Utility
from meterfarm.utilities import UnknownUtility, load_utility

READ, REFUSED = 0, 3


async def read(files: Sequence[str], utility_id: str | None, zone_name: str | None, *, json: bool) -> int:
    """Tell of each file what it is and says; 3 if any, or anything in one, was refused."""
    with here():
        utility = _utility(utility_id)
        zone = _zone(zone_name) or (utility.zone if utility else None)
        status = READ
        for name in files:
            report = read_file(name, zone, utility)
            if json:
                say_json(as_json(report), indent=None)
            else:
                show(*tables(report))
            status = REFUSED if report.refused else status
    return status


def _utility(utility_id: str | None) -> Utility | None:
    try:
        return load_utility(utility_id) if utility_id else None
    except UnknownUtility as exc:
        raise UsageError(str(exc)) from exc


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise UsageError(f"There is no time zone “{name}”; name one such as America/New_York.") from exc
