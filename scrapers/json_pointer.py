"""JSON pointers (RFC 6901): where in a JSON value something stands, like ``/data/0/id``."""

from __future__ import annotations

import re

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_POINTER = re.compile(r"(/([^/~]|~[01])*)*")


def is_pointer(text: str) -> bool:
    """Whether it is one; "" is the whole value."""
    return _POINTER.fullmatch(text) is not None


def pointed_at(value: object, pointer: str) -> object:
    """What stands there in a parsed JSON value.

    Raises:
        LookupError: nothing does.
    """
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value[name]
        elif isinstance(value, list) and _INDEX.fullmatch(name):
            value = value[int(name)]
        else:
            raise LookupError(pointer)
    return value
