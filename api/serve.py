"""Serves the API from a socket, within limits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from meterfarm.api.app import create_app
from meterfarm.api.context import ApiContext
from meterfarm.api.metrics import ApiMetrics
from meterfarm.api.shared_limits import SharedLimits
from meterfarm.farm.bounded_http import BoundedServer, HttpLimits
from meterfarm.farm.codes.sms_receiver import SmsReceiver
from meterfarm.farm.telemetry.metrics_server import registry_served
from meterfarm.web.context import WebContext

TWILIO = "/twilio"
"""Text messages are posted here, or to any path below."""
_STOP_SECONDS = 5.0
_LIMITS = HttpLimits(whole=60.0, answer=600.0, idle=30.0, connections=800, each=400, requests=10_000)
"""An upload of 32 MiB or years of intervals take longer than a text message."""


async def serve(context: ApiContext, listener: socket.socket, metrics: str = "") -> None:
    """Answer requests until cancelled. Behind a proxy all connections come from one address.

    ``metrics`` is where they are served for Prometheus, "" for nowhere. With an auth token of Twilio's text
    messages are received, too.
    """
    each = _LIMITS.connections if context.settings.proxies else _LIMITS.each
    counted = ApiMetrics() if metrics else None
    app = create_app(context, counted)
    async with AsyncExitStack() as stack:
        if counted is not None:
            await stack.enter_async_context(registry_served(metrics, counted.registry))
        await stack.enter_async_context(_texts_received(context, app))
        await stack.enter_async_context(_meanwhile(_shared_limits(context, app).run()))
        server = BoundedServer(app, "api", replace(_LIMITS, each=each))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await asyncio.wait({serving}, timeout=_STOP_SECONDS)


def _shared_limits(context: ApiContext, app: FastAPI) -> SharedLimits:
    web: WebContext = app.state.web
    redis_url = context.settings.redis_url.get_secret_value()
    return SharedLimits(context.store, redis_url, {"api": context.limits.buckets, **web.limits.by_name()})


@asynccontextmanager
async def _texts_received(context: ApiContext, app: FastAPI) -> AsyncIterator[None]:
    tokens = [SecretStr(token) for token in context.settings.twilio_auth_tokens]
    if not tokens:
        yield
        return
    public_url = f"{context.settings.public_url}{TWILIO}" if context.settings.public_url else ""
    receiver = SmsReceiver(context.store, tokens, public_url, context.answered)
    app.mount(TWILIO, receiver.app())
    async with _meanwhile(receiver.keep_registered(f"{context.public_url}{TWILIO}")):
        yield


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=_STOP_SECONDS)
