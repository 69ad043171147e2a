"""A portal's session is saved during a visit: of a run that is killed, the last token is not lost."""

from __future__ import annotations

import asyncio
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
_ASKED_SECONDS = 5.0


@asynccontextmanager
async def session_kept(
    visit: Visit, store: CompanyStore, customer: Customer, is_inside: Callable[[], bool]
) -> AsyncIterator[None]:
    """Meanwhile the session is saved when its cookies or storages have changed, at most three times a second,
    and its tokens at once."""
    ends = asyncio.Event()

    async def keep() -> None:
        if is_inside():
            await _save(visit, store, customer)

    visit.keep = keep
    keeping = asyncio.create_task(_keep(visit, store, customer, is_inside, ends))
    try:
        yield
    finally:
        ends.set()
        await keeping


async def _keep(
    visit: Visit, store: CompanyStore, customer: Customer, is_inside: Callable[[], bool], ends: asyncio.Event
) -> None:
    saved: object = None
    while not await _ended(ends):
        if not is_inside():
            continue
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(_ASKED_SECONDS):
                now = await visit.session_mark()
            if now != saved and await _save(visit, store, customer):
                saved = now


async def _save(visit: Visit, store: CompanyStore, customer: Customer) -> bool:
    try:
        await save_session(visit, store, customer)
    except (LeaseLost, StorageError) as exc:
        structlog.get_logger("run").warning("session.not_saved", reason=str(exc))
        return False
    return True


async def _ended(ends: asyncio.Event) -> bool:
    """Whether it has come to its end, after a while at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_EVERY_SECONDS):
            await ends.wait()
    return ends.is_set()
