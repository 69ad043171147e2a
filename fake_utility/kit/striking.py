"""Lets faults strike requests while they are on."""

import asyncio
from dataclasses import replace

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meterfarm.fake_utility.kit.counters import UNCOUNTED
from meterfarm.fake_utility.kit.faults import Faults


class Switch:
    """Holds the faults that are on. `changed` is set when others take their place."""

    def __init__(self) -> None:
        self.on = Faults()
        self.changed = asyncio.Event()

    def set(self, faults: Faults) -> None:
        """Switch faults on and off."""
        self.changed.set()
        self.on, self.changed = faults, asyncio.Event()

    def meet(self, target: str) -> Faults | None:
        """The faults, if they strike a request for this path with its query; it counts as met."""
        faults = self.on
        if faults.requests == 0 or not (faults.late(target) or faults.answer(target)):
            return None
        if faults.requests is not None:
            self.on = replace(faults, requests=faults.requests - 1) if faults.requests > 1 else Faults()
        return faults


class Strike:
    """ASGI middleware: faults strike every request that is counted."""

    def __init__(self, app: ASGIApp, switch: Switch) -> None:
        self._app = app
        self._switch = switch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or strike it with the faults that are on."""
        if scope["type"] != "http" or scope["path"] in UNCOUNTED:
            await self._app(scope, receive, send)
            return
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        target = f"{path}?{query}" if query else path
        ended = self._switch.changed
        faults = self._switch.meet(target)
        if faults and faults.late(target):
            waited = await _wait(faults.slow_seconds, ended, receive)
            if waited is None:
                return
            receive = waited
        answer = faults.answer(target) if faults else None
        await (answer or self._app)(scope, receive, send)


async def _wait(seconds: float, ended: asyncio.Event, receive: Receive) -> Receive | None:
    """Wait, or until the fault ends. What gives the request again; None if the visitor went away."""
    came: list[Message] = [await receive()]
    while came[-1].get("more_body"):
        came.append(await receive())
    if came[-1]["type"] == "http.disconnect":
        return None
    gone, over = asyncio.ensure_future(receive()), asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait({gone, over}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            return None
    finally:
        gone.cancel()
        over.cancel()

    async def again() -> Message:
        return came.pop(0) if came else await receive()

    return again
