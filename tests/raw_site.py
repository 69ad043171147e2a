"""A server that sends any bytes it is given, on the loopback interface, while a `with` block lasts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What follows a request, or who writes it; then the connection is closed."""


@dataclass
class RawSite:
    """``requested`` are the paths asked for, ``heads`` whole requests, ``sent`` what a reply counted."""

    url: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    sent: int = 0
    serving: set[object] = field(default_factory=set)
    """Tasks, which an event loop alone would forget."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self.serving.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            writer.transport.abort()
            self.serving.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split(" ")[1].partition("?")[0]
        self.requested.append(path)
        self.heads.append(head)
        reply = self.replies.get(path, self.replies.get("*", b""))
        if isinstance(reply, bytes):
            writer.write(reply)
            await writer.drain()
        else:
            await reply(writer)
        writer.write_eof()
        await reader.read()


def answered(body: bytes, headers: bytes = b"", *, status: bytes = b"200 OK") -> bytes:
    """A whole answer. ``headers`` have their line ends; a page unless they say otherwise."""
    kind = b"" if b"content-type" in headers.lower() else b"Content-Type: text/html\r\n"
    length = b"" if b"content-length" in headers.lower() else b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 %s\r\n%s%s%sConnection: close\r\n\r\n%s" % (status, kind, length, headers, body)


@contextmanager
def raw_site(replies: Mapping[str, Reply]) -> Iterator[RawSite]:
    """Serve ``replies`` by path, ``*`` for any other; without one the connection is closed."""
    site = RawSite(replies=dict(replies))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(site.serve, "127.0.0.1", 0), loop)
    server = starting.result(10)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def end() -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        yield site
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
