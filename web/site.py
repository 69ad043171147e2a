"""The pages as a part of an app: their routes, their files, and what they work with."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from meterfarm.web import brand
from meterfarm.web.context import WebContext
from meterfarm.web.dashboard.app import dashboard
from meterfarm.web.onboarding import component, routes
from meterfarm.web.pages import STATIC


def install(app: FastAPI, context: WebContext) -> None:
    """Add the pages to the app."""
    app.state.web = context
    app.include_router(routes.router)
    app.include_router(component.router)
    app.include_router(brand.router)
    app.mount("/dashboard", dashboard(context))
    app.mount("/web", StaticFiles(directory=STATIC))
