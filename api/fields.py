"""Fields of JSON bodies that have no error code of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from meterfarm.api.errors import ApiError
from meterfarm.api.timestamps import EPOCH, timestamp


def text_field(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A string of the body.

    Raises:
        ApiError: it is none, or is missing and there is no ``default``.
    """
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise ApiError("request_body_invalid", reason=f"{name} must be a string")
    return value


def instant_field(body: Mapping[str, Any], name: str) -> datetime | None:
    """An instant with its offset, as 2026-11-01T00:00:00Z; None if it is null or not there.

    Raises:
        ApiError: it is none.
    """
    value = body.get(name)
    if value is None:
        return None
    at = timestamp(value) if isinstance(value, str) else None
    try:
        if at is not None:
            return EPOCH + timedelta(seconds=at)
    except OverflowError:
        pass
    raise ApiError("request_body_invalid", reason=f"{name} must be like 2026-11-01T00:00:00Z")


def whole(value: object) -> Any:
    """``value``, but 3.0 as 3: JSON knows no difference."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def flag(text: str | None, name: str) -> bool:
    """A query's ``true`` or ``false``; without it false.

    Raises:
        ApiError: it is something else.
    """
    if text is None or text in {"false", "true"}:
        return text == "true"
    raise ApiError("parameter_invalid", parameter=name, reason="write true or false")
