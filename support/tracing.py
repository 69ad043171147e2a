"""Stages of a run as OpenTelemetry's spans. Its API does nothing while no SDK is set up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import trace

from meterfarm.support.logs import scrubbed_for_the_run

_tracer = trace.get_tracer("meterfarm")
Value = str | int | float | bool


class Stage:
    """A span while it lasts."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, **attributes: Value) -> None:
        """Set attributes, scrubbed of the run's secrets. ``url__path`` stands for ``url.path``."""
        if self._span.is_recording():
            for name, value in attributes.items():
                shown = scrubbed_for_the_run(value) if isinstance(value, str) else value
                self._span.set_attribute(name.replace("__", "."), shown)


def span(name: str, **attributes: Value) -> AbstractContextManager[Stage]:
    """A stage of the task, or thread, that it is opened in: ``with span("sign_in") as stage: ...``.

    What raises out of it marks it as failed, by its outcome or its kind: no text of an error is exported.
    """
    begun = _tracer.start_span(name)
    if not begun.get_span_context().is_valid:  # no SDK is set up: there is nothing to be in
        return nullcontext(Stage(begun))
    return _inside(begun, attributes)


@contextmanager
def _inside(begun: trace.Span, attributes: Mapping[str, Value]) -> Iterator[Stage]:
    with trace.use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        stage = Stage(begun)
        stage.set(**attributes)
        try:
            yield stage
        except asyncio.CancelledError:
            stage.set(cancelled=True)
            raise
        except BaseException as exc:
            stage.set(error__type=str(getattr(exc, "outcome", type(exc).__name__)))
            begun.set_status(trace.StatusCode.ERROR)
            raise
