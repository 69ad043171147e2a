"""The portal that is measured against, and how Meterfarm is set for that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path

import httpx

from meterfarm.bench.task import DAYS, UTILITY
from meterfarm.fake_utility.running import FakeUtility
from meterfarm.utilities import load_utility

_PRERENDER_MIB = 1500
_PRERENDER_SECONDS = 120
_NOON = "T12:00"


def today() -> date:
    """The portal's clock stands at noon of this day, since Meterfarm goes by the real one."""
    return datetime.now(load_utility(UTILITY).zone).date()


@asynccontextmanager
async def portal_at(day: date, scratch: Path, prerendered: Iterable[str]) -> AsyncIterator[str]:
    """The fake utility at noon of a day, in its own process, these customers' documents made beforehand."""
    starting = FakeUtility(home=scratch / "portal", now=f"{day}{_NOON}", prerender=_PRERENDER_MIB)
    url = (await asyncio.to_thread(starting.__enter__)).http[UTILITY]
    try:
        async with httpx.AsyncClient(base_url=url, timeout=_PRERENDER_SECONDS) as client:
            for name in prerendered:
                (await client.post("/prerender", params={"username": name})).raise_for_status()
        yield url
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)


def farm_environment(home: Path, url: str) -> Mapping[str, str]:
    """All bills, readings of 13 months, and no limit that would be measured instead of the work."""
    return {
        "METERFARM_HOME": str(home),
        "METERFARM_PORTAL_URLS": f"{UTILITY}={url}",
        "METERFARM_LIMITS": f"{UTILITY}=64:100000",
        "METERFARM_INTERVAL_DAYS": str(DAYS),
        "METERFARM_HISTORY_DAYS": "",
        "METERFARM_SECRET_KEYS": "",
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }
