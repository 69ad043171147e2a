"""Meterfarm: electricity and gas data from utility portals, with the customer's permission.

``read`` reads a file; ``open`` gives a farm, whose ``scrape`` fetches a customer's data (docs/python.md).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time each is imported when it is first asked for
    from meterfarm.library import (
        AnswerCallback,
        FileContents,
        LocalFarm,
        ReadingSet,
        ScrapeResult,
        open,
        read,
    )
    from meterfarm.records import Bill, Challenge, Factor, Outcome, Series
    from meterfarm.support.errors import InternalError, MachineError, MeterfarmError, RequestError

_FROM = {
    "library": ("AnswerCallback", "LocalFarm", "FileContents", "ReadingSet", "ScrapeResult", "open", "read"),
    "records": ("Bill", "Challenge", "Factor", "Outcome", "Series"),
    "support.errors": ("InternalError", "MachineError", "MeterfarmError", "RequestError"),
}
_MODULES = {name: module for module, names in _FROM.items() for name in names}

__all__ = [
    "AnswerCallback",
    "Bill",
    "Challenge",
    "Factor",
    "FileContents",
    "InternalError",
    "LocalFarm",
    "MachineError",
    "MeterfarmError",
    "Outcome",
    "ReadingSet",
    "RequestError",
    "ScrapeResult",
    "Series",
    "open",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
