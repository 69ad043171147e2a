"""Real receivers of webhooks on this machine, which answer as a test has them answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from meterfarm.records import EventKind
from meterfarm.storage.customers import Customer, Event
from meterfarm.storage.runs import events
from meterfarm.storage.store import CompanyStore

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Got:
    """One request as it came in."""

    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return str(json.loads(self.body)["key"])


@dataclass
class Receiver:
    """``behaves`` answers; ``got`` is all that came, ``accepted`` what was answered with 200."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    accepted: list[Got] = field(default_factory=list)
    behaves: Behaviour | None = None
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def has_accepted(self, count: int) -> None:
        """Wait for so many."""
        while len(self.accepted) < count:
            self._more.clear()
            await self._more.wait()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        got = Got({name.lower(): value for name, value in request.headers.items()}, await request.read())
        self.got.append(got)
        if self.behaves is not None:
            return await self.behaves(request)
        self.accepted.append(got)
        self._more.set()
        return web.Response(text="ok")


@asynccontextmanager
async def receiving(port: int = 0, address: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    """A receiver that accepts all until it is given another behaviour."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, address, port)
    await site.start()
    receiver.url = f"http://{address}:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def fails(request: web.Request) -> web.StreamResponse:
    return web.Response(status=500, text="we are\nbroken \x1b[31m")


async def hangs(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("it waits for ever")


async def redirects(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"location": "/elsewhere"})


async def says_gone(request: web.Request) -> web.StreamResponse:
    return web.Response(status=410)


async def asks_for_rest(request: web.Request) -> web.StreamResponse:
    return web.Response(status=429, headers={"retry-after": "1800"})


async def drips(request: web.Request) -> web.StreamResponse:
    """200, and then a body that never ends."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"x" * 500)
    await asyncio.Event().wait()
    return response


def publish(store: CompanyStore, customer: Customer, *keys: str) -> None:
    """Events as they stand in the outbox, each of a key."""
    with store.farm._farm.database.writing() as session:
        for key in keys:
            events.publish(session, customer.id, EventKind.NEW_BILL, key, {"id": 1})


def key_only(store: CompanyStore, event: Event) -> bytes:
    return json.dumps({"key": event.key}).encode()
