"""Doing several things at once, and ending together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable


async def side_by_side(works: Iterable[Coroutine[None, None, None]]) -> None:
    """Run ``works`` concurrently. The first that fails cancels the others, and its own error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as exc:
        raise exc.exceptions[0] from exc
