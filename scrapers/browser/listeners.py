"""Listeners of a browser's events that cost little where many events come."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
_OF_ONE = Signature([Parameter("event", Parameter.POSITIONAL_ONLY)])


def listener(handler: Callable[[T], R]) -> Callable[[T], R]:
    """``handler`` as Playwright calls it fast.

    It asks for a listener's signature at each event, and to work out a method's takes longer than most do.
    """

    def heard(event: T) -> R:
        return handler(event)

    signed: Any = heard
    signed.__signature__ = _OF_ONE
    return heard
