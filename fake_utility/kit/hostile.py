"""Makes a portal's answers hostile while that is on: its pages, and the documents that it hands out."""

from collections.abc import AsyncIterator, Iterable
from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meterfarm.fake_utility.kit.counters import UNCOUNTED
from meterfarm.fake_utility.kit.hostile_documents import LARGE, OUTSIDE, gzip_bomb, large, outside, zip_bomb
from meterfarm.fake_utility.kit.hostile_pages import PAID, with_calls, with_pay_buttons
from meterfarm.fake_utility.kit.hostility import Handed, Hostility

_JSON = "application/json"
_HANDED: ContextVar[list[Handed] | None] = ContextVar("handed out", default=None)


def handed_out(what: Handed) -> None:
    """The answer that is being made hands out such a document."""
    if (handed := _HANDED.get()) is not None:
        handed.append(what)


class HostileSwitch:
    """Holds what is on. `paid`: how often a pay button was pressed."""

    def __init__(self) -> None:
        self.on = Hostility()
        self.paid = 0


class Hostile:
    """ASGI middleware: answers become hostile as far as that is on."""

    def __init__(self, app: ASGIApp, switch: HostileSwitch) -> None:
        self._app = app
        self._switch = switch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or not self._switch.on.is_on or scope["path"] in UNCOUNTED:
            await self._app(scope, receive, send)
        elif scope["path"] == PAID:
            self._switch.paid += 1
            await Response("Thank you for your payment.\n")(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin: list[Message] = []
        body: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                begin.append(message)
            else:
                body.append(message.get("body", b""))

        handed: list[Handed] = []
        before = _HANDED.set(handed)
        try:
            await self._app(scope, receive, keep)
        finally:
            _HANDED.reset(before)
        true = Response(b"".join(body), begin[0]["status"])
        true.raw_headers = list(begin[0]["headers"])
        await self._made(true, handed)(scope, receive, send)

    def _made(self, true: Response, handed: list[Handed]) -> Response:
        """The answer instead of the true one."""
        on, content = self._switch.on, bytes(true.body)
        media_type = true.headers.get("content-type", "").partition(";")[0]
        if handed:
            made = self._document(true, media_type, on.trick(handed[0]))
            if on.names:
                made.headers["content-disposition"] = f'attachment; filename="{OUTSIDE}-{handed[0]}"'
            return made
        if media_type == "text/html":
            if on.pages:
                content = with_calls(content, on.foreign)
            if on.pay:
                content = with_pay_buttons(content)
            return _like(true, content, without=("content-security-policy",))
        return true

    def _document(self, true: Response, media_type: str, trick: str) -> Response:
        match trick:
            case "elsewhere":
                return RedirectResponse(f"http://{self._switch.on.foreign}/document", 302)
            case "large" | "endless":
                made: Response = StreamingResponse(_pieces(large(media_type)))
                made.raw_headers = _headers(true, ("content-length",))
                if trick == "large":
                    made.headers["content-length"] = str(LARGE)
                return made
            case "bomb" if media_type == _JSON:
                made = _like(true, gzip_bomb())
                made.headers["content-encoding"] = "gzip"
                return made
            case "bomb":
                return _like(true, zip_bomb())
            case "outside" if media_type != _JSON:
                return _like(true, outside(bytes(true.body), _name(media_type)))
            case _:
                return true


def _name(media_type: str) -> str:
    return f"usage.{media_type.rpartition('/')[2]}"


def _like(true: Response, content: bytes, without: tuple[str, ...] = ()) -> Response:
    """With the true answer's status and headers, but for its size and those."""
    made = Response(content, true.status_code)
    made.raw_headers = [*_headers(true, ("content-length", *without)), *made.raw_headers]
    return made


def _headers(true: Response, without: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    headers = MutableHeaders(raw=list(true.raw_headers))
    for name in without:
        del headers[name]
    return headers.raw


async def _pieces(given: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece
