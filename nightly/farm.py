"""A farm of the nightly's own: a new state, a private Redis, real workers, nothing set for others."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from meterfarm.console.errors import NotSetUp
from meterfarm.farm.redis.notifier import Notifier, notifier_at
from meterfarm.farm.redis.private import NoRedis, RedisMissing
from meterfarm.farm.settings import FarmSettings
from meterfarm.farm.workers.supervisor import Workers, redis_at_hand
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store

_KEPT = ("METERFARM_BROWSER", "METERFARM_LOG")
_OTHERS = (
    *("DATABASE_URL", "REDIS_URL", "FILES_URL", "BROWSER_ENDPOINT", "TWILIO_AUTH_TOKEN"),
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
)
_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class OwnFarm:
    """What is looked into and rung for while its workers work."""

    store: CompanyStore
    notifier: Notifier


@asynccontextmanager
async def own_farm(
    zygote: Zygote, home: Path, queue: str | None = None, **settings: str
) -> AsyncIterator[OwnFarm]:
    """Workers with a state that is new and these settings, where portals are among them.

    They serve one ``queue``, or with None all.

    Raises:
        NotSetUp: no Redis can be had.
    """
    await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
    with own_environment({"METERFARM_HOME": str(home), **settings}):
        async with AsyncExitStack() as stack:
            own = Settings(home=home, database_url="", secret_keys="", files_url="")
            store = stack.enter_context(await asyncio.to_thread(lambda: Store.open(own).of()))
            try:
                url = await stack.enter_async_context(redis_at_hand(FarmSettings(redis_url=""), home))
            except RedisMissing as exc:
                raise NotSetUp(
                    "No redis-server is installed, and the nightly starts its own: "
                    "install the package redis-server."
                ) from exc
            except NoRedis as exc:
                raise NotSetUp(str(exc)) from exc
            notifier = await stack.enter_async_context(notifier_at(url, store.farm.workforce.key()))
            working = asyncio.create_task(Workers(zygote, url, _PROCESSES, queue).run())
            stack.push_async_callback(_stop, working)
            yield OwnFarm(store, notifier)


@contextmanager
def own_environment(ours: Mapping[str, str]) -> Iterator[None]:
    """Meanwhile the environment, which the workers get, has these settings and no other of ours."""
    before = dict(os.environ)
    for name in before:
        if name in _OTHERS or (name.startswith("METERFARM_") and name not in _KEPT):
            del os.environ[name]
    os.environ.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _stop(working: asyncio.Task[None]) -> None:
    working.cancel()
    await asyncio.wait({working})
