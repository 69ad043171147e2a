"""Traces of runs for OpenTelemetry, when ``OTEL_EXPORTER_OTLP_ENDPOINT`` names a collector.

Without it the SDK is not imported. The SDK's own settings (``OTEL_...``) hold: headers, sampler, name.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from meterfarm.support.extras import require
from meterfarm.support.processes import short, this_process

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_CLOSE_SECONDS = 3.0
_HEADER_PARSER = "opentelemetry.util.re"
"""It logs a header that cannot be parsed in full: the collector's key may be in there."""


@contextmanager
def traced(command: str) -> Iterator[None]:
    """Export the spans of this process by OTLP over HTTP meanwhile, if an endpoint is set.

    A thread sends them; those that cannot be sent are dropped, and runs do not wait for them. ``command``
    becomes the attribute ``process.command``. At the end the rest is sent within 3 s.

    Raises:
        ExtraMissing: the SDK is not installed.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        yield
        return
    require("otel", "OTEL_EXPORTER_OTLP_ENDPOINT")
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    logging.getLogger(_HEADER_PARSER).addFilter(_without_the_header)
    about = {SERVICE_INSTANCE_ID: short(this_process()), "process.command": command}
    is_named = f"{SERVICE_NAME}=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not (is_named or os.environ.get("OTEL_SERVICE_NAME")):
        about[SERVICE_NAME] = "meterfarm"
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        closing = threading.Thread(target=provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)


def _without_the_header(record: logging.LogRecord) -> bool:
    record.msg = (
        "A header in OTEL_EXPORTER_OTLP_HEADERS is left out; write name=value, several separated by commas."
    )
    record.args = ()
    return True
