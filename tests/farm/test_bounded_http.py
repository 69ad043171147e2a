"""Who is slow, sends too much or holds many connections is cut off; who asks meanwhile is answered."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from meterfarm.farm.bounded_http import BoundedServer, HttpLimits, ThrottledLog

LIMITS = HttpLimits(
    head=0.4,
    whole=0.5,
    answer=0.6,
    idle=0.3,
    linger=0.2,
    connections=40,
    each=30,
    requests=5,
    head_bytes=4096,
)
PATIENT = replace(LIMITS, head=60, whole=60, answer=60, idle=60, linger=60)
"""Nothing is late, however slow the machine."""
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Line]]
_LONGEST = 1000
_LARGE = 3_000_000


async def _echo(request: Request) -> Response:
    said = request.headers.get("content-length", "0")
    if int(said) > _LONGEST:
        return PlainTextResponse("too long", 413)
    body = b""
    with suppress(ClientDisconnect):
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LONGEST:
                return PlainTextResponse("too long", 413)
    if request.url.path == "/large":
        return PlainTextResponse("x" * _LARGE)
    if request.url.path == "/fails":
        raise RuntimeError("canary")
    return PlainTextResponse(f"{len(body)}\n")


class Running:
    def __init__(self, port: int) -> None:
        self.port = port
        self._lines: list[Line] = []

    async def connect(self, some: bytes = b"") -> Line:
        line = await asyncio.open_connection("127.0.0.1", self.port)
        self._lines.append(line)
        line[1].write(some)
        return line

    async def answer(self, some: bytes = GET) -> bytes:
        """The first of the answer to a request of its own connection, at most 200 bytes."""
        reader, _ = await self.connect(some)
        return await asyncio.wait_for(reader.read(200), 5)

    async def close(self) -> None:
        for _, writer in self._lines:
            writer.transport.abort()


@pytest.fixture
def limits(request: pytest.FixtureRequest) -> HttpLimits:
    chosen: HttpLimits = getattr(request, "param", LIMITS)
    return chosen


@pytest.fixture
async def server(limits: HttpLimits) -> AsyncIterator[Running]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        bounded = BoundedServer(
            Starlette(routes=[Route("/{p:path}", _echo, methods=["GET", "POST"])]), "t", limits
        )
        serving = asyncio.create_task(bounded.serve([listener]))
        running = Running(listener.getsockname()[1])
        assert (await running.answer()).startswith(b"HTTP/1.1 200")
        yield running
        await running.close()
        bounded.should_exit = True
        await asyncio.wait_for(serving, 5)


async def _end(line: Line) -> tuple[bytes, float]:
    """All that still comes until the server ends the connection, and after how long."""
    began, said = time.monotonic(), b""
    with suppress(ConnectionError):
        while some := await asyncio.wait_for(line[0].read(65536), 5):
            said += some
    return said, time.monotonic() - began


async def _dripped(line: Line, what: bytes) -> tuple[bytes, float]:
    """The same, while a byte is sent now and then."""

    async def drip() -> None:
        with suppress(ConnectionError):
            for number in range(len(what)):
                line[1].write(what[number : number + 1])
                await line[1].drain()
                await asyncio.wait({end}, timeout=0.02)

    end = asyncio.create_task(_end(line))
    await asyncio.gather(end, drip())
    return end.result()


async def test_a_request_that_never_comes_whole_is_ended_in_its_time(server: Running) -> None:
    """Silence, half a head, a head that drips, half a body, a body that drips; one with a chunk too few."""
    post = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n"
    chunked = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"
    slow = [
        _end(await server.connect()),
        _end(await server.connect(GET[:-2])),
        _dripped(await server.connect(), GET[:-2] + b"a: b\r\n" * 200),
        _end(await server.connect(post + b"x" * 10)),
        _dripped(await server.connect(post), b"x" * 899),
        _dripped(await server.connect(chunked), b"1\r\nx\r\n" * 200),
    ]
    for said, seconds in await asyncio.gather(*slow):
        assert said.startswith(b"HTTP/1.1 408")
        assert 0.3 < seconds < 3


async def test_a_connection_that_asks_nothing_more_is_closed(server: Running) -> None:
    line = await server.connect(GET + GET)
    said, seconds = await _end(line)
    assert said.count(b"HTTP/1.1 200") == 2
    assert b"408" not in said
    assert seconds < 3
    said, _ = await _end(await server.connect(GET * 20))
    assert said.count(b"HTTP/1.1 200") == LIMITS.requests


async def test_who_does_not_take_the_answer_is_cut_off(server: Running) -> None:
    reader, writer = await server.connect(GET.replace(b"/ ", b"/large ") * 5)
    reader._transport.pause_reading()  # type: ignore[attr-defined] # or asyncio would read it for us
    await asyncio.wait_for(writer.wait_closed() if writer.is_closing() else _cut(server, writer), 5)


async def _cut(server: Running, writer: asyncio.StreamWriter) -> None:
    """Until a byte that is sent is refused."""
    with suppress(ConnectionError):
        while True:
            writer.write(b"x")
            await writer.drain()
            await server.answer()


async def test_a_body_that_is_too_long_is_not_read(server: Running) -> None:
    """By its length or as it comes; the answer arrives all the same, and the rest is left where it is."""
    length = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n"
    chunked = (
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"400\r\n"
        + b"x" * 1024
        + b"\r\n"
    )
    for head in (length, chunked):
        reader, writer = await server.connect(head)
        assert (await asyncio.wait_for(reader.read(200), 5)).startswith(b"HTTP/1.1 413")
        taken = 0
        with suppress(ConnectionError):
            while taken < 50_000_000:
                writer.write(b"x" * 65536)
                await asyncio.wait_for(writer.drain(), 5)
                taken += 65536
        assert taken < 20_000_000, "the kernel's buffers and no more"


@pytest.mark.parametrize("half", [GET[:-2], b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\nx"])
async def test_half_a_request_leaves_room_for_who_asks(server: Running, half: bytes) -> None:
    """Also where its head is there and its body does not come."""
    for _ in range(5):
        for _ in range(50):
            await server.connect(half)
        began = time.monotonic()
        assert (await server.answer()).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - began < 1


@pytest.mark.parametrize("limits", [PATIENT], indirect=True)
async def test_what_anybody_can_cause_is_counted_and_not_logged_each_time(server: Running) -> None:
    """Too many connections at once, nonsense, a request that fails, one for another protocol."""
    with capture_logs() as logs:
        for _ in range(100):
            await server.connect()
        for _ in range(50):
            assert (await server.answer(b"nonsense\x00\r\n\r\n")).startswith(b"HTTP/1.1 400")
            assert (await server.answer(b"GET /fails HTTP/1.1\r\nhost: x\r\n\r\n")).startswith(
                b"HTTP/1.1 500"
            )
            await server.answer(
                GET.replace(b"\r\n\r\n", b"\r\nconnection: upgrade\r\nupgrade: canary\r\n\r\n")
            )
    once = ["connection.closed", "request.failed", "request.refused"]
    assert sorted(line["event"] for line in logs) == once, "it keeps 30 connections of an address"
    assert "canary" not in repr(logs)


async def test_the_count_is_told_after_a_while_and_then_again_once_it_happens() -> None:
    told: list[dict[str, Any]] = []
    heard = asyncio.Event()

    class Log:
        def warning(self, event: str, **more: object) -> None:
            told.append({"event": event, **more})
            heard.set()

    seldom = ThrottledLog(Log(), 0.05)
    for _ in range(1000):
        seldom.warning("request.refused", reason="a")
    heard.clear()
    await asyncio.wait_for(heard.wait(), 5)
    assert told == [
        {"event": "request.refused", "reason": "a"},
        {"event": "request.refused", "reason": "a", "times": 999, "seconds": 0},
    ]


async def test_a_head_that_is_too_long_is_refused(server: Running) -> None:
    assert (await server.answer(GET[:-2] + b"a: " + b"b" * 10_000)).startswith(b"HTTP/1.1 400")


async def test_it_ends_at_once_when_it_is_told_to_whoever_is_connected(server: Running) -> None:
    """The fixture waits for that no longer than five seconds."""
    for some in (b"", GET[:-2], GET, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n"):
        await server.connect(some)
