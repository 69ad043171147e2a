"""A portal's session is saved during a visit: of a run that is killed, the last token is not lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from playwright.async_api import Error as PlaywrightError

from meterfarm.scrapers.runs.authenticator import save_session
from meterfarm.scrapers.visit import Visit
from meterfarm.storage import LeaseLost, StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore

_EVERY_SECONDS = 0.3
_UNSTIRRED_SECONDS = 3.0
"""A page's script may set a cookie when nothing is to be seen from outside: so often it is asked for."""
_ASKED_SECONDS = 5.0


@asynccontextmanager
async def session_kept(
    visit: Visit, store: CompanyStore, customer: Customer, is_inside: Callable[[], bool]
) -> AsyncIterator[None]:
    """Meanwhile the session is saved when its cookies or storages have changed, at most three times a second,
    and its tokens at once. It is asked for when something may have changed it, and once more after that.

    One that the visit came with is in store already.
    """
    visit.saved_mark = await visit.session_mark()
    ends = asyncio.get_running_loop().create_future()

    async def keep() -> None:
        if is_inside():
            await _save(visit, store, customer)

    visit.keep = keep
    keeping = asyncio.create_task(_keep(visit, store, customer, is_inside, ends))
    try:
        yield
    finally:
        ends.set_result(None)
        await keeping


async def _keep(
    visit: Visit,
    store: CompanyStore,
    customer: Customer,
    is_inside: Callable[[], bool],
    ends: asyncio.Future[None],
) -> None:
    stirred = object()
    is_still, asked = False, 0.0
    while not await _ended(ends):
        if not is_inside():
            continue
        now_stirred = visit.stirred
        was_still, is_still = is_still, now_stirred == stirred
        if is_still and was_still and time.monotonic() < asked + _UNSTIRRED_SECONDS:
            continue
        stirred, asked = now_stirred, time.monotonic()
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(_ASKED_SECONDS):
                now = await visit.session_mark()
            if now != visit.saved_mark:
                await _save(visit, store, customer)


async def _save(visit: Visit, store: CompanyStore, customer: Customer) -> None:
    try:
        await save_session(visit, store, customer)
    except (LeaseLost, StorageError) as exc:
        structlog.get_logger("run").warning("session.not_saved", reason=str(exc))


async def _ended(ends: asyncio.Future[None]) -> bool:
    """Whether it has come to its end, after a while at most."""
    return bool((await asyncio.wait((ends,), timeout=_EVERY_SECONDS))[0])
