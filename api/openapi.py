"""The API's own description, /openapi.json: what FastAPI finds in the routes, and what the layers add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from meterfarm.api.error_responses import errors
from meterfarm.api.examples import Examples
from meterfarm.api.webhook_documents import webhooks

Document = dict[str, Any]

_DESCRIPTION = """
Bills and interval data of electricity and gas customers, fetched with their permission. Programs written
for Bayou's API v2 work with this address instead.

**Keys.** Send the API key as the user name of HTTP Basic, with an empty password. A key opens the test or
the live side of one company; all else is answered as if it did not exist.

**Ids.** Wherever a path takes an `id`, it takes our number, or `external_id:` and an id of your own,
percent-encoded.

**Errors** are four strings; [each code is explained](/docs/error-codes). `X-Error-Who-Acts` says who must act
and `X-Should-Retry` whether the same request can succeed later.

**Sending again.** A POST with an `Idempotency-Key` is done once: for 24 hours the same key and body get the
same answer. A GET with `If-None-Match` is answered 304 while nothing has changed; links in an answer
that you keep still expire.

**Limits.** `RateLimit-Remaining` says how many requests the key has left. Beyond that comes 429 with
`Retry-After`.
"""
_TAGS = {
    "Customers": "People and firms; you fetch their utility data.",
    "Bills": "Their bills, fetched or uploaded.",
    "Intervals": "Their meters' readings, by the hour or finer.",
    "Utilities": "Which utilities there are, and what of them can be fetched.",
    "Connections": "For forms of your own: logins, challenges, consents, and what a run is doing.",
    "Changes": "What is new or different since you last asked.",
    "Events": "What happened, and whether your server has it.",
    "Webhooks": "Where events are sent.",
    "Test tools": "With a test key: make happen now what else happens once a month.",
}
_HEADERS: Mapping[str, tuple[str, str]] = {
    "X-Request-Id": ("The id of this request, in our logs too.", "string"),
    "RateLimit-Limit": ("How many requests the key may send at once.", "integer"),
    "RateLimit-Remaining": ("How many of them are left.", "integer"),
    "RateLimit-Reset": ("Seconds until all are back.", "integer"),
    "X-Error-Who-Acts": ("Who must act: developer, operator or nobody.", "string"),
    "X-Should-Retry": ("Whether the same request can succeed later.", "string"),
    "Retry-After": ("Seconds to wait.", "integer"),
    "WWW-Authenticate": ("HTTP Basic.", "string"),
    "ETag": ("What If-None-Match takes.", "string"),
    "Allow": ("The methods that this path has.", "string"),
    "Idempotent-Replayed": ("true: the answer to the first sending, given again.", "string"),
}
_ALWAYS = ("X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_OF_ERRORS = ("X-Error-Who-Acts", "X-Should-Retry")
_OF_STATUS = {
    "401": ("WWW-Authenticate",),
    "405": ("Allow",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}
_LINKS: Mapping[tuple[str, str], tuple[str, Mapping[str, str]]] = {
    ("post_customers", "201"): (
        "id",
        {
            "get_customers_id": "id",
            "patch_customers_id": "id",
            "post_customers_id_login": "id",
            "get_customers_id_runs": "id",
            "get_customers_customer_id_bills": "customer_id",
            "get_customers_customer_id_intervals": "customer_id",
            "delete_customers_id": "id",
        },
    ),
    ("post_customers_id_login", "202"): ("run_id", {"get_runs_id": "id", "post_runs_id_cancel": "id"}),
    ("post_bills", "200"): ("id", {"get_bills_id": "id", "post_bills_id_unlock": "id"}),
    ("post_webhooks", "201"): (
        "id",
        {"get_webhooks_id": "id", "post_webhooks_id_test": "id", "delete_webhooks_id": "id"},
    ),
    ("post_test_events", "200"): ("id", {"get_events_id": "id"}),
}
"""By operation and status: the field of the answer that names what came of it, and what takes that as which
parameter."""
_BOUNDS = {"minimum", "maximum"}
_ONCE = ("idempotency_key_invalid", "idempotency_key_in_use", "idempotency_key_reused")
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of an answer that you have.",
    "schema": {"type": "string"},
    "example": 'W/"5f0c9a3e71d04b22a1b0c4d7"',
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A new UUID for each new request, the same one to send a request again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
}


def operation_id(route: APIRoute) -> str:
    """As Bayou's reference has it: ``get_customers_customer_id_bills``."""
    path = route.path_format.removeprefix("/api/v2").replace("{", "").replace("}", "")
    words = path.strip("/").replace(":path", "").replace("-", "_").split("/")
    return "_".join([min(route.methods or {"get"}).lower(), *words])


def describe(app: FastAPI, public_url: str) -> None:
    """Let the app describe itself completely; made when it is asked for first."""

    def openapi() -> Document:
        if not app.openapi_schema:
            app.openapi_schema = _document(app, public_url)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documentation says to do so


def _document(app: FastAPI, public_url: str) -> Document:
    document = get_openapi(
        title="Meterfarm",
        version="2.0",
        openapi_version="3.1.0",
        summary="Utility bills and interval data; compatible with Bayou's API v2.",
        description=_DESCRIPTION,
        routes=app.routes,
        servers=[{"url": public_url}],
    )
    _make_bounds_whole(document)
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["components"]["headers"] = {
        name: {"description": text, "schema": {"type": kind}} for name, (text, kind) in _HEADERS.items()
    }
    document["security"] = [{"basicAuth": []}]
    document["externalDocs"] = {"url": f"{public_url}/docs/error-codes", "description": "Error codes"}
    used = {tag for _, operation in _operations(document) for tag in operation.get("tags", ())}
    examples = Examples(schemas)
    for method, operation in _operations(document):
        _hoist(operation.get("requestBody", {}).get("content", {}), schemas)
        _complete(method, operation, examples)
    document["webhooks"] = webhooks(schemas)
    document["tags"] = [
        {"name": name, "description": text} for name, text in _TAGS.items() if name in used | {"Webhooks"}
    ]
    return document


def _make_bounds_whole(part: object) -> None:
    """FastAPI writes each bound as a floating point number, which is none for an integer to send."""
    if isinstance(part, dict):
        for name in _BOUNDS & part.keys():
            if isinstance(part[name], float) and part[name].is_integer():
                part[name] = int(part[name])
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _make_bounds_whole(inner)


def _operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path in document["paths"].values():
        yield from path.items()


def _complete(method: str, operation: Document, examples: Examples) -> None:
    """Add to what the route says what the layers do around it, and an example of each body."""
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        parameter["schema"] = _without_null(parameter["schema"])
    if method == "post":
        parameters.append(_IDEMPOTENCY_KEY)
        _merge(responses, errors(*_ONCE))
    elif method == "get" and "application/json" in responses["200"].get("content", {}):
        parameters.append(_IF_NONE_MATCH)
        responses["304"] = {"description": "Nothing has changed."}
        responses["200"].setdefault("headers", {})["ETag"] = _header("ETag")
    for status, response in responses.items():
        names = [*_ALWAYS, *(_OF_ERRORS if status >= "400" else ()), *_OF_STATUS.get(status, ())]
        if method == "post" and status < "300":
            names.append("Idempotent-Replayed")
        response.setdefault("headers", {}).update({name: _header(name) for name in names})
        _exemplify(response.get("content", {}), examples)
    _exemplify(operation.get("requestBody", {}).get("content", {}), examples)
    for status, response in responses.items():
        field, operations = _LINKS.get((operation["operationId"], status), ("", {}))
        for name, parameter in operations.items():
            parameters_of_it = {parameter: f"$response.body#/{field}"}
            response.setdefault("links", {})[name] = {"operationId": name, "parameters": parameters_of_it}
    operation["responses"] = dict(sorted(responses.items()))


def _without_null(schema: Document) -> Document:
    """A parameter is there or not, but never null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) != 1:
        return schema
    rest: Document = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**choices[0], **rest}


def _hoist(content: Document, schemas: Document) -> None:
    """Let the schemas of bodies, which routes write out, stand among the others."""
    for media in content.values():
        written = media.get("schema", {})
        if "title" in written and "properties" in written:
            moved = orjson.loads(orjson.dumps(written).replace(b"#/$defs/", b"#/components/schemas/"))
            for name, schema in {**moved.pop("$defs", {}), moved["title"]: moved}.items():
                schemas.setdefault(name, schema)
            media["schema"] = {"$ref": f"#/components/schemas/{moved['title']}"}


def _exemplify(content: Document, examples: Examples) -> None:
    for kind, media in content.items():
        has_none = "example" not in media and "examples" not in media
        if has_none and "schema" in media and (kind.endswith("json") or kind.startswith("multipart/")):
            media["example"] = examples.of(media["schema"])


def _merge(responses: Document, added: Mapping[int | str, Document]) -> None:
    """Put further errors to those that a route documents."""
    for status, response in added.items():
        there = responses.setdefault(
            str(status),
            {
                "description": response["description"],
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "examples": {}}
                },
            },
        )
        examples = response["content"]["application/json"]["examples"]
        there["content"]["application/json"].setdefault("examples", {}).update(examples)


def _header(name: str) -> Document:
    return {"$ref": f"#/components/headers/{name}"}
