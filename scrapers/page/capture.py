"""The file that a press hands over, however it does: as a download, in a window, in a viewer, to a script."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from playwright.async_api import CDPSession, Download, Frame, Page, Request, Route
from playwright.async_api import Error as PlaywrightError

from meterfarm.records import Document
from meterfarm.scrapers.http.body import Limit, TooLarge
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.scrapers.page import kept_blobs
from meterfarm.scrapers.page.taken_answers import AnswersTaken
from meterfarm.scrapers.page.window import PageWindow
from meterfarm.support.foreign_text import file_name

_ATTACH_SECONDS = 10.0
_BLANK = "<!doctype html><title></title>"
_FORM = "application/x-www-form-urlencoded"
_POST = """([address, fields]) => {
  const form = document.createElement("form");
  form.method = "post"; form.action = address;
  for (const [name, value] of fields) {
    const field = form.appendChild(document.createElement("input"));
    field.type = "hidden"; field.name = name; field.value = value;
  }
  document.body.append(form);
  HTMLFormElement.prototype.submit.call(form);
}"""
_EMBEDDED = """() => [...document.querySelectorAll("embed[src], object[data], iframe[src]")].slice(-20)
  .filter(part => part.localName !== "iframe" || /^(data|blob):/.test(part.src))
  .filter(part => /pdf/i.test(part.type || "") || /^(data|blob):|[.]pdf([?#]|$)/i.test(part.src || part.data))
  .map(part => part.src || part.data)"""
_IN_A_FRAME = """address => {
  const frame = document.createElement("iframe");
  frame.style.display = "none"; frame.src = address;
  document.body.append(frame);
}"""


class HandOver:
    """Watches a page and the windows that it opens for a file. Use ``async with``, around the press.

    ``file`` is a future: the file once one is handed over, or why it cannot be had. ``fetched`` are files
    that only a script of the page has got so far. ``last`` is when anything happened.
    """

    def __init__(self, window: PageWindow, limit: Limit, scratch: Path) -> None:
        self.file: asyncio.Future[Document] = asyncio.get_running_loop().create_future()
        self.fetched: list[Document] = []
        self.answers: list[AnswersTaken] = []
        self.last = window.rules.clock.now()
        self._window = window
        self._rules = window.rules
        self._limit = limit
        self._scratch = scratch
        self._context = window.page.context
        self._pages: list[Page] = []
        self._sessions: list[CDPSession] = []
        self._before: set[str] = set()
        self._unwatched: set[Page] = set()
        self._held: dict[Page | str, Request] = {}
        self._attaching: set[asyncio.Task[Any]] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> HandOver:
        await self._attach(self._window.page)
        self._before = {address for frame in self._frames() for address in await self._embeds(frame)}
        self._window.takes_download = self._downloads
        self._context.on("page", self._opens)
        await self._context.route("**/*", self._hold)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._window.takes_download = None
        self._context.remove_listener("page", self._opens)
        tasks = {*self._tasks, *self._attaching}
        for task in tasks:
            task.cancel()
        if not self.file.done():
            self.file.cancel()
        elif not self.file.cancelled():
            self.file.exception()  # whoever waited has it
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(self._rules.clock.timeouts.aside):
                if tasks:
                    await asyncio.wait(tasks)
                await self._context.unroute("**/*", self._hold)
                await kept_blobs.leave(self._window.page.frames)
                for page in self.windows:
                    await page.close()
                self._window.page.remove_listener("framenavigated", self._shows)
                for session in self._sessions:
                    with suppress(PlaywrightError):  # that of a window has gone with it
                        await session.detach()

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being taken, or a download kept."""
        return bool(self._tasks or self._attaching)

    @property
    def windows(self) -> Sequence[Page]:
        """Those that were opened meanwhile."""
        return [page for page in self._pages if page is not self._window.page]

    async def look_closer(self) -> None:
        """For what is handed over without a sign: what a script has made, and what the page embeds since."""
        for address in await kept_blobs.files_in(self._frames()):
            await self._take_blob(address, "", self.fetched.append)
        for frame in self._frames():
            for address in await self._embeds(frame):
                if address not in self._before:
                    self._before.add(address)
                    await self._embedded(frame, address)

    async def _embeds(self, frame: Frame) -> Sequence[str]:
        return [str(address) for address in await kept_blobs.ask(frame, _EMBEDDED) or ()]

    async def _embedded(self, frame: Frame, address: str) -> None:
        """A browser without a viewer does not even ask for it; in a frame, it does."""
        if address.startswith("blob:"):
            await self._take_blob(address, "", self._hand_over)
        elif address.startswith("data:"):
            self._hand_over(self._inline(address, ""))
        elif self._rules.allows(address):
            await kept_blobs.ask(frame, _IN_A_FRAME, address)
            self.last = self._rules.clock.now()

    def _hand_over(self, document: Document) -> None:
        self.last = self._rules.clock.now()
        if not self.file.done():
            self.file.set_result(document)

    def fail(self, reason: str) -> None:
        """It cannot be had."""
        if not self.file.done():
            self.file.set_exception(ItemFailed(f"{self._rules.portal} {reason}."))

    def _took(self, document: Document, is_document: bool) -> None:
        self.last = self._rules.clock.now()
        if is_document:
            self._hand_over(document)
        else:
            self.fetched.append(document)

    def _spawn(self, work: Awaitable[object]) -> None:
        self.last = self._rules.clock.now()
        task = asyncio.ensure_future(self._bounded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _bounded(self, work: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(self._limit.seconds):
                await work
        except TooLarge as exc:
            self.fail(f"sends too much ({exc})")
        except TimeoutError:
            self.fail("did not send all in time")
        except PlaywrightError as exc:
            self._rules.note("hand_over.lost", reason=str(exc).partition("\n")[0])
        finally:
            self.last = self._rules.clock.now()

    # Pages and windows

    async def _attach(self, page: Page) -> None:
        session = await self._context.new_cdp_session(page)
        self._pages.append(page)
        page.on("framenavigated", self._shows)
        session.on("Page.downloadProgress", self._grows)
        await session.send("Page.enable")
        await self._watch_answers(session)
        for frame in page.frames[1:]:
            with suppress(PlaywrightError):  # most live in the process of their page, and are seen there
                await self._watch_answers(await self._context.new_cdp_session(frame))
        await kept_blobs.keep_in(page.frames)

    async def _watch_answers(self, session: CDPSession) -> None:
        self._sessions.append(session)
        await session.send("Page.addScriptToEvaluateOnNewDocument", {"source": kept_blobs.KEEP})
        answers = AnswersTaken(session, self._limit, self._rules.allows, self._took)
        self.answers.append(answers)
        await answers.start(self._spawn)

    def _opens(self, page: Page) -> None:
        self.last = self._rules.clock.now()
        page.on("download", self._downloads_there)
        self._unwatched.add(page)
        task = asyncio.ensure_future(self._attach_window(page))
        self._attaching.add(task)
        task.add_done_callback(self._attaching.discard)

    async def _attach_window(self, page: Page) -> None:
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(_ATTACH_SECONDS):
                await self._attach(page)
            self._shows(page.main_frame)
        self._unwatched.discard(page)
        if request := self._held.pop(page, None) or self._held.pop(page.url, None):
            self._spawn(self._ask_again(page, request))

    async def _hold(self, route: Route) -> None:
        """A window's first request is asked again once the window is watched: its answer may be the file.

        To have it wait until then would be no use: a window is not watched while its request waits.
        """
        request = route.request
        if request.is_navigation_request() and self._rules.allows(request.url):
            page = _page_of(request)
            if (page is None or page in self._unwatched) and _can_be_asked_again(request):
                self._held[page or request.url] = request
                with suppress(PlaywrightError):
                    await route.fulfill(body=_BLANK, content_type="text/html")
                return
            if self._attaching:
                await asyncio.wait(self._attaching, timeout=_ATTACH_SECONDS)
        with suppress(PlaywrightError):
            await route.fallback()

    async def _ask_again(self, page: Page, request: Request) -> None:
        with suppress(PlaywrightError):
            if request.method == "GET":
                referer = request.headers.get("referer", "")
                await page.goto(request.url, referer=referer, wait_until="commit")
            else:
                fields = parse_qsl(request.post_data or "", keep_blank_values=True)
                await kept_blobs.ask(page.main_frame, _POST, [request.url, fields])

    def _frames(self) -> Sequence[Frame]:
        return [frame for page in self._pages if not page.is_closed() for frame in page.frames]

    def _shows(self, frame: Frame) -> None:
        """A page or a frame that shows what a script has made."""
        self.last = self._rules.clock.now()
        if frame.url.startswith("blob:"):
            self._spawn(self._take_blob(frame.url, "", self._hand_over))

    # Downloads

    def _grows(self, event: dict[str, Any]) -> None:
        self.last = self._rules.clock.now()
        size = max(event.get("receivedBytes", 0), event.get("totalBytes", 0))
        try:
            self._limit.must_hold_announced(int(size))
        except TooLarge as exc:
            self.fail(f"sends too much ({exc})")

    def _downloads_there(self, download: Download) -> None:
        self._downloads(download)

    def _downloads(self, download: Download) -> bool:
        self._spawn(self._keep(download))
        return True

    async def _keep(self, download: Download) -> None:
        address, name = download.url, file_name(download.suggested_filename)
        if name and PurePosixPath(name).stem == address.rpartition("/")[2]:
            name = ""  # of an address without a name the browser makes one
        if address.startswith("data:"):
            self._hand_over(self._inline(address, name))
            return
        if address.startswith("blob:") and await self._take_blob(address, name, self._hand_over):
            return
        target = self._scratch / f"download-{uuid.uuid4().hex}"
        try:
            saving = asyncio.ensure_future(download.save_as(target))
            either: set[asyncio.Future[Any]] = {saving, self.file}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not saving.done():
                saving.cancel()
                await download.cancel()
                return
            await saving
            self._limit.must_hold(target.stat().st_size)
            self._hand_over(Document(await asyncio.to_thread(target.read_bytes), "", name))
        except PlaywrightError:
            self.fail(f"broke off the download of {urlsplit(address).path}")
        finally:
            target.unlink(missing_ok=True)

    async def _take_blob(self, address: str, name: str, take: Callable[[Document], None]) -> bool:
        document = await kept_blobs.read(address, self._frames(), self._limit)
        if document is not None:
            take(Document(document.content, document.media_type, name))
        return document is not None

    def _inline(self, address: str, name: str) -> Document:
        head, _, data = address.partition(",")
        self._limit.must_hold_announced(len(data) * 3 // 4 if ";base64" in head else len(data))
        try:
            content = base64.b64decode(data) if ";base64" in head else unquote_to_bytes(data)
        except binascii.Error:
            content = b""
        return Document(content, re.sub(r"[;,].*", "", head.removeprefix("data:")).lower(), name)


def _page_of(request: Request) -> Page | None:
    """The page that it is of, if that is known; a new window is not yet."""
    try:
        return request.frame.page
    except PlaywrightError:
        return None


def _can_be_asked_again(request: Request) -> bool:
    """Whether it is a page's own, and nothing is lost if it is made anew."""
    with suppress(PlaywrightError):
        if request.frame.parent_frame is not None:
            return False
    kind = request.headers.get("content-type", "")
    return request.method == "GET" or (request.method == "POST" and kind.startswith(_FORM))
