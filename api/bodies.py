"""Bodies of requests: JSON objects of a bounded size."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from meterfarm.api.errors import ApiError

MOST_JSON = 64 * 1024
LARGEST = 2**63 - 1
"""Of the whole numbers in a body; no id is larger, and much larger ones are read as floating point."""
_FORMS = ("multipart/", "application/x-www-form-urlencoded")


async def read_body(request: Request, most: int) -> bytes:
    """All of it.

    Raises:
        ApiError: it is longer than ``most`` bytes, or did not come whole.
    """
    too_large = ApiError("request_too_large", most=f"{most // 1024} KiB")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise too_large
    except ClientDisconnect:
        raise ApiError("request_body_invalid", reason="it is not whole") from None
    return bytes(body)


async def _json_object(request: Request) -> dict[str, Any]:
    found = await _json_object_if_any(request)
    if found is None:
        raise ApiError("request_body_invalid", reason="none came, and this call takes a JSON object")
    return found


async def _optional_object(request: Request) -> dict[str, Any]:
    return await _json_object_if_any(request, optional=True) or {}


async def _json_object_if_any(request: Request, *, optional: bool = False) -> dict[str, Any] | None:
    is_form = request.headers.get("content-type", "").casefold().startswith(_FORMS)
    not_json = ApiError("unsupported_content_type", expected="application/json")
    if is_form and not optional:
        raise not_json
    body = await read_body(request, MOST_JSON)
    if is_form and body:
        raise not_json
    if not body.strip():
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ApiError("request_body_invalid", reason="it is no JSON") from None
    if not isinstance(value, dict):
        raise ApiError("request_body_invalid", reason="it is no JSON object")
    return value


def described(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """What the documentation has of a route with a body of this shape: ``openapi_extra=described(...)``.

    ``required``: one without a body is refused; else none is an empty object.
    """
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


JsonObject = Annotated[dict[str, Any], Depends(_json_object)]
"""A route's parameter: the request's body as a JSON object."""
OptionalObject = Annotated[dict[str, Any], Depends(_optional_object)]
"""The same of a route that can do without: empty if none came, which Ruby's ``Net::HTTP`` calls a form."""
