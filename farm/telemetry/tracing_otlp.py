"""Spans sent by OTLP over HTTP, in a thread of their own, with every secret of the run scrubbed."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from meterfarm.scrapers.outcomes import Stop
from meterfarm.storage.processes import short, this_process
from meterfarm.support.logs import scrubbed_for_the_run

_CLOSE_SECONDS = 3.0
_OF_HEADERS = "opentelemetry.util.re"
"""Who logs a header that cannot be read, with all of it: a key to the collector may be in there."""
Value = str | int | float | bool


class Exported:
    """As ``support.tracing.Tracer``. Spans that cannot be sent are dropped; runs do not wait for them."""

    def __init__(self, command: str) -> None:
        is_named = os.environ.get("OTEL_SERVICE_NAME") or f"{SERVICE_NAME}=" in os.environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        about = {SERVICE_INSTANCE_ID: short(this_process()), "process.command": command}
        if not is_named:
            about[SERVICE_NAME] = "meterfarm"
        logging.getLogger(_OF_HEADERS).addFilter(_without_the_header)
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("meterfarm")

    @contextmanager
    def span(self, name: str, attributes: dict[str, Value]) -> Iterator[Told]:
        """Whatever it raises, no text of it goes out: only what kind of error it was."""
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            told = Told(span)
            told.tell(**attributes)
            try:
                yield told
            except asyncio.CancelledError:
                told.tell(cancelled=True)
                raise
            except BaseException as exc:
                told.tell(error__type=exc.outcome.value if isinstance(exc, Stop) else type(exc).__name__)
                span.set_status(trace.StatusCode.ERROR)
                raise

    def close(self) -> None:
        """Send what is left, if that does not take long."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)


def _without_the_header(record: logging.LogRecord) -> bool:
    record.msg = (
        "A header in OTEL_EXPORTER_OTLP_HEADERS is left out; write name=value, several separated by commas."
    )
    record.args = ()
    return True


class Told:
    """As ``support.tracing.Span``."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def tell(self, **attributes: Value) -> None:
        for name, value in attributes.items():
            said = scrubbed_for_the_run(value) if isinstance(value, str) else value
            self._span.set_attribute(name.replace("__", "."), said)
