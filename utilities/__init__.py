"""Every utility's script, one folder each; the folder's name is the utility's id.

A folder offers ``UTILITY``, an instance of ``scrapers.utility.Utility``. There is no list to edit. Layouts of
interval tables that only this utility has are ``LAYOUTS`` in its module ``layouts``, if it has one.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Sequence

from meterfarm.formats.tables.layout import Layout
from meterfarm.scrapers.utility import Utility
from meterfarm.support.errors import RequestError


class UnknownUtility(RequestError):
    """There is no such utility; the text names the nearest."""


def utility_ids() -> Sequence[str]:
    """The ids of all utilities, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def load_utility(utility_id: str) -> Utility:
    """The utility with this id.

    Raises:
        UnknownUtility: there is none.
    """
    known = utility_ids()
    if utility_id not in known:
        near = difflib.get_close_matches(utility_id.lower().replace("-", "_"), known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}."
        raise UnknownUtility(f"There is no utility “{utility_id}”; {hint}")
    utility: Utility = importlib.import_module(f"meterfarm.utilities.{utility_id}").UTILITY
    return utility


def load_utilities() -> Sequence[Utility]:
    """All of them."""
    return [load_utility(utility_id) for utility_id in utility_ids()]


def load_layouts(utility_id: str) -> Sequence[Layout]:
    """The utility's own layouts of interval tables."""
    name = f"meterfarm.utilities.{utility_id}.layouts"
    if importlib.util.find_spec(name) is None:
        return ()
    layouts: Sequence[Layout] = importlib.import_module(name).LAYOUTS
    return layouts
