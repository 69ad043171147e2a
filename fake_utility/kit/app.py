"""A portal as an ASGI application: its own routes, its static files and control pages, counted and struck."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from meterfarm.fake_utility.kit.controls import Controls
from meterfarm.fake_utility.kit.counters import CountRequests
from meterfarm.fake_utility.kit.drifting import Drifting
from meterfarm.fake_utility.kit.hostile import Hostile
from meterfarm.fake_utility.kit.state import PortalState
from meterfarm.fake_utility.kit.striking import Strike

CAREFUL_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; "
        "base-uri 'none'; object-src 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""Those that a careful site of one host sends with everything."""


class _WithHeaders:
    """ASGI middleware: the same headers with every answer."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._headers]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def portal_app(
    state: PortalState[Any],
    routes: Sequence[BaseRoute],
    *,
    headers: Mapping[str, str] = CAREFUL_HEADERS,
    handlers: Mapping[Any, ExceptionHandler] | None = None,
) -> Starlette:
    """`handlers`: by exception or status, as Starlette takes them. Views find the state by `state_of`."""
    app = Starlette(
        routes=[*routes, *state.static.routes(), *Controls(state).routes()],
        middleware=[
            Middleware(CountRequests, state.counters),
            Middleware(Strike, state.switch),
            Middleware(Hostile, state.hostile),
            Middleware(Drifting, state.drifts),
            Middleware(_WithHeaders, headers),
        ],
        exception_handlers=handlers,
    )
    app.state.portal = state
    return app


def state_of(request: Request) -> Any:
    """The state of the portal that serves a request; a portal's own modules know its class."""
    return request.app.state.portal
