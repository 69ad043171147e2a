"""Around every request: its id, its line in the log, and an answer also to what nobody foresaw."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meterfarm.api.errors import error_of
from meterfarm.support.crash import crashes_kept
from meterfarm.support.errors import InternalError, MeterfarmError
from meterfarm.support.foreign_text import NAME, one_line
from meterfarm.support.redact import Secrets

REQUEST_ID = "X-Request-Id"
_GIVEN = re.compile("[A-Za-z0-9._:-]{8,128}")
"""An id that a client or a proxy sends is used if it is one word and no text."""
_SHOWN = frozenset({"start", "end", "limit", "granularity", "after", "updated_after", "format"})
"""Parameters of the query with their values in the log; of the others the name alone."""
_log = structlog.get_logger("api")


class Requests:
    """Gives each request an id and a line in the log; ``evidence`` is where crashes are kept.

    What the app raises is answered here, in the API's form, unless the answer has begun.
    """

    def __init__(self, app: ASGIApp, evidence: Path, public_url: str) -> None:
        self._app = app
        self._evidence = evidence
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _GIVEN.fullmatch(given) else f"req_{uuid.uuid4().hex}"
        served = _Served(scope, send, request_id)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            with served.logged():
                await self._answered(scope, receive, served)

    async def _answered(self, scope: Scope, receive: Receive, served: _Served) -> None:
        try:
            await self._app(scope, receive, served.send)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the client gets an answer and we a trace
            error = error_of(exc)
            if error.status >= 500:
                await asyncio.to_thread(self._keep, exc)
            if served.status:
                raise ConnectionAbortedError("the answer had begun") from None
            await error.response(self._public_url)(scope, receive, served.send)

    def _keep(self, exc: Exception) -> None:
        """Keep an unforeseen exception's stack trace."""
        try:
            with crashes_kept(Secrets(), self._evidence):
                _raise(exc)
        except InternalError as kept:
            _log.error("request.crashed", reason=str(kept))
        except MeterfarmError as known:
            _log.warning("request.failed", reason=one_line(str(known)))


def _raise(exc: Exception) -> NoReturn:
    raise exc


class _Served:
    """One request and what became of it."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self.status = 0
        self._bytes = 0
        self._scope = scope
        self._send = send
        self._request_id = request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID] = self._request_id
        elif message["type"] == "http.response.body":
            self._bytes += len(message.get("body", b""))
        await self._send(message)

    @contextmanager
    def logged(self) -> Iterator[None]:
        """Log the request at its end, however it ends."""
        began = time.perf_counter()
        try:
            yield
        finally:
            level = _log.warning if self.status >= 500 else _log.info
            level("request.served", **self._facts(), ms=round((time.perf_counter() - began) * 1000, 1))

    def _facts(self) -> dict[str, Any]:
        state = self._scope.get("state", {})
        company = state.get("company")
        return {
            "method": self._scope["method"],
            "path": one_line(self._scope["path"], NAME),
            "query": shown_query(self._scope.get("query_string", b"")),
            "status": self.status,
            "bytes": self._bytes,
            "client": (self._scope.get("client") or ("",))[0],
            "key": state.get("key_id"),
            "company": company.id if company else None,
        }


def shown_query(query: bytes) -> str:
    """A query as the log has it: signatures, tokens and whatever is not known to be harmless left out."""
    pairs = [pair.partition("=") for pair in query[:2000].decode("latin-1").split("&")[:20] if pair]
    return "&".join(one_line(f"{name}={value if name in _SHOWN else '…'}", NAME) for name, _, value in pairs)
