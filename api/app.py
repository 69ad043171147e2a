"""The API as an ASGI app: its routers, its documentation, what it says of its own health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from meterfarm.api import (
    changes,
    connections,
    coverage,
    customers,
    errors,
    intervals,
    onboarding,
    utilities,
)
from meterfarm.api.auth import authenticate
from meterfarm.api.context import ApiContext
from meterfarm.api.edge import Arrivals, EdgeGuard
from meterfarm.api.references import SegmentsKept
from meterfarm.storage import StorageError

BASE = "/api/v2"
_ROUTERS: tuple[APIRouter, ...] = (
    customers.router,
    intervals.router,
    coverage.router,
    changes.router,
    utilities.router,
    connections.router,
)
"""The resources below ``BASE``, one module each."""


def create_app(context: ApiContext) -> FastAPI:
    """The app of this context; ``app.state.context`` has it."""
    app = FastAPIOffline(
        title="Meterfarm",
        version="2.0",
        description="Bills and intervals of electricity and gas customers. Compatible with Bayou's API v2.",
        redoc_url=None,
    )
    app.state.context = context
    for router in _ROUTERS:
        app.include_router(router, prefix=BASE)
    app.include_router(onboarding.router)
    app.add_api_route("/healthz", _healthz, include_in_schema=False)
    app.add_api_route("/readyz", _readyz, include_in_schema=False)
    errors.install(app)
    app.middleware("http")(_known_first)
    app.add_middleware(SegmentsKept)
    app.add_middleware(EdgeGuard, public_url=context.public_url)
    app.add_middleware(Arrivals, proxies=context.settings.proxies)
    return app


async def _known_first(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Whoever has no key is not let know which paths there are."""
    response = await call_next(request)
    is_nowhere = response.status_code in (404, 405) and request.url.path.startswith("/api/")
    if is_nowhere and not hasattr(request.state, "company"):
        try:
            await run_in_threadpool(authenticate, request)
        except errors.ApiError as error:
            return error.response(request.app.state.context.public_url)
    return response


async def _healthz() -> Response:
    """This process serves."""
    return PlainTextResponse("ok\n")


def _readyz(request: Request) -> Response:
    """What is needed to answer is there: the database."""
    context: ApiContext = request.app.state.context
    try:
        context.store.companies.list()
    except StorageError as exc:
        return JSONResponse({"ready": False, "database": str(exc)}, 503)
    return JSONResponse({"ready": True, "database": "ok"})
