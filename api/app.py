"""The API as an ASGI app: its routers, its documentation, what it says of its own health."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from fastapi_offline import FastAPIOffline
from starlette.responses import JSONResponse, PlainTextResponse, Response

from meterfarm.api import (
    bill_checks,
    bill_files,
    bill_uploads,
    bills,
    changes,
    connections,
    coverage,
    customers,
    error_pages,
    events,
    intervals,
    layers,
    testing,
    utilities,
    webhooks,
)
from meterfarm.api.context import ApiContext
from meterfarm.api.edge import Arrivals, EdgeGuard
from meterfarm.api.metrics import ApiMetrics, MeasuredRequests
from meterfarm.api.openapi import describe, operation_id
from meterfarm.api.references import SegmentsKept
from meterfarm.api.unread import UnreadBodies
from meterfarm.storage import StorageError
from meterfarm.web import site as web
from meterfarm.web.context import WebContext

BASE = "/api/v2"
_ROUTERS: tuple[APIRouter, ...] = (
    customers.router,
    bills.router,
    bill_checks.router,
    bill_uploads.router,
    intervals.router,
    coverage.router,
    changes.router,
    utilities.router,
    connections.router,
    webhooks.router,
    events.router,
    testing.router,
)
"""The resources below ``BASE``, one module each."""


def create_app(context: ApiContext, metrics: ApiMetrics | None = None) -> FastAPI:
    """The app of this context; ``app.state.context`` has it."""
    app = FastAPIOffline(
        title="Meterfarm",
        version="2.0",
        description="Bills and intervals of electricity and gas customers. Compatible with Bayou's API v2.",
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    app.state.context = context
    for router in _ROUTERS:
        app.include_router(router, prefix=BASE)
    web.install(app, _web_context(context))
    app.include_router(error_pages.router)
    app.include_router(bill_files.router)
    app.add_api_route("/healthz", _healthz, include_in_schema=False)
    app.add_api_route("/readyz", _readyz, include_in_schema=False)
    describe(app, context.public_url)
    layers.install(app, context)
    if metrics is not None:
        app.add_middleware(MeasuredRequests, metrics=metrics)
    app.add_middleware(SegmentsKept)
    app.add_middleware(EdgeGuard, public_url=context.public_url)
    app.add_middleware(UnreadBodies)
    app.add_middleware(Arrivals, proxies=context.settings.proxies)
    return app


def _web_context(context: ApiContext) -> WebContext:
    return WebContext(
        context.store,
        context.public_url,
        context.workers,
        open_sign_up=context.settings.open_sign_up,
        sends_mail=context.settings.mail_server is not None,
        webhooks_private=context.settings.webhooks_private,
        bills=context.bills,
    )


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
