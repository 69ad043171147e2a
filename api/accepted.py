"""Which form of an answer is wanted most, as an Accept header says it."""

from __future__ import annotations

from collections.abc import Mapping

_ANY = ("*/*", "application/*")


def accepted(accept: str, forms: Mapping[str, str], default: str = "json") -> str:
    """The name of the form that is wanted most; ``default`` for anything, and for what there is not.

    ``forms`` are names by media type.
    """
    best, weight = default, 0.0
    for each in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        asked = next((_quality(part[2:]) for part in parameters if part.startswith("q=")), 1.0)
        name = default if kind in _ANY else forms.get(kind)
        if name is not None and asked > weight:
            best, weight = name, asked
    return best


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
