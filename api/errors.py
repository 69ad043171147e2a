"""How the API refuses: each error is four strings, and headers that say who must act and whether to retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from meterfarm.api.error_kinds import BAYOU_CODES, ERRORS, Actor, ErrorKind, ErrorType
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound
from meterfarm.storage import StorageError
from meterfarm.support.errors import MachineError, RequestError
from meterfarm.support.foreign_text import one_line
from meterfarm.support.logs import request_id

__all__ = ["BAYOU_CODES", "ERRORS", "Actor", "ApiError", "ErrorKind", "ErrorType", "install"]

PAGE = "/docs/error-codes"
"""Where each code is explained, at an anchor of its name."""
WHO_ACTS = "X-Error-Who-Acts"
SHOULD_RETRY = "X-Should-Retry"
_RETRY_AFTER = {"service_unavailable": "30", "idempotency_key_in_use": "1"}
_BY_STATUS = {
    400: "request_body_invalid",
    404: "request_path_invalid",
    413: "request_too_large",
    415: "unsupported_content_type",
}
"""What the framework refuses by itself, before a route of ours is asked."""
_UNKNOWN = {
    "reason": "it is not whole",
    "most": "this server takes",
    "expected": "the one that the reference shows",
}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PARAMETERS = {"query", "path", "header", "cookie"}
_log = structlog.get_logger("api")


class ApiError(Exception):
    """A refusal. ``details`` fill the message of the code's kind; ``headers`` go out with the answer."""

    def __init__(self, code: str, headers: Mapping[str, str] | None = None, /, **details: str) -> None:
        super().__init__(code)
        self.kind = ERRORS[code]
        self.headers = dict(headers or {})
        self._details = {name: one_line(text) for name, text in details.items()}
        self.message_at("")

    @property
    def code(self) -> str:
        """The error_code."""
        return self.kind.code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.kind.status

    @property
    def type(self) -> str:
        """The error_type."""
        return self.kind.type

    @property
    def message(self) -> str:
        """The sentence; addresses of ours are without scheme and host."""
        return self.message_at("")

    def message_at(self, public_url: str) -> str:
        """The sentence, with our addresses in full."""
        return self.kind.message.format_map({**self._details, "here": public_url})

    def rendered(self, public_url: str) -> dict[str, str]:
        """The four strings of Bayou's error object."""
        return {
            "error_type": self.type,
            "error_code": self.code,
            "error_message": self.message_at(public_url),
            "docs_url": f"{public_url}{PAGE}#{self.code}",
        }

    def response(self, public_url: str) -> Response:
        """The answer with its headers."""
        headers = {
            WHO_ACTS: self.kind.actor,
            SHOULD_RETRY: "true" if self.kind.retry else "false",
            "Cache-Control": "no-store",
        }
        if self.code in _RETRY_AFTER:
            headers["Retry-After"] = _RETRY_AFTER[self.code]
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="Meterfarm API", charset="UTF-8"'
        return Response(
            orjson.dumps(self.rendered(public_url)),
            self.status,
            headers | self.headers,
            "application/json",
        )


def install(app: FastAPI) -> None:
    """Let every error of the app leave it in Bayou's form; ``app.state.context`` has the ``public_url``."""

    def answer(error: ApiError) -> Response:
        return error.response(app.state.context.public_url)

    async def refused(request: Request, exc: Exception) -> Response:
        return answer(error_of(exc))

    async def not_routed(request: Request, exc: Exception) -> Response:
        if isinstance(exc, HTTPException) and exc.status_code == 405:
            allowed = ", ".join(_allowed(app, request.scope))
            error = ApiError("method_not_allowed", {"Allow": allowed}, method=request.method, allowed=allowed)
            return answer(error)
        return answer(error_of(exc))

    for kind in (ApiError, RequestValidationError, RequestError, MachineError):
        app.add_exception_handler(kind, refused)
    app.add_exception_handler(HTTPException, not_routed)


def error_of(exc: Exception) -> ApiError:
    """What the API answers to an exception of a service, of the store or of a check of parameters.

    A fault that is nobody's request and no machine's is `internal_error`.
    """
    if isinstance(exc, ApiError):
        return exc
    if isinstance(exc, RequestValidationError):
        return _unfit(exc.errors())
    if isinstance(exc, HTTPException) and exc.status_code in _BY_STATUS:
        return ApiError(_BY_STATUS[exc.status_code], **_UNKNOWN)
    if isinstance(exc, NotFound):
        return ApiError("object_not_found", reason=str(exc))
    if isinstance(exc, Conflict):
        return ApiError("conflict", reason=str(exc))
    if isinstance(exc, StorageError) and isinstance(exc, RequestError):
        return ApiError("conflict", reason=str(exc))
    if isinstance(exc, InvalidRequest | RequestError):
        return ApiError("request_invalid", reason=str(exc))
    if isinstance(exc, MachineError):
        _log.warning("request.unavailable", reason=one_line(str(exc)))
        return ApiError("service_unavailable")
    return ApiError("internal_error", request_id=request_id())


def _unfit(problems: Sequence[Mapping[str, Any]]) -> ApiError:
    """What the framework found at the first parameter or field that does not fit; never its value."""
    problem = problems[0]
    place, *names = [str(part) for part in problem["loc"]]
    if problem["type"] == "json_invalid":
        return ApiError("request_body_invalid", reason="it is no JSON")
    reason = str(problem["msg"]).removesuffix(".").lower()
    where = ".".join(names)
    if place in _PARAMETERS:
        return ApiError("parameter_invalid", parameter=where, reason=reason)
    return ApiError("request_body_invalid", reason=f"{where or 'it'}: {reason}")


def _allowed(app: FastAPI, scope: Scope) -> list[str]:
    """The methods that the path of ``scope`` has, whichever routes they are on."""
    return [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.router.routes)
    ]
