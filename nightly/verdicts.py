"""Of each utility with a live portal: is it well, was its portal redesigned, is it out, or is it us. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meterfarm.nightly.nightly_run import UNSEEN, LiveLook, NightlyRun, PortalNight

REGRESSION, DRIFT, OUTAGE, WELL = "regression", "drift", "outage", "well"


@dataclass(frozen=True, slots=True)
class FakeTally:
    """How a utility's fake portal did: so many cases ``tried``, so many ``wrong``; or it was ``missing``."""

    tried: int
    wrong: int
    complaints: Sequence[str]
    missing: bool = False

    @property
    def is_red(self) -> bool:
        """Whether anything was not as meant: since the fake is ours, so is the fault."""
        return bool(self.wrong or self.complaints)


@dataclass(frozen=True, slots=True)
class UtilityVerdict:
    """``fake`` is None where there is none, ``live`` where none is looked at."""

    id: str
    name: str
    fake: FakeTally | None
    live: LiveLook | None

    @property
    def words(self) -> Sequence[str]:
        """What is wrong, the fault of ours first: an outcome by its name where no cause is sure."""
        found = [REGRESSION] if self.fake is not None and self.fake.is_red else []
        if self.live is not None and not self.live.is_as_declared:
            found.append(_of_live(self.live))
        return found

    @property
    def is_well(self) -> bool:
        """Whether nothing is."""
        return not self.words

    def __str__(self) -> str:
        return " and ".join(self.words) or WELL


def verdicts(night: NightlyRun) -> Sequence[UtilityVerdict]:
    """One for each utility of the night, in the order of the matrix, then those without a fake."""
    looks = {look.portal: look for look in night.live}
    found = [
        UtilityVerdict(portal.id, portal.name, _tally(night, portal), looks.pop(portal.id, None))
        for portal in night.portals
    ]
    return [*found, *(UtilityVerdict(look.portal, look.name, None, look) for look in looks.values())]


def _tally(night: NightlyRun, portal: PortalNight) -> FakeTally:
    its = [result for result in night.every if result.portal == portal.id]
    wrong = sum(not result.is_well for result in its)
    return FakeTally(len(its), wrong, portal.complaints, bool(portal.missing))


def _of_live(look: LiveLook) -> str:
    if look.is_drift:
        return DRIFT
    return OUTAGE if look.is_outage else look.outcome or UNSEEN
