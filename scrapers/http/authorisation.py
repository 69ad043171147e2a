"""The headers by which a portal's API knows the customer: asked of the script, and again once refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar

from yarl import URL

from meterfarm.scrapers.guard import is_allowed
from meterfarm.scrapers.http.request import checked_headers
from meterfarm.scrapers.script_calls import ScriptCall, apart, waiting_for

Asking = Callable[[bool], Awaitable[Mapping[str, str]]]
"""Gives the headers, new ones if the flag is set."""

_IS_ASKING: ContextVar[bool] = ContextVar("a script is asked for its headers", default=False)
_END_SECONDS = 5.0


class Authorisation:
    """Of one visit. ``ask`` is None for a portal that wants none; the headers go to ``hosts`` alone.

    The script is asked once, whoever needs its answer; it goes on when they do not wait any longer, for it
    may have a token in hand that the portal gives only once.
    """

    def __init__(self, ask: Asking | None, hosts: Sequence[str], register: Callable[..., None]) -> None:
        self._ask = ask
        self._hosts = hosts
        self._register = register
        self._known: Mapping[str, str] | None = None
        self._taken: Mapping[str, str] | None = None
        self._asking: asyncio.Task[Mapping[str, str]] | None = None
        self._call = ScriptCall("authorise")

    def is_for(self, url: URL) -> bool:
        """Whether requests there carry such headers by themselves; those of the script's answer do not."""
        return self._ask is not None and not _IS_ASKING.get() and self.may_know(url)

    def may_know(self, url: URL) -> bool:
        """Whether what lets its bearer in may be sent there."""
        return is_allowed(str(url), self._hosts)

    @property
    def is_asking(self) -> bool:
        """Whether the script is asked for others now, so that those known are hardly good any more."""
        return self._asking is not None and not self._asking.done() and not _IS_ASKING.get()

    async def headers(self) -> Mapping[str, str]:
        """As the script gave them last, or is about to give them.

        Raises:
            VisitError: it has none.
        """
        if self._known is None or self.is_asking:
            return await self._asked(renew=False)
        return self._known

    def latest(self, otherwise: Mapping[str, str]) -> Mapping[str, str]:
        """Those that the script gave last; ``otherwise`` where it has to be asked anew."""
        return self._known if self._known is not None else otherwise

    def taken(self, headers: Mapping[str, str]) -> None:
        """The portal has let a request with these headers in."""
        self._taken = headers

    def ran_out(self, headers: Mapping[str, str]) -> bool:
        """Whether headers that were refused now have been taken before, or others are known by now."""
        return headers == self._taken or headers != self._known

    async def renewed(self, refused: Mapping[str, str]) -> Mapping[str, str]:
        """Others than those that the portal has refused, of which somebody else may have learnt before."""
        if self._known is None or self._known != refused:
            return await self.headers()
        return await self._asked(renew=True)

    def forget(self) -> None:
        """The customer was signed in anew: what was given before is no more."""
        self._known = None

    async def close(self) -> None:
        """Let the script come to its end, for a moment."""
        if self._asking is not None:
            await asyncio.wait({self._asking}, timeout=_END_SECONDS)
            self._asking.cancel()

    async def _asked(self, *, renew: bool) -> Mapping[str, str]:
        if self._asking is None or self._asking.done():
            self._call = ScriptCall("authorise")
            self._asking = asyncio.create_task(self._answer(renew, self._call))
            self._asking.add_done_callback(_seen)
        with waiting_for(self._call):
            return await asyncio.shield(self._asking)

    async def _answer(self, renew: bool, call: ScriptCall) -> Mapping[str, str]:
        if self._ask is None:
            raise ValueError("the script gives no headers: it does not implement `authorise`")
        _IS_ASKING.set(True)
        with apart(call):
            given = checked_headers(await self._ask(renew))
        for value in given.values():
            self._register(value, value.rpartition(" ")[2])
        self._known = given
        return given


class LatestHeaders:
    """The headers of one request: those known at the moment at which it goes out."""

    def __init__(self, known: Authorisation, headers: Mapping[str, str]) -> None:
        self._known = known
        self.headers = headers

    def now(self) -> Mapping[str, str]:
        """Those of this moment; ``headers`` remembers them."""
        self.headers = self._known.latest(self.headers)
        return self.headers


def _seen(asking: asyncio.Task[Mapping[str, str]]) -> None:
    """Its error is seen, also where nobody waits for it any more."""
    if not asking.cancelled():
        asking.exception()
