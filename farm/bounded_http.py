"""Serving HTTP to whoever comes: every connection and every request has its time and its size.

uvicorn limits neither how slowly a request arrives nor how many connections an address holds. Where these are
too many, the oldest without its whole request goes first: whoever connects and asks at once is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h11
import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp


BACKLOG = 128
_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Seconds: ``head`` for the head of a request to arrive, ``whole`` from then on for its body.

    ``answer`` is for the answer to be made and taken, ``idle`` for the next request to begin, ``linger`` for
    what was answered to go out. At most ``connections`` are open, ``each`` of them by an address, which serve
    ``requests`` each. ``head_bytes`` is the longest head.
    """

    head: float = 5.0
    whole: float = 10.0
    answer: float = 20.0
    idle: float = 5.0
    linger: float = 1.0
    connections: int = 400
    each: int = 200
    requests: int = 100
    head_bytes: int = 16 * 1024


class BoundedServer(uvicorn.Server):
    """Serves an ASGI app and leaves signals to the command. ``name`` is its logger's."""

    def __init__(self, app: ASGIApp, name: str, limits: HttpLimits | None = None) -> None:
        crowd = _Crowd(limits or HttpLimits(), name)

        class Connection(_Connection):
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                self.crowd, self.logger = crowd, crowd.logger

        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                backlog=BACKLOG,
                server_header=False,
                timeout_graceful_shutdown=2,
                h11_max_incomplete_event_size=crowd.limits.head_bytes,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave them to the command."""
        yield


class _Crowd:
    """The connections of a server by address, the oldest first."""

    def __init__(self, limits: HttpLimits, name: str) -> None:
        self.limits = limits
        self.log = ThrottledLog(structlog.get_logger(name))
        self.logger = logging.getLogger(f"{name}.http")
        self.logger.handlers = [_Heard(self.log)]
        self.logger.propagate = False
        self.logger.setLevel(logging.WARNING)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = min(limits.connections, max(files // 3, 1))
        self._by_address: dict[str, dict[_Connection, None]] = {}
        self._count = 0

    def enter(self, connection: _Connection) -> None:
        ours = self._by_address.setdefault(connection.address, {})
        ours[connection] = None
        self._count += 1
        if len(ours) > self.limits.each:
            self._shed(ours, connection)
        elif self._count > self._most:
            self._shed(max(self._by_address.values(), key=len), connection)

    def leave(self, connection: _Connection) -> None:
        ours = self._by_address.get(connection.address, {})
        if connection in ours:
            del ours[connection]
            self._count -= 1
            if not ours:
                del self._by_address[connection.address]

    def _shed(self, ours: dict[_Connection, None], newest: _Connection) -> None:
        """The newest has had no time to ask yet; it goes only where all others are being answered."""
        oldest = next(
            (connection for connection in ours if connection is not newest and not connection.has_asked),
            newest,
        )
        self.log.warning("connection.closed", reason="too many are open")
        self.leave(oldest)
        oldest.end_now()


class _Heard(logging.Handler):
    """What uvicorn says of requests that it cannot read and of apps that fail."""

    def __init__(self, log: ThrottledLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0]:
            self._log.warning("request.failed", reason=f"a fault of our own ({record.exc_info[0].__name__})")
        elif record.levelno >= logging.WARNING:
            self._log.warning("request.refused", reason="what arrived is no valid HTTP request")


class _Connection(H11Protocol):
    """A timer always runs: for the head, the body, the answer, or the next request."""

    crowd: _Crowd
    address = ""
    is_asking = False
    _has_begun = True
    _is_ending = False
    _asked = 0
    _timer: asyncio.TimerHandle | None = None

    @property
    def has_asked(self) -> bool:
        """Whether a whole request is there, with its body, and not answered yet."""
        return self.is_asking and self.conn.their_state is not h11.SEND_BODY

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        _send_at_once(transport)
        self._within(self.crowd.limits.head, self._late)
        self.crowd.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.leave(self)
        self._within(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            return
        if not self._has_begun and not self.is_asking:
            self._has_begun = True
            self._within(self.crowd.limits.head, self._late)
        super().data_received(data)
        if self.has_asked:
            self._within(self.crowd.limits.answer, self.end_now)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self.is_asking = True
            self._asked += 1
            self._within(self.crowd.limits.whole, self._late)

    def on_response_complete(self) -> None:
        """The request is answered. What has not arrived of its body is not read any more."""
        self.is_asking = self._has_begun = False
        unread = self.conn.their_state is h11.SEND_BODY
        if unread or self.transport.is_closing() or self._asked >= self.crowd.limits.requests:
            self._end()
            return
        self._within(self.crowd.limits.idle, self._end)
        super().on_response_complete()
        self._unset_keepalive_if_required()

    def shutdown(self) -> None:
        if self._is_ending:
            self.end_now()
        else:
            super().shutdown()

    def end_now(self) -> None:
        self._is_ending = True
        self.transport.abort()

    def _late(self) -> None:
        """The request has not arrived in its time."""
        self.crowd.log.warning("request.refused", reason="it did not arrive in time")
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_LATE)
        self._end()

    def _end(self) -> None:
        """Let go out what was written, read nothing any more, and be gone in a moment."""
        if not self._is_ending and not self.transport.is_closing():
            self.transport.pause_reading()
            with contextlib.suppress(OSError, RuntimeError):
                self.transport.write_eof()
        self._is_ending = True
        self._within(self.crowd.limits.linger, self.end_now)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _within(self, seconds: float | None, then: Callable[[], None] = lambda: None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, then)


def _send_at_once(transport: asyncio.Transport) -> None:
    """Else a body waits some 40 ms for the other side to acknowledge the head.

    asyncio does so only for sockets that name their protocol, as those accepted by a listener may not.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


_SECONDS = 60.0
_MOST = 50


class ThrottledLog:
    """Around a logger. Of each event with a reason a line at once, and then at most one in ``seconds``.

    Reasons are ours, never what came in: more than fifty of them are kept apart from nothing.
    """

    def __init__(self, log: Any, seconds: float = _SECONDS) -> None:
        self._log = log
        self._seconds = seconds
        self._counts: dict[tuple[str, str], int] = {}

    def warning(self, event: str, *, reason: str) -> None:
        """Log a warning, or count it if the same one was logged a moment ago."""
        key = (event, reason)
        if key in self._counts:
            self._counts[key] += 1
            return
        self._log.warning(event, reason=reason)
        if len(self._counts) < _MOST:
            self._counts[key] = 0
            asyncio.get_running_loop().call_later(self._seconds, self._tell, key)

    def _tell(self, key: tuple[str, str]) -> None:
        """How often it was since; an interval without any ends the counting."""
        count = self._counts.pop(key)
        if count:
            self._log.warning(key[0], reason=key[1], times=count, seconds=round(self._seconds))
            self._counts[key] = 0
            asyncio.get_running_loop().call_later(self._seconds, self._tell, key)
