"""A real web site on the loopback interface, served from a thread for as long as a `with` block lasts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Site:
    """``url`` has no slash at its end; ``requested`` are the paths asked for, in order."""

    url: str
    requested: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)


def listening(host: str) -> socket.socket:
    listener = socket.socket()
    listener.bind((host, 0))
    listener.listen(64)
    return listener


def counting(app: ASGIApp, site: Site) -> ASGIApp:
    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            site.requested.append(scope["path"])
            site.cookies += [value.decode() for name, value in scope["headers"] if name == b"cookie"]
        await app(scope, receive, send)

    return counted


@contextmanager
def local_site(routes: Sequence[BaseRoute], host: str = "127.0.0.1") -> Iterator[Site]:
    """Serve ``routes`` on a free port of ``host``."""
    with listening(host) as listener:
        site = Site(f"http://{host}:{listener.getsockname()[1]}")
        app = counting(Starlette(routes=routes), site)
        config = uvicorn.Config(
            app, lifespan="off", ws="none", log_level="critical", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield site
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def silent_site(host: str = "127.0.0.1") -> Iterator[str]:
    """The address of a server that takes a connection and never says a word."""
    with listening(host) as listener:
        yield f"http://{host}:{listener.getsockname()[1]}"


def closed_site() -> str:
    """An address at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"
