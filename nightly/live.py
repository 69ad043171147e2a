"""The live portals' sign-in pages, each looked at once a night, without credentials."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from meterfarm.console.errors import NotSetUp
from meterfarm.farm.redis.limits import RateLimits
from meterfarm.farm.redis.notifier import notifier_at
from meterfarm.farm.redis.private import NoRedis
from meterfarm.farm.settings import FarmSettings
from meterfarm.farm.workers.supervisor import redis_at_hand
from meterfarm.nightly.farm import own_environment
from meterfarm.nightly.nightly_run import LiveLook
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.guard import own_hosts
from meterfarm.scrapers.rate_limiter import RateLimiterUnavailable
from meterfarm.scrapers.runs.sign_in_look import look_at_sign_in
from meterfarm.scrapers.utility import Utility
from meterfarm.support.crash import crashes_kept
from meterfarm.support.errors import MeterfarmError
from meterfarm.support.local_hosts import NOTHING_LOCAL, LocalHosts
from meterfarm.support.redact import Secrets
from meterfarm.utilities import load_utilities, utility_ids

_LIMITS = "live"


@dataclass(frozen=True, slots=True)
class LivePortal:
    """A portal that is looked at; ``at_once`` and ``per_second`` are the requests that it may see."""

    utility: Utility
    address: str
    at_once: int
    per_second: float


@dataclass(frozen=True, slots=True)
class LivePortals:
    """Those of a night. Hosts that are in ``local_hosts`` are found on this machine alone."""

    portals: Sequence[LivePortal] = ()
    local_hosts: LocalHosts = NOTHING_LOCAL

    def without(self, ids: Collection[str]) -> LivePortals:
        """Those of other utilities."""
        return replace(self, portals=[each for each in self.portals if each.utility.id not in ids])

    async def look(self, home: Path, report: Callable[[LiveLook], object]) -> Sequence[LiveLook]:
        """Look at all of them side by side, in one browser; each is reported as it ends.

        ``home`` has what is needed meanwhile, and the evidence.

        Raises:
            NotSetUp: no Redis can be had, which keeps to the limits.
        """
        if not self.portals:
            return ()
        await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
        (home / "scratch").mkdir(mode=0o700, parents=True)
        hosts = [host for each in self.portals for host in own_hosts(each.address, each.utility.hosts)]
        with own_environment({}):
            async with AsyncExitStack() as stack:
                try:
                    url = await stack.enter_async_context(redis_at_hand(FarmSettings(redis_url=""), home))
                except NoRedis as exc:
                    raise NotSetUp(str(exc)) from exc
                notifier = await stack.enter_async_context(notifier_at(url, _LIMITS))
                limits = await stack.enter_async_context(RateLimits(notifier.redis, notifier.farm))
                chromium = await stack.enter_async_context(
                    Chromium(hosts, home / "scratch", local_hosts=self.local_hosts)
                )
                looks = (
                    _reported(each, chromium, limits, home / "evidence", report) for each in self.portals
                )
                return await asyncio.gather(*looks)


NOBODY_LIVE = LivePortals()


def live_portals(farm: FarmSettings, local_hosts: LocalHosts) -> LivePortals:
    """Whatever the settings call live, and every portal that is no fake, at its public address.

    Raises:
        NotSetUp: the settings name a utility that is not there.
    """
    named = farm.live_addresses
    if unknown := sorted(named.keys() - set(utility_ids())):
        raise NotSetUp(
            f"METERFARM_NIGHTLY_LIVE names “{unknown[0]}”; utilities are {', '.join(utility_ids())}."
        )
    found = []
    for utility in load_utilities():
        has_page = utility.needs_browser and not utility.is_fake
        if address := named.get(utility.id) or (utility.home if has_page else ""):
            limit = farm.limit(utility.id) or (utility.max_concurrency, utility.max_rate)
            found.append(LivePortal(utility, address, *limit))
    return LivePortals(found, local_hosts)


async def _reported(
    live: LivePortal,
    chromium: Chromium,
    limits: RateLimits,
    evidence: Path,
    report: Callable[[LiveLook], object],
) -> LiveLook:
    look = await _looked(live, chromium, limits, evidence)
    report(look)
    return look


async def _looked(live: LivePortal, chromium: Chromium, limits: RateLimits, evidence: Path) -> LiveLook:
    """Whatever keeps one from being looked at keeps no other."""
    utility, own = live.utility, evidence / live.utility.id
    limiter = limits.named(utility.id, live.at_once, live.per_second)
    try:
        with crashes_kept(Secrets(), own):
            try:
                look = await look_at_sign_in(utility, live.address, chromium, own, limiter)
            except RateLimiterUnavailable as exc:
                raise NotSetUp(str(exc)) from exc
    except MeterfarmError as exc:
        kept = str(own) if own.is_dir() else ""
        return LiveLook(utility.id, utility.name, live.address, "", str(exc), 0.0, kept)
    kept = str(look.evidence or "")
    return LiveLook(
        utility.id, utility.name, live.address, look.outcome.value, look.message, look.seconds, kept
    )
