"""The fake portals that there are: a folder each, which offers `PORTAL`. There is no list to edit."""

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points

from meterfarm.fake_utility import __path__ as folders
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.running import USUAL_ADDRESS

GROUP = "meterfarm.fake_portals"
"""The group of entry points by which other distributions ship fake portals, beside a utility's own."""
_SHARED = "kit"
_LONGEST_REASON = 300


class UnknownStandIn(ValueError):
    """There is none; the text says which there are."""


def fake_portals() -> Sequence[FakePortal]:
    """All that can be loaded, those without host names first, then by id."""
    return _loaded()[0]


def broken_portals() -> Mapping[str, str]:
    """Those that cannot be loaded, and why, by the names of their folders or entry points."""
    return _loaded()[1]


def stand_ins(ids: Sequence[str]) -> Sequence[FakePortal]:
    """Those portals of real companies, under the companies' own host names, that are asked for.

    Raises:
        UnknownStandIn: there is none of one of these ids.
    """
    if not ids:
        return ()
    from meterfarm.fake_utility._opower import STAND_INS

    known = {portal.id: portal for portal in STAND_INS}
    if unknown := sorted(set(ids) - known.keys()):
        raise UnknownStandIn(f"There is no stand-in for {unknown[0]!r}; there are {', '.join(known)}.")
    return [known[each] for each in dict.fromkeys(ids)]


def has_stand_in(utility_id: str) -> bool:
    """Whether a portal of a real company can be served by that of this utility."""
    from meterfarm.fake_utility._opower import STAND_INS

    return utility_id in {portal.id for portal in STAND_INS}


def why_not(error: BaseException) -> str:
    """Why a portal cannot be loaded or started, in a line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST_REASON]


@cache
def _loaded() -> tuple[Sequence[FakePortal], Mapping[str, str]]:
    found: list[FakePortal] = []
    broken: dict[str, str] = {}
    for name, load in _sources():
        try:
            found.append(load())
        except Exception as exc:  # noqa: BLE001 - whatever a broken portal raises, the others are there
            broken[name] = why_not(exc)
    return sorted(found, key=lambda portal: (bool(portal.hosts), portal.id)), broken


def _sources() -> list[tuple[str, Callable[[], FakePortal]]]:
    names = [module.name for module in pkgutil.iter_modules(folders) if module.ispkg]
    own = [name for name in names if name != _SHARED and not name.startswith("_")]
    shipped = [(entry.name, entry.load) for entry in entry_points(group=GROUP)]
    return [*((name, partial(_in_folder, name)) for name in own), *shipped]


def _in_folder(name: str) -> FakePortal:
    portal: FakePortal = import_module(f"meterfarm.fake_utility.{name}").PORTAL
    return portal


def fake_portal(portal_id: str) -> FakePortal | None:
    """The fake portal of a utility, if it has one."""
    return next((portal for portal in fake_portals() if portal.id == portal_id), None)


def is_fake(utility_id: str, home: str, local_url: str) -> bool:
    """Whether the portal of a utility with these addresses is one of these, and none of its own elsewhere."""
    portal = fake_portal(utility_id)
    if portal is None:
        return False
    return home.rstrip("/") == portal.home if portal.hosts else local_url.rstrip("/") == USUAL_ADDRESS
