"""Below /api/ the key comes first: who asks, how often, and whether the same was asked before."""

from __future__ import annotations

import hashlib
import re

import orjson
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meterfarm.api.auth import authenticated
from meterfarm.api.bodies import read_body
from meterfarm.api.errors import ApiError
from meterfarm.api.limits import KeyLimits
from meterfarm.storage.customers.companies import KeptAnswer
from meterfarm.storage.store import CompanyStore

PREFIX = "/api/"
IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
MOST_BODY = 33 * 1024 * 1024
"""Bytes of a body that is sent with an idempotency key: the largest upload and its form."""
_MOST_KEPT = 1024 * 1024
_KEY = re.compile("[\x21-\x7e]{1,255}")
_KEPT_HEADERS = {"content-type", "location"}


class KeyedRequests:
    """Lets through what has a key, counts it, and does a POST with an Idempotency-Key once.

    From here on ``request.state`` has ``company_store``, ``company`` and ``key_id``.
    """

    def __init__(self, app: ASGIApp, limits: KeyLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            ApiError: it has no key or a wrong one, comes too often, or its Idempotency-Key cannot be used.
        """
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        store = await authenticated(request)
        counted = self._limits.take(request.state.key_id)

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(counted)
            await send(message)

        key = request.headers.get(IDEMPOTENCY_KEY)
        if request.method != "POST" or key is None:
            await self._app(scope, receive, send_counted)
        elif not _KEY.fullmatch(key):
            raise ApiError("idempotency_key_invalid")
        else:
            await self._once(request, store, key, send_counted)

    async def _once(self, request: Request, store: CompanyStore, key: str, send: Send) -> None:
        body = await read_body(request, MOST_BODY)
        entered = await run_in_threadpool(store.kept_answers.enter, key, _digest(request, body))
        if entered.is_other:
            raise ApiError("idempotency_key_reused")
        if entered.answer is not None:
            await _replay(entered.answer, send)
            return
        if not entered.is_new:
            raise ApiError("idempotency_key_in_use")
        recorded = _Recorded(send)
        try:
            await self._app(request.scope, _received(body), recorded.send)
        finally:
            await run_in_threadpool(_end, store, entered.id, recorded.answer())


def _end(store: CompanyStore, entry: int, answer: KeptAnswer | None) -> None:
    if answer is None:
        store.kept_answers.forget(entry)
    else:
        store.kept_answers.keep(entry, answer)


def _digest(request: Request, body: bytes) -> bytes:
    """Of all that a request asks for. Forms are cut at a boundary that each sending makes up anew."""
    kind = request.headers.get("content-type", "")
    boundary = re.search('boundary="?([^";,]+)', kind)
    if boundary is not None:
        body = body.replace(boundary[1].encode("latin-1"), b"")
    asked = f"{request.method} {request.scope['path']}?{request.url.query}\n".encode()
    return hashlib.sha256(asked + body).digest()


def _received(body: bytes) -> Receive:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


class _Recorded:
    """Sends an answer on and remembers it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._is_whole = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = Headers(raw=message["headers"])
            self._headers = {name: text for name, text in headers.items() if name in _KEPT_HEADERS}
        elif message["type"] == "http.response.body" and len(self._body) <= _MOST_KEPT:
            self._body += message.get("body", b"")
            self._is_whole = not message.get("more_body", False)
        await self._send(message)

    def answer(self) -> KeptAnswer | None:
        """The answer; None of what failed or was refused: it did nothing and may be sent again, corrected."""
        if not self._is_whole or not 200 <= self._status < 300 or len(self._body) > _MOST_KEPT:
            return None
        head = orjson.dumps({"status": self._status, "headers": self._headers}).decode()
        return KeptAnswer(head, bytes(self._body))


async def _replay(answer: KeptAnswer, send: Send) -> None:
    head = orjson.loads(answer.head)
    headers = head["headers"] | {REPLAYED: "true", "content-length": str(len(answer.body))}
    raw = [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]
    await send({"type": "http.response.start", "status": head["status"], "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})
