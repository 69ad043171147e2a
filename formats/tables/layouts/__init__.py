"""Layouts of interval exports, a small module for each utility or family: a declaration, ``LAYOUTS``.

There is no list to edit: a module that is put here is found. Each names its source: the sample, by the dates
of its readings, or public code.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache

from meterfarm.formats.tables.layout import Layout


@cache
def all_layouts() -> Sequence[Layout]:
    """Every layout, by its module's name."""
    modules = sorted(each.name for each in pkgutil.iter_modules(__path__))
    return tuple(
        layout
        for module in modules
        for layout in importlib.import_module(f"meterfarm.formats.tables.layouts.{module}").LAYOUTS
    )
