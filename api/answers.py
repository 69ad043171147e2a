"""Answers of the API: JSON by orjson, dates as Bayou writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
from starlette.responses import Response


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``value`` as JSON, which nobody but the asker may keep."""
    return Response(
        orjson.dumps(value),
        status,
        {"Cache-Control": "private, no-cache", **(headers or {})},
        "application/json",
    )


def instant(at: datetime | None) -> str | None:
    """An instant in UTC to the second: ``2026-01-31T07:05:00Z``."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
