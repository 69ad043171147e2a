"""Lets a portal's answers drift on their way out, as far as that is on."""

from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meterfarm.fake_utility.kit.counters import UNCOUNTED
from meterfarm.fake_utility.kit.drift import Drift, DriftSwitch
from meterfarm.fake_utility.kit.drift_json import drifted_json
from meterfarm.fake_utility.kit.drift_pages import SCRIPT_PATH, drifted_page, drifted_style

_SCRIPT = Path(__file__).parent / "static" / "drift.js"
_CHANGED = ("text/html", "text/css", "application/json")


class Drifting:
    """ASGI middleware: pages, style sheets and JSON of the portal are as the drift makes them."""

    def __init__(self, app: ASGIApp, switch: DriftSwitch) -> None:
        self._app = app
        self._switch = switch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        drift = self._switch.on
        if scope["type"] != "http" or drift is None or scope["path"] in UNCOUNTED:
            await self._app(scope, receive, send)
        elif scope["path"] == SCRIPT_PATH:
            await Response(_SCRIPT.read_bytes(), media_type="text/javascript")(scope, receive, send)
        else:
            await self._serve(drift, scope, receive, send)

    async def _serve(self, drift: Drift, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers of other kinds pass as they come."""
        begin: Message | None = None
        body: list[bytes] = []

        async def change(message: Message) -> None:
            nonlocal begin
            if message["type"] == "http.response.start":
                if _media_type(message) in _CHANGED:
                    begin = message
                    return
            elif begin is not None:
                body.append(message.get("body", b""))
                if message.get("more_body"):
                    return
                content = self._changed(drift, scope, _media_type(begin), b"".join(body))
                headers = MutableHeaders(raw=list(begin["headers"]))
                headers["content-length"] = str(len(content))
                await send({**begin, "headers": headers.raw})
                message = {**message, "body": content}
            await send(message)

        await self._app(scope, receive, change)

    def _changed(self, drift: Drift, scope: Scope, media_type: str, content: bytes) -> bytes:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        drift = drift.at(host, scope["path"], content)
        if not content:
            return content
        if media_type == "text/html":
            return drifted_page(drift, self._switch, content)
        if media_type == "text/css":
            return drifted_style(drift, self._switch, content)
        return drifted_json(drift, content)


def _media_type(begin: Message) -> str:
    headers = MutableHeaders(raw=list(begin["headers"]))
    return headers.get("content-type", "").partition(";")[0]
