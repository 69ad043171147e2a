"""What `--quirk` and `--for` ask of the portals."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from meterfarm.fake_utility.kit.customers import normalise
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.kit.quirks import EVERYBODY, BadQuirks, QuirkSwitch


def switched(
    portals: Sequence[FakePortal], names: Sequence[str], username: str | None
) -> Mapping[str, Collection[str]]:
    """The quirks by user name, "" for everybody. Raises BadQuirks, whose text is for the user."""
    if not names:
        if username is not None:
            raise BadQuirks("--for goes with --quirk; name a quirk, or leave --for out.")
        return {}
    of = portals
    if username is not None:
        username = normalise(username)
        of = [portal for portal in portals if portal.book.find(username)]
        if not of:
            raise BadQuirks(f"--for: nobody at any portal is called {username!r}; see --list.")
    known = sorted({quirk.name for portal in of for quirk in portal.quirks})
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "see --list-quirks."
            where = f"the portal of {username}" if username else "a portal"
            raise BadQuirks(f"--quirk: {name!r} is no quirk of {where}; {hint}")
    if username:
        for portal in of:
            try:
                QuirkSwitch(portal.quirks, {}).set(names, username)
            except BadQuirks as exc:
                raise BadQuirks(f"--quirk: {exc}.") from exc
    return {username or EVERYBODY: frozenset(names)}
