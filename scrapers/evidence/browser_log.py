"""What a browser has to say beside what it shows: its console, and requests that failed or were refused."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.browser.listeners import listener
from meterfarm.scrapers.evidence.documents import other_html
from meterfarm.support.redact import MASK

_MOST = 200
_MOST_NOTED = 50
_MOST_CLOSED = 3
_LONGEST = 1_000
_LONGEST_BODY = 4_000
_LARGEST_BODY = 64 * 1024
_REFUSED_HERE = re.compile(r"ERR_BLOCKED_BY_CLIENT|ERR_ABORTED")
_ASKS = frozenset({"document", "fetch", "xhr"})
_NAMED = re.compile(
    r'("[^"\\]{0,60}(?:token|secret|passw|code|otp|session|jwt|auth|ticket|assertion)[^"\\]{0,60}"\s*:\s*)'
    r'"(?:[^"\\]|\\.)*"',
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[\w-]{10,}\.[\w-]+\.[\w-]*")


class BrowserLog:
    """Written down while a visit goes on, of all pages; the latest is kept. Failed requests are steps too.

    Nothing of it is scrubbed yet, and no address has its query. ``closed`` are the last windows in which
    something failed, as they were.
    """

    def __init__(self, note: Callable[..., None]) -> None:
        self.lines: deque[dict[str, object]] = deque(maxlen=_MOST)
        self.closed: deque[str] = deque(maxlen=_MOST_CLOSED)
        self._note = note
        self._noted = 0
        self._began = time.monotonic()

    def listen(self, context: BrowserContext) -> None:
        """Write down what the pages of ``context`` say from now on."""
        context.on("console", listener(self._says))
        context.on("weberror", self._breaks)
        context.on("requestfailed", listener(self._fails))
        context.on("response", listener(self._answers))

    async def closes(self, window: Page) -> None:
        """Keep what a window shows that is closed because something in it failed."""
        if html := await other_html(window.main_frame):
            self.closed.append(html)

    def _write(self, what: str, **fields: object) -> None:
        self.lines.append({"at": round(time.monotonic() - self._began, 3), "what": what, **fields})

    def _says(self, message: ConsoleMessage) -> None:
        path = urlsplit(str(message.location.get("url", ""))).path
        self._write("console", type=message.type, text=message.text[:_LONGEST], path=path[:_LONGEST])

    def _breaks(self, error: WebError) -> None:
        self._write("error", text=str(error.error)[:_LONGEST])

    def _fails(self, request: Request) -> None:
        self._met(request, failure=request.failure or "")

    def _answers(self, response: Response) -> Awaitable[None] | None:
        return self._refused(response) if response.status >= 400 else None

    async def _refused(self, response: Response) -> None:
        request = response.request
        line = self._met(request, status=response.status)
        if request.resource_type not in _ASKS or "json" not in response.headers.get("content-type", ""):
            return
        with suppress(PlaywrightError):
            if (await request.sizes())["responseBodySize"] <= _LARGEST_BODY:
                line["body"] = without_tokens((await response.text())[:_LONGEST_BODY])

    def _met(self, request: Request, **how: object) -> dict[str, object]:
        parts = urlsplit(request.url)
        where = {"method": request.method, "host": parts.netloc[:_LONGEST], "path": parts.path[:_LONGEST]}
        self._write("request", **where, **how)
        if self._noted < _MOST_NOTED and not _REFUSED_HERE.search(str(how.get("failure", ""))):
            self._noted += 1
            self._note("request.failed", **where, **how)
        return self.lines[-1]

    def text(self) -> str:
        """A JSON line for each."""
        return "".join(json.dumps(line, default=str) + "\n" for line in tuple(self.lines))


def without_tokens(text: str) -> str:
    """JSON without what its names say is secret: an answer that is refused may bring what was never used."""
    return _JWT.sub(MASK, _NAMED.sub(rf'\1"{MASK}"', text))
