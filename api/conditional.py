"""ETag and If-None-Match: whoever has an answer already gets 304 while nothing has changed."""

from __future__ import annotations

import hashlib
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LINKS = re.compile(rb'"(?:onboarding_link|onboarding_token|file_url)":"[^"]*"')
"""What differs at each answer though nothing has changed: links that are good for a while."""
_FRESH = ((b'"file_url":"', 300), (b'"onboarding_token":"', 86_400))
"""Seconds for which a kept answer with such a link counts as unchanged. The link is good for longer."""
_ASKED = re.compile(r'"[^"]*"|\*')


class Conditional:
    """Gives each whole JSON answer to a GET a weak ETag. Streams have none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        asked = _ASKED.findall(Headers(scope=scope).get("if-none-match", ""))
        begun: list[Message] = []

        async def send_tagged(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_whole_json(message):
                begun.append(message)
                return
            if not begun:
                await send(message)
                return
            start = begun.pop()
            headers = MutableHeaders(scope=start)
            tag = _tag(message.get("body", b""))
            headers["ETag"] = f"W/{tag}"
            if tag in asked or "*" in asked:
                start["status"] = 304
                del headers["content-length"], headers["content-type"]
                message = {"type": "http.response.body", "body": b""}
            await send(start)
            await send(message)

        await self._app(scope, receive, send_tagged)


def _is_whole_json(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    kind = headers.get("content-type", "")
    return start["status"] == 200 and kind.startswith("application/json") and "content-length" in headers


def _tag(body: bytes) -> str:
    digest = hashlib.blake2b(_LINKS.sub(b"", body), digest_size=12)
    for mark, seconds in _FRESH:
        if mark in body:
            digest.update(str(int(time.time() // seconds)).encode())
            break
    return f'"{digest.hexdigest()}"'
