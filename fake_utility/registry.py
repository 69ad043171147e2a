"""The fake portals that there are: a folder each, which offers `PORTAL`. There is no list to edit."""

import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from meterfarm.fake_utility import __path__ as folders
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.running import USUAL_ADDRESS

GROUP = "meterfarm.fake_portals"
"""The group of entry points by which other distributions ship fake portals, beside a utility's own."""
_SHARED = "kit"


@cache
def fake_portals() -> Sequence[FakePortal]:
    """All, those without host names first, then by id."""
    names = [module.name for module in pkgutil.iter_modules(folders) if module.ispkg]
    found = [
        import_module(f"meterfarm.fake_utility.{name}").PORTAL
        for name in names
        if name != _SHARED and not name.startswith("_")
    ]
    found += [entry.load() for entry in entry_points(group=GROUP)]
    return sorted(found, key=lambda portal: (bool(portal.hosts), portal.id))


def fake_portal(portal_id: str) -> FakePortal | None:
    """The fake portal of a utility, if it has one."""
    return next((portal for portal in fake_portals() if portal.id == portal_id), None)


def is_fake(utility_id: str, home: str, local_url: str) -> bool:
    """Whether the portal of a utility with these addresses is one of these, and none of its own elsewhere."""
    portal = fake_portal(utility_id)
    if portal is None:
        return False
    return home.rstrip("/") == portal.home if portal.hosts else local_url.rstrip("/") == USUAL_ADDRESS
