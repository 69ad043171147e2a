"""What a route documents of its errors: ``responses=errors("customer_id_invalid", ...)``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from meterfarm.api.errors import ERRORS, ApiError
from meterfarm.api.models.errors import Error

_EXAMPLE_HOST = "https://meterfarm.example"
_EVERYWHERE = (
    "api_key_missing",
    "api_key_invalid",
    "https_required",
    "parameter_invalid",
    "request_path_invalid",
    "method_not_allowed",
    "too_many_requests",
    "internal_error",
    "service_unavailable",
)
"""What any call that wants a key can answer."""


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """FastAPI's ``responses`` for these codes and for those that any call can answer, an example of each."""
    documented: dict[int | str, dict[str, Any]] = {}
    for kind in (ERRORS[code] for code in dict.fromkeys((*codes, *_EVERYWHERE))):
        response = documented.setdefault(
            kind.status,
            {
                "description": HTTPStatus(kind.status).phrase,
                "model": Error,
                "content": {"application/json": {"examples": {}}},
            },
        )
        response["content"]["application/json"]["examples"][kind.code] = {
            "summary": kind.meaning,
            "value": ApiError(kind.code, **kind.sample or {}).rendered(_EXAMPLE_HOST),
        }
    return dict(sorted(documented.items(), key=lambda entry: int(entry[0])))
