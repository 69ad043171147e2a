"""Utilities as customers ask for them: the catalogue, how well each is supported, and how its runs went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from meterfarm.services.errors import NotFound
from meterfarm.support.instants import shown
from meterfarm.utilities import BrokenUtility, directory, load_utility, utility_ids, why_unknown
from meterfarm.utilities.catalogue import CatalogueEntry

if TYPE_CHECKING:  # the catalogue is listed where nothing is installed that stores
    from meterfarm.storage.runs import TrackRecord
    from meterfarm.storage.store import Store


UNKNOWN = "unknown"


class UtilityStatus(StrEnum):
    """How far a utility can be fetched from."""

    VERIFIED = "verified"
    """Its script was seen to work."""
    UNVERIFIED = "unverified"
    """There is a script that nobody has run at the real portal."""
    TROUBLE = "trouble"
    """Its portal is at fault, and is left alone for a while."""
    BROKEN = "broken"
    """Its script cannot be loaded here."""
    NOT_SUPPORTED = "not_supported"
    """There is no script."""


@dataclass(frozen=True, slots=True)
class UtilityInfo:
    """A utility as it stands. ``since``: since when it has that status, None if nobody took that down.

    ``evidence`` is what the status rests on. ``portal`` is its public address, "" if it has none or none is
    known; ``is_fake``: only a company's test side has it. ``record`` is how our runs went, None if there
    were none.
    """

    entry: CatalogueEntry
    status: UtilityStatus
    since: date | datetime | None
    evidence: str
    portal: str = ""
    is_fake: bool = False
    record: TrackRecord | None = None

    @property
    def is_active(self) -> bool:
        """Whether there is a script to fetch with."""
        return self.status not in {UtilityStatus.BROKEN, UtilityStatus.NOT_SUPPORTED}

    @property
    def last_success(self) -> datetime | None:
        """When one of our latest runs last succeeded."""
        return self.record.last_success if self.record else None

    @property
    def success_rate(self) -> float | None:
        """0 to 1, of those of our latest runs that did not end with the customer having to act."""
        if self.record is None:
            return None
        return round(self.record.succeeded / (self.record.succeeded + self.record.failed), 4)

    @property
    def median_seconds(self) -> float | None:
        """How long those took that succeeded."""
        return self.record.median_seconds if self.record else None


def list_utilities(farm: Store | None = None, *, live: bool = False) -> Sequence[UtilityInfo]:
    """All that are known, by id, with what ``farm`` has seen of them; ``live``: without the fake ones."""
    records = farm.runs.track_records() if farm is not None else {}
    resting = farm.breakers.open() if farm is not None else {}
    with_script = set(utility_ids())
    infos = [
        _info(entry, entry.id in with_script, records.get(entry.id), resting)
        for entry in directory().entries()
    ]
    return [info for info in infos if not (live and info.is_fake)]


def find_utility_entry(name: str, farm: Store | None = None, *, live: bool = False) -> UtilityInfo:
    """The utility of this id, name or alias, however it is spaced, punctuated and capitalised.

    Raises:
        NotFound: there is none; the sentence names the nearest.
    """
    code = utility_code(name)
    found = next((info for info in list_utilities(farm) if info.entry.id == code), None)
    if found is None:
        raise NotFound(why_unknown(name))
    if live and found.is_fake:
        raise NotFound(f"{found.entry.name} is a fake utility: only a company's test side has it.")
    return found


def utility_code(name: str) -> str | None:
    """The id of the utility of this id, name or alias, with a script or without; None if there is none."""
    entry = directory().find(name)
    return entry.id if entry is not None else None


def velocity(utility_id: str) -> str:
    """How soon after a sign-in the data are here: ``instant``, hours as ``8 hours``, or ``unknown``.

    It is unknown where there is no script: bills are uploaded, and are read once there is a layout.
    """
    entry = directory().find(utility_id) if utility_id in utility_ids() else None
    return (entry.velocity if entry is not None else "") or UNKNOWN


def nearest_code(name: str) -> str:
    """The id of the utility with the name that is spelt most like this one."""
    return directory().nearest(name)[0].id


def _info(
    entry: CatalogueEntry, has_script: bool, record: TrackRecord | None, resting: Mapping[str, datetime]
) -> UtilityInfo:
    if not has_script:
        return UtilityInfo(entry, UtilityStatus.NOT_SUPPORTED, None, "there is no script for its portal")
    try:
        script = load_utility(entry.id)
    except BrokenUtility as exc:
        return UtilityInfo(entry, UtilityStatus.BROKEN, None, exc.reason, record=record)
    if (until := resting.get(entry.id)) is not None:
        since = record.failing_since if record else None
        why = f"runs in a row met the portal's fault; it is left alone until {shown(until)}"
        return UtilityInfo(entry, UtilityStatus.TROUBLE, since, why, script.home, script.is_fake, record)
    verified = script.verified
    status = UtilityStatus(verified.status)
    evidence, home, fake = verified.evidence, script.home, script.is_fake
    return UtilityInfo(entry, status, verified.on, evidence, home, fake, record)
