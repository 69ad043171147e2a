"""A portal whose documents come broken: a real server before the fake utility that changes some answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.local_site import local_site

_TLS = httpx.create_ssl_context()  # takes longer than a request
Spoil = Callable[[str, bytes], bytes | int | None]
"""Given a request's path with its query and the true answer's body: the body or status to send instead."""


@contextmanager
def spoiled(portal_url: str, spoil: Spoil) -> Iterator[str]:
    """The address of a portal that answers as ``portal_url`` does, but for what ``spoil`` changes."""

    async def answer(request: Request) -> Response:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        kept = {"cookie", "content-type", "origin", "referer"}
        headers = [(name, value) for name, value in request.headers.items() if name in kept]
        async with httpx.AsyncClient(base_url=portal_url, verify=_TLS) as client:
            true = await client.request(request.method, path, headers=headers, content=await request.body())
        changed = spoil(path, true.content)
        if isinstance(changed, int):
            return PlainTextResponse("An error has occurred.", changed)
        response = Response(true.content if changed is None else changed, true.status_code)
        dropped = {"content-length", "content-encoding", "transfer-encoding", "connection", "date", "server"}
        response.raw_headers = [
            (name.lower(), value.replace(portal_url.encode(), b""))
            for name, value in true.headers.raw
            if name.decode().lower() not in dropped
        ] + [(b"content-length", str(len(response.body)).encode())]
        return response

    with local_site([Route("/{path:path}", answer, methods=["GET", "POST"])]) as site:
        yield site.url
