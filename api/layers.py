"""What lies around the routes: the outermost first, ids and the log, then the key, then ETags."""

from __future__ import annotations

from fastapi import FastAPI

from meterfarm.api import errors
from meterfarm.api.conditional import Conditional
from meterfarm.api.context import ApiContext
from meterfarm.api.keyed_requests import KeyedRequests
from meterfarm.api.requests import Requests


def install(app: FastAPI, context: ApiContext) -> None:
    """Put the layers around the app, after all routes are in it."""
    errors.install(app)
    app.add_middleware(Conditional)
    app.add_middleware(KeyedRequests, limits=context.limits)
    app.add_middleware(Requests, evidence=context.store.home / "evidence", public_url=context.public_url)
