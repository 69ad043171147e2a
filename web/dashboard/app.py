"""The dashboard as an app of its own, below ``/dashboard``: its errors are pages."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from meterfarm.services.errors import Conflict, InvalidRequest, NotFound, ServiceError
from meterfarm.storage import StorageError
from meterfarm.web.context import WebContext
from meterfarm.web.dashboard import (
    account,
    customer_actions,
    customer_bills,
    customer_exports,
    customer_intervals,
    customer_list,
    customer_runs,
    people,
    signing_in,
    uploads,
    utility_page,
)
from meterfarm.web.dashboard.access import (
    HOME,
    NO_SUCH_PAGE,
    Refused,
    SignInFirst,
    Visiting,
    to,
)
from meterfarm.web.dashboard.pages import refusal_page
from meterfarm.web.dashboard.settings import company, keys, statement, webhooks

_log = structlog.get_logger("dashboard")
_FOUND = 404
_STATUS: Mapping[type[Exception], int] = {NotFound: 404, Conflict: 409, InvalidRequest: 422}
_home = APIRouter(include_in_schema=False)
ROUTERS: tuple[APIRouter, ...] = (
    _home,
    signing_in.router,
    account.router,
    people.router,
    customer_list.router,
    uploads.router,
    utility_page.router,
    company.router,
    keys.router,
    webhooks.router,
    statement.router,
    customer_actions.router,
    customer_bills.router,
    customer_intervals.router,
    customer_runs.router,
    customer_exports.router,
)


@_home.get("/")
async def home(asking: Visiting) -> Response:
    """The first page: the customers of the test side."""
    return to(f"{asking.path}/customers")


@_home.get("/keys")
async def to_keys(asking: Visiting) -> Response:
    """Where programs' documentation sends people for a key."""
    return to(f"{asking.path}/settings/keys")


def dashboard(context: WebContext) -> FastAPI:
    """The app."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.web = context
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(SignInFirst, _sign_in_first)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(ServiceError, _of_service)
    app.add_exception_handler(StorageError, _not_there)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(RequestValidationError, _no_such_page)
    return app


async def _sign_in_first(_: Request, exc: Exception) -> Response:
    back = exc.back if isinstance(exc, SignInFirst) else ""
    return to(f"{HOME}/sign_in", next="" if back == f"{HOME}/" else back)


async def _refused(_: Request, exc: Exception) -> Response:
    if not isinstance(exc, Refused):
        raise exc
    return refusal_page(exc.status, exc.title, exc.words)


async def _of_service(_: Request, exc: Exception) -> Response:
    status = _STATUS.get(type(exc), 422)
    return refusal_page(status, "This cannot be done", str(exc))


async def _not_there(_: Request, exc: Exception) -> Response:
    """The sentence of a store names its place, which is for operators."""
    _log.error("dashboard.store_failed", reason=str(exc))
    return refusal_page(503, "This does not work right now", "Try again in a minute.")


async def _of_framework(_: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else _FOUND
    if status == _FOUND:
        return await _no_such_page(_, exc)
    return refusal_page(status, "This cannot be done", "Go back, and follow a link or a button of the page.")


async def _no_such_page(_: Request, exc: Exception) -> Response:
    return refusal_page(_FOUND, *NO_SUCH_PAGE)
