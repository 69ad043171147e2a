"""A script for each utility that is declared; ``scripts.con_edison`` is one, as the registry finds it."""

from __future__ import annotations

from functools import cache

from meterfarm.utilities._families.opower.declarations import Declared, declarations
from meterfarm.utilities._families.opower.utility import OpowerUtility


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
        "home": declared.home,
        "hosts": declared.hosts,
        "zone": declared.zone,
        "keeps_session": declared.keeps_login,
    }
    made: type[OpowerUtility] = type(declared.library_class, (OpowerUtility,), about)
    return made()
