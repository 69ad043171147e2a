"""Whose turn a visit's page is: one call of a script drives it at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from meterfarm.scrapers.script_calls import ScriptCall, current_call

_OPERATION: ContextVar[ScriptCall | None] = ContextVar("operation", default=None)


class Turns:
    """The turns of one visit's page.

    The first operation on the page within a script's call takes it for the rest of the call, also for tasks
    that the call has started; other calls wait at their first operation. A call that never touches the page
    waits for none. An operation outside of any call is one of its own. A call that waits for another, as for
    the headers of the portal's API, lends it the page.
    """

    def __init__(self) -> None:
        self._holder: ScriptCall | None = None
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Around an operation on the page: from now on it is this call's."""
        call = current_call() or _OPERATION.get()
        if call is not None:
            await self._take(call)
            yield
            return
        call = ScriptCall("an operation")
        token = _OPERATION.set(call)
        try:
            await self._take(call)
            yield
        finally:
            _OPERATION.reset(token)
            call.end()

    async def _take(self, call: ScriptCall) -> None:
        while self._holder is not None and call not in (self._holder, self._holder.waits_for):
            self._changed.clear()
            await self._changed.wait()
        if self._holder is None:
            self._holder = call
            call.when_waiting = self._changed.set
            call.at_end(self._release)

    def _release(self) -> None:
        self._holder = None
        self._changed.set()
