"""Serves the API from a socket, within limits."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

from meterfarm.api.app import create_app
from meterfarm.api.context import ApiContext
from meterfarm.farm.bounded_http import BoundedServer, HttpLimits

_STOP_SECONDS = 5.0
_LIMITS = HttpLimits(whole=60.0, answer=600.0, idle=30.0, connections=800, each=400, requests=10_000)
"""An upload of 32 MiB or years of intervals take longer than a text message."""


async def serve(context: ApiContext, listener: socket.socket) -> None:
    """Answer requests until cancelled. Behind a proxy all connections come from one address."""
    each = _LIMITS.connections if context.settings.proxies else _LIMITS.each
    server = BoundedServer(create_app(context), "api", replace(_LIMITS, each=each))
    serving = asyncio.create_task(server.serve([listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=_STOP_SECONDS)
