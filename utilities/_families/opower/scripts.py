"""A script for each utility that is declared; ``scripts.con_edison`` is one, as the registry finds it."""

from __future__ import annotations

from datetime import date
from functools import cache

from meterfarm.scrapers.utility import Verified
from meterfarm.utilities._families.opower.declarations import Declared, declarations
from meterfarm.utilities._families.opower.utility import OpowerUtility

_HAVE_STAND_INS = frozenset({"con_edison", "commonwealth_edison"})
_TRIED = Verified(
    "unverified", date(2026, 12, 1), "the library opower 0.22.4, against a stand-in of the portal; no account"
)


def __getattr__(name: str) -> OpowerUtility:
    declared = declarations().get(name)
    if declared is None:
        raise AttributeError(name)
    return _script(declared)


@cache
def _script(declared: Declared) -> OpowerUtility:
    about = {
        "__module__": __name__,
        "__doc__": f"{declared.name}, by the library opower.",
        "id": declared.id,
        "name": declared.name,
        "declared": declared,
        "aliases": declared.aliases,
        "verified": _TRIED if declared.id in _HAVE_STAND_INS else OpowerUtility.verified,
        "home": declared.home,
        "hosts": declared.hosts,
        "zone": declared.zone,
        "keeps_session": declared.keeps_login,
    }
    made: type[OpowerUtility] = type(declared.library_class, (OpowerUtility,), about)
    return made()
