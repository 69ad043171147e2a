"""Where a table's local times are: as its asker says, its layout, the file's name or an address in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from meterfarm.formats.tables.layout import Layout
from meterfarm.records import Issue, Severity

_ADDRESS = re.compile(
    r"(?P<before>.*?[^\s,])(?P<comma>\s*,)?\s*\b(?P<state>[A-Z]{2})\b\.?"
    r"(?:,?\s+(?P<zip>\d{5})(?:-?\d{4})?)?(?:[\s,]+(?:USA?|U\.S\.A?\.?|UNITED STATES))?"
)
_ABROAD = re.compile(
    r"\b(AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT)\b|\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b|[\s,]\d{5}\b", re.IGNORECASE
)
"""In an address that may end with a country's two letters: Canada's provinces, codes before a city."""
_WORD = re.compile(r"[a-z]+")
_LOS_ANGELES, _CHICAGO = "America/Los_Angeles", "America/Chicago"
_DENVER, _NEW_YORK = "America/Denver", "America/New_York"
# States that lie in one zone altogether, with the first three digits of their ZIP codes.
_STATES = {
    "CA": (_LOS_ANGELES, "900-961"),
    "WA": (_LOS_ANGELES, "980-994"),
    "IL": (_CHICAGO, "600-629"),
    "WI": (_CHICAGO, "530-549"),
    "MN": (_CHICAGO, "550-567"),
    "IA": (_CHICAGO, "500-528"),
    "MO": (_CHICAGO, "630-658"),
    "AR": (_CHICAGO, "716-729"),
    "LA": (_CHICAGO, "700-714"),
    "MS": (_CHICAGO, "386-397"),
    "OK": (_CHICAGO, "730-732 734-749"),
    "CO": (_DENVER, "800-816"),
    "UT": (_DENVER, "840-847"),
    "NM": (_DENVER, "870-884"),
    "WY": (_DENVER, "820-831 834-834"),
    "MT": (_DENVER, "590-599"),
    "NY": (_NEW_YORK, "005-005 063-063 100-149"),
    "PA": (_NEW_YORK, "150-196"),
    "NJ": (_NEW_YORK, "070-089"),
    "MD": (_NEW_YORK, "206-219"),
    "DE": (_NEW_YORK, "197-199"),
    "DC": (_NEW_YORK, "200-205"),
    "CT": (_NEW_YORK, "060-069"),
    "RI": (_NEW_YORK, "028-029"),
    "MA": (_NEW_YORK, "010-027 055-055"),
    "NH": (_NEW_YORK, "030-038"),
    "VT": (_NEW_YORK, "050-059"),
    "ME": (_NEW_YORK, "039-049"),
    "VA": (_NEW_YORK, "201-201 220-246"),
    "WV": (_NEW_YORK, "247-268"),
    "OH": (_NEW_YORK, "430-459"),
    "NC": (_NEW_YORK, "270-289"),
    "SC": (_NEW_YORK, "290-299"),
    "GA": (_NEW_YORK, "300-319 398-399"),
    "HI": ("Pacific/Honolulu", "967-968"),
}


def zone_of(
    layout: Layout, file_name: str, above: Mapping[str, str], asked: ZoneInfo | None
) -> tuple[ZoneInfo | None, Sequence[Issue]]:
    """The zone, if any, and issues with it."""
    if layout.zone_holds:
        other = asked is not None and asked.key != layout.zone
        note = f"such files are always in {layout.zone}: the zone asked for was ignored"
        return ZoneInfo(layout.zone), [Issue("", note, Severity.NOTE)] if other else []
    if asked is not None:
        return asked, []
    if layout.zone:
        return ZoneInfo(layout.zone), []
    word = _WORD.match(file_name.lower().replace("\\", "/").rpartition("/")[2])
    by_name = layout.zones.get(word[0], "") if word else ""
    by_address = _zone_of_address(above.get("address", "")) if layout.states else ""
    if by_name and by_address and by_name != by_address:
        doubt = f"times read as {by_address}, by the address in the file; its name suggests {by_name}"
        return ZoneInfo(by_address), [Issue("", doubt)]
    if by_name or by_address:
        return _noted(
            by_name or by_address, "by the file's name" if by_name else "by the address in the file"
        )
    if layout.usual_zone:
        doubt = f"times read as {layout.usual_zone}, where such files come from: otherwise pass --zone"
        return ZoneInfo(layout.usual_zone), [Issue("", doubt)]
    return None, []


def _zone_of_address(address: str) -> str:
    """That of the state the address ends with, if it is certain that it names one, and one zone holds it all.

    Two letters are a state only behind a comma or before a ZIP code of that state: CT is a court as well.
    """
    match = _ADDRESS.fullmatch(address.strip().rstrip(".,"))
    zone, codes = _STATES.get(match["state"], ("", "")) if match else ("", "")
    if not match or not zone:
        return ""
    if match["zip"]:
        ranges = (each.split("-") for each in codes.split())
        return zone if any(first <= match["zip"][:3] <= last for first, last in ranges) else ""
    return zone if match["comma"] and not _ABROAD.search(match["before"]) else ""


def _noted(zone: str, why: str) -> tuple[ZoneInfo, Sequence[Issue]]:
    return ZoneInfo(zone), [Issue("", f"times read as {zone}, {why}", Severity.NOTE)]
