"""Files among the answers that a page gets: their bytes are taken as they come, before the browser has them.

A browser shows a PDF in a viewer of its own, that gives nobody its bytes, or downloads it, however large.
So the answer is taken between the network and the page (Chrome DevTools Protocol, domain ``Fetch``): of a
navigation the page gets nothing, what its script has fetched it gets as it came.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import CDPSession
from playwright.async_api import Error as PlaywrightError

from meterfarm.records import Document
from meterfarm.scrapers.http.body import Limit, TooLarge
from meterfarm.scrapers.http.response import HttpResponse

_PIECE = 1024 * 1024
_NO_DOCUMENTS = re.compile(r"html|javascript|json|css|wasm|^(image|audio|video|font)/|^$")
_FETCHED = re.compile(r"pdf|zip|octet-stream|csv|excel|spreadsheet")
_REFUSED = 400
_KINDS = ("Document", "XHR", "Fetch")

Took = Callable[[Document, bool], None]
"""Takes a file and whether it came instead of a page; else a page's script has fetched it."""


class AnswersTaken:
    """Those that one page gets. ``refused`` has what was answered with an error instead: status and path."""

    def __init__(self, session: CDPSession, limit: Limit, allows: Callable[[str], bool], took: Took) -> None:
        self.refused: tuple[int, str] | None = None
        self._session = session
        self._limit = limit
        self._allows = allows
        self._took = took

    async def start(self, spawn: Callable[[Awaitable[None]], None]) -> None:
        """From now on; ``spawn`` runs what is done with each answer, and may be left to raise TooLarge."""
        self._session.on("Fetch.requestPaused", lambda event: spawn(self._paused(event)))
        patterns = [{"resourceType": kind, "requestStage": "Response"} for kind in _KINDS]
        await self._session.send("Fetch.enable", {"patterns": patterns})

    async def _paused(self, event: dict[str, Any]) -> None:
        try:
            await self._answered(event)
        except PlaywrightError:
            return  # the page has gone, or has given its request up

    async def _answered(self, event: dict[str, Any]) -> None:
        url, request = event["request"]["url"], {"requestId": event["requestId"]}
        status = event.get("responseStatusCode")
        headers = {each["name"].lower(): each["value"] for each in event.get("responseHeaders", ())}
        is_document = event["resourceType"] == "Document"
        if status is not None and status >= _REFUSED and is_document:
            self.refused = status, urlsplit(url).path
        is_file = _is_file(headers, is_document=is_document) and self._allows(url)
        if status is None or not 200 <= status < 300 or not is_file:
            await self._session.send("Fetch.continueRequest", request)
            return
        try:
            content = await self._body(request, headers)
        except TooLarge:
            await self._session.send("Fetch.failRequest", {**request, "errorReason": "Aborted"})
            raise
        with suppress(PlaywrightError):  # who asked may have gone; the file is there
            if is_document:
                await self._session.send("Fetch.failRequest", {**request, "errorReason": "Aborted"})
            else:
                await self._session.send("Fetch.fulfillRequest", _as_it_came(event, content))
        self._took(HttpResponse(url, status, headers, content).document(), is_document)

    async def _body(self, request: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
        announced = headers.get("content-length", "")
        if announced.isdecimal():
            self._limit.must_hold_announced(int(announced))
        taken = await self._session.send("Fetch.takeResponseBodyAsStream", dict(request))
        whole = io.BytesIO()
        while True:
            piece = await self._session.send("IO.read", {"handle": taken["stream"], "size": _PIECE})
            data = piece["data"]
            whole.write(base64.b64decode(data) if piece.get("base64Encoded") else data.encode())
            self._limit.must_hold(whole.tell())
            if piece["eof"]:
                await self._session.send("IO.close", {"handle": taken["stream"]})
                return whole.getvalue()


def _is_file(headers: Mapping[str, str], *, is_document: bool) -> bool:
    if headers.get("content-disposition", "").strip().lower().startswith("attachment"):
        return True
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return not _NO_DOCUMENTS.search(media_type) if is_document else bool(_FETCHED.search(media_type))


def _as_it_came(event: dict[str, Any], content: bytes) -> dict[str, Any]:
    """The same answer for the page's script; it is unpacked already."""
    packed = {"content-encoding", "content-length", "transfer-encoding"}
    return {
        "requestId": event["requestId"],
        "responseCode": event["responseStatusCode"],
        "responseHeaders": [one for one in event["responseHeaders"] if one["name"].lower() not in packed],
        "body": base64.b64encode(content).decode(),
    }
