"""Which calls of a script's methods are under way in a visit: some side by side, any other alone.

What a call takes hold of, as a page, it may keep to its end: ``current_call`` is by whom.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Set
from contextlib import ExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from meterfarm.scrapers.outcomes import ExportPending

SIGNING_IN = "sign_in"
"""The method in which a page of the signed out is one on the way."""


@dataclass(slots=True, eq=False)
class ScriptCall:
    """One call of a script's method, from when it began.

    ``keep_pending`` keeps what the portal was asked to make, so that it is not lost if the run is.
    ``waits_for`` is another that it cannot go on without: what it holds, that one may use meanwhile.
    """

    name: str
    keep_pending: Callable[[ExportPending], Awaitable[None]] | None = field(default=None, repr=False)
    waits_for: ScriptCall | None = None
    when_waiting: Callable[[], object] | None = field(default=None, repr=False)
    _ends: ExitStack = field(default_factory=ExitStack, repr=False)

    def at_end(self, act: Callable[[], object]) -> None:
        """Do this when the call is over, however it ends; the last given goes first."""
        self._ends.callback(act)

    def end(self) -> None:
        """It is over."""
        self._ends.close()


_CURRENT: ContextVar[ScriptCall | None] = ContextVar("script call", default=None)


def current_call() -> ScriptCall | None:
    """The call that this task, or the one that began it, was made in; None outside of any."""
    return _CURRENT.get()


@contextmanager
def apart(call: ScriptCall) -> Iterator[None]:
    """In a task of its own: what it does is ``call``, whichever call began it. Others may wait for it."""
    before = _CURRENT.set(call)
    try:
        yield
    finally:
        _CURRENT.reset(before)
        call.end()


@contextmanager
def waiting_for(other: ScriptCall) -> Iterator[None]:
    """Around the current call's wait for another's end."""
    call = _CURRENT.get()
    if call is None or call is other:
        yield
        return
    before, call.waits_for = call.waits_for, other
    if call.when_waiting is not None:
        call.when_waiting()
    try:
        yield
    finally:
        call.waits_for = before


class ScriptCalls:
    """The calls of one visit. Those named in ``side_by_side`` may overlap; turns go in order."""

    def __init__(self, side_by_side: Set[str]) -> None:
        self._side_by_side = side_by_side
        self._under_way = 0
        self._is_alone = False
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def call(self, name: str) -> AsyncIterator[ScriptCall]:
        """Around a call of this method. Within another call it is a part of that one."""
        outer = _CURRENT.get()
        if outer is not None:
            yield outer
            return
        alone = name not in self._side_by_side
        await self._begin(alone=alone)
        call = ScriptCall(name)
        before = _CURRENT.set(call)
        try:
            yield call
        finally:
            _CURRENT.reset(before)
            try:
                call.end()
            finally:
                self._end()

    async def _begin(self, *, alone: bool) -> None:
        if not self._waiting and self._may_begin(alone=alone):
            self._enter(alone=alone)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((alone, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._end()
            else:
                self._next()
            raise

    def _may_begin(self, *, alone: bool) -> bool:
        return not self._under_way if alone else not self._is_alone

    def _enter(self, *, alone: bool) -> None:
        self._under_way += 1
        self._is_alone = alone

    def _end(self) -> None:
        self._under_way -= 1
        self._is_alone = False
        self._next()

    def _next(self) -> None:
        while self._waiting:
            alone, turn = self._waiting[0]
            if not turn.done() and not self._may_begin(alone=alone):
                return
            self._waiting.popleft()
            if not turn.done():  # nobody waits for one that was cancelled
                self._enter(alone=alone)
                turn.set_result(None)
