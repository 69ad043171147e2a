"""The portal that is measured against, and how Meterfarm is set for that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import httpx

from meterfarm.bench.task import DAYS
from meterfarm.fake_utility.running import FakeUtility
from meterfarm.utilities import load_utility

_PRERENDER_MIB = 1500
_PRERENDER_SECONDS = 120
_NOON = "T12:00"


@dataclass(frozen=True, slots=True)
class MeasuredPortal:
    """Where a utility's portal and its control pages are.

    ``settings`` is what the environment of a process that visits it says of that.
    """

    utility: str
    base_url: str
    controls: str
    settings: Mapping[str, str]

    async def requests(self) -> int:
        """How many it was sent so far."""
        async with httpx.AsyncClient(timeout=_PRERENDER_SECONDS) as client:
            stats = (await client.get(f"{self.controls}/stats.json")).raise_for_status().json()
        return int(stats["requests"])


def today(utility: str) -> date:
    """The portal's clock stands at noon of this day, since Meterfarm goes by the real one."""
    return datetime.now(load_utility(utility).zone).date()


@asynccontextmanager
async def portal_at(
    utility: str, day: date, scratch: Path, prerendered: Iterable[str]
) -> AsyncIterator[MeasuredPortal]:
    """The fake utility at noon of a day, in its own process, these customers' documents made beforehand."""
    starting = FakeUtility(home=scratch / "portal", now=f"{day}{_NOON}", prerender=_PRERENDER_MIB)
    at = await asyncio.to_thread(starting.__enter__)
    try:
        controls, has_names = at.controls[utility], utility not in at.http
        async with httpx.AsyncClient(base_url=controls, timeout=_PRERENDER_SECONDS) as client:
            for name in prerendered:
                (await client.post("/prerender", params={"username": name})).raise_for_status()
        url = load_utility(utility).home if has_names else at.http[utility]
        settings = (
            {"METERFARM_LOCAL_HOSTS": at.hosts, "METERFARM_PORTAL_URLS": ""}
            if has_names
            else {"METERFARM_PORTAL_URLS": f"{utility}={url}"}
        )
        yield MeasuredPortal(utility, url, controls, settings)
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)


def farm_environment(home: Path, portal: MeasuredPortal) -> Mapping[str, str]:
    """All bills, readings of 13 months, and no limit that would be measured instead of the work."""
    return {
        "METERFARM_HOME": str(home),
        "METERFARM_LIMITS": f"{portal.utility}=64:100000",
        "METERFARM_INTERVAL_DAYS": str(DAYS),
        "METERFARM_HISTORY_DAYS": "",
        "METERFARM_SECRET_KEYS": "",
        "DATABASE_URL": "",
        "REDIS_URL": "",
        **portal.settings,
    }
