"""A small OTLP collector: it takes spans by HTTP as protobuf, and keeps them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass(frozen=True)
class SpanSeen:
    """``parent`` is a span's id, "" of one that has none."""

    name: str
    id: str
    parent: str
    trace: str
    seconds: float
    failed: bool
    attributes: dict[str, Any]
    service: dict[str, Any]


@dataclass
class Collector:
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    spans: list[SpanSeen] = field(default_factory=list)

    def named(self, name: str, **attributes: object) -> list[SpanSeen]:
        return [
            span for span in self.spans if span.name == name and attributes.items() <= span.attributes.items()
        ]

    def above(self, span: SpanSeen) -> list[str]:
        """The names of the spans around it, the outermost first."""
        by_id = {other.id: other for other in self.spans}
        names: list[str] = []
        while span.parent:
            span = by_id[span.parent]
            names.insert(0, span.name)
        return names

    async def take(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.bodies.append(body)
        sent = ExportTraceServiceRequest.FromString(body)
        for resource in sent.resource_spans:
            service = _plain(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += [_seen(span, service) for span in scope.spans]
        done = ExportTraceServiceResponse().SerializeToString()
        return Response(done, media_type="application/x-protobuf")


def _seen(span: Any, service: dict[str, Any]) -> SpanSeen:
    return SpanSeen(
        span.name,
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_id.hex(),
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        span.status.code == 2,
        _plain(span.attributes),
        service,
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    app = Starlette(routes=[Route("/v1/traces", collector.take, methods=["POST"])])
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        if not started.wait(20):
            raise AssertionError("the collector did not start")
        port = server.servers[0].sockets[0].getsockname()[1]
        collector.url = f"http://127.0.0.1:{port}"
        yield collector
    finally:
        server.should_exit = True
        thread.join(20)
