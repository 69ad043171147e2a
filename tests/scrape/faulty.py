"""A portal whose documents come broken: a real server before the fake utility that changes some answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Spoil = Callable[[str, bytes], bytes | None]
"""Given a request's path with its query and the true answer's body, the body to send instead, or None."""


@contextmanager
def spoiled(portal_url: str, spoil: Spoil) -> Iterator[str]:
    """The address of a portal that answers as ``portal_url`` does, but for what ``spoil`` changes."""
    client = httpx.AsyncClient(base_url=portal_url, follow_redirects=False)

    async def answer(request: Request) -> Response:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        kept = {"cookie", "content-type", "origin", "referer"}
        headers = [(name, value) for name, value in request.headers.items() if name in kept]
        true = await client.request(request.method, path, headers=headers, content=await request.body())
        changed = spoil(path, true.content)
        response = Response(true.content if changed is None else changed, true.status_code)
        dropped = {"content-length", "content-encoding", "transfer-encoding", "connection", "date", "server"}
        response.raw_headers = [
            (name.lower(), value.replace(portal_url.encode(), b""))
            for name, value in true.headers.raw
            if name.decode().lower() not in dropped
        ] + [(b"content-length", str(len(response.body)).encode())]
        return response

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        started = threading.Event()
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=_serve, args=(server, listener, started))
        thread.start()
        started.wait(10)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def _serve(server: uvicorn.Server, listener: socket.socket, started: threading.Event) -> None:
    listener.listen()
    started.set()
    server.run(sockets=[listener])
