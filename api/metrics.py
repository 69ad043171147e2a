"""Metrics of the API for Prometheus: requests by route and status, their seconds, those in progress."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meterfarm.farm.telemetry.process_metrics import ProcessMetrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class ApiMetrics(ProcessMetrics):
    """What this process counts."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = self.counter(
            "meterfarm_api_requests",
            "Requests that were answered, by route (without /api/v2); of no route: none.",
            *("method", "route", "status"),
        )
        self.seconds = self.histogram(
            "meterfarm_api_request_seconds",
            "From a request's head to the last byte of its answer.",
            _SECONDS,
            *("method", "route"),
        )
        self.in_progress = self.gauge(
            "meterfarm_api_requests_in_progress", "Requests that are being answered."
        )


class MeasuredRequests:
    """Counts and measures what passes."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 499

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            with self._metrics.in_progress.track_inprogress():
                await self._app(scope, receive, noted)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = str(getattr(scope.get("route"), "path", "none"))
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.seconds.labels(method, route).observe(time.perf_counter() - began)
