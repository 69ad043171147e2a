"""Traces of runs for OpenTelemetry, when ``OTEL_EXPORTER_OTLP_ENDPOINT`` says where to.

Else nothing of it is imported. The library's own settings (``OTEL_...``) hold: headers, sampler, name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from meterfarm.support.tracing import trace_with

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@contextmanager
def traced(command: str) -> Iterator[None]:
    """Meanwhile the runs of this process are traced, if somebody wants it. ``command`` is what it does."""
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        yield
        return
    from meterfarm.farm.telemetry.tracing_otlp import Exported

    exported = Exported(command)
    trace_with(exported)
    try:
        yield
    finally:
        trace_with(None)
        exported.close()
