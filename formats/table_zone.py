"""Where a table's local times are: as its asker says, its layout, the file's name or an address in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from formats.table import Layout
from records import Problem, Severity

_STATE = re.compile(r"\b([A-Z]{2})[.,]?(?:\s+\d{5}(?:-\d{4})?)?\s*(?:,?\s*USA?)?$")
_WORD = re.compile(r"[a-z]+")
# States that lie in one zone altogether.
_STATES = {
    **dict.fromkeys(("CA", "WA"), "America/Los_Angeles"),
    **dict.fromkeys(("IL", "WI", "MN", "IA", "MO", "AR", "LA", "MS", "OK"), "America/Chicago"),
    **dict.fromkeys(("CO", "UT", "NM", "WY", "MT"), "America/Denver"),
    **dict.fromkeys(
        (
            "NY",
            "PA",
            "NJ",
            "MD",
            "DE",
            "DC",
            "CT",
            "RI",
            "MA",
            "NH",
            "VT",
            "ME",
            "VA",
            "WV",
            "OH",
            "NC",
            "SC",
            "GA",
        ),
        "America/New_York",
    ),
    "HI": "Pacific/Honolulu",
}


def zone_of(
    layout: Layout, file_name: str, above: Mapping[str, str], asked: ZoneInfo | None
) -> tuple[ZoneInfo | None, Sequence[Problem]]:
    """The zone, if any, and what is to be said of it."""
    if layout.zone_holds:
        other = asked is not None and asked.key != layout.zone
        note = f"such files are in {layout.zone}, whatever zone is asked for"
        return ZoneInfo(layout.zone), [Problem("", note, Severity.NOTE)] if other else []
    if asked is not None:
        return asked, []
    if layout.zone:
        return ZoneInfo(layout.zone), []
    word = _WORD.match(file_name.lower().replace("\\", "/").rpartition("/")[2])
    if word and word[0] in layout.zones:
        return _told(layout.zones[word[0]], "by the file's name")
    state = _STATE.search(above.get("address", "")) if layout.states else None
    if state and state[1] in _STATES:
        return _told(_STATES[state[1]], "by the address in it")
    if layout.usual_zone:
        doubt = (
            f"times are taken to be in {layout.usual_zone}, where such files come from: otherwise pass --zone"
        )
        return ZoneInfo(layout.usual_zone), [Problem("", doubt)]
    return None, []


def _told(zone: str, why: str) -> tuple[ZoneInfo, Sequence[Problem]]:
    return ZoneInfo(zone), [Problem("", f"times are taken to be in {zone}, {why}", Severity.NOTE)]
