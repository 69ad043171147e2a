"""The port through which a run's stages are told of to whoever traces them. Off, it costs nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol


class Span(Protocol):
    """A stage while it lasts."""

    def tell(self, **attributes: str | int | float | bool) -> None:
        """More about it. Two underscores in a name stand for a dot: ``url__path`` is ``url.path``."""


class Tracer(Protocol):
    """Somebody who traces. Spans nest by the task, or thread, that they are opened in."""

    def span(
        self, name: str, attributes: dict[str, str | int | float | bool]
    ) -> AbstractContextManager[Span]: ...


class _Nothing:
    def __enter__(self) -> _Nothing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def tell(self, **attributes: str | int | float | bool) -> None:
        pass


_NOTHING = _Nothing()
_tracer: Tracer | None = None


def trace_with(tracer: Tracer | None) -> None:
    """Have all stages of this process told to ``tracer`` from now on, or to nobody."""
    global _tracer
    _tracer = tracer


def span(name: str, **attributes: str | int | float | bool) -> AbstractContextManager[Span]:
    """A stage: ``with span("sign_in") as told: ...``. What raises out of it has failed."""
    return _NOTHING if _tracer is None else _tracer.span(name, attributes)
