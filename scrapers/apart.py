"""Tasks that a run happens to start and that serve all: they log, scrub and trace as no run's."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


def apart(work: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
    """``work`` as a task that takes nothing over from the one that starts it."""
    return asyncio.create_task(work, name=name, context=Context())
