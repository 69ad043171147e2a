"""One night: all customers of all portals through a farm of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from meterfarm.farm.workers.zygote import Zygote
from meterfarm.nightly.farm import own_farm
from meterfarm.nightly.nightly_run import NightlyRun, PortalNight, Result
from meterfarm.nightly.portals import NightlyPortal, portals_running
from meterfarm.nightly.rounds import Rounds
from meterfarm.nightly.test_cases import Window
from meterfarm.utilities import BrokenUtility, broken_utilities, load_utility

_SECONDS = 540
"""How long a customer may take, waiting for others included."""


async def spend(
    zygote: Zygote, portals: Sequence[NightlyPortal], home: Path, report: Callable[[Result], None]
) -> NightlyRun:
    """Send them through, telling of each as they end. ``home`` has the farm's state until it is cleared."""
    at, began = datetime.now(UTC), time.monotonic()
    results: list[Result] = []

    def ended(_: str, result: Result) -> None:
        results.append(result)
        report(result)

    async with AsyncExitStack() as stack:
        running = portals_running(home / "portals")
        fakes = await asyncio.to_thread(lambda: stack.enter_context(running))
        addresses = fakes.controls
        farm = await stack.enter_async_context(own_farm(zygote, home / "farm", **fakes.settings()))
        rounds = Rounds(farm.store, farm.notifier, Window(), ended, evidence=home / "farm" / "evidence")
        test_cases = [(portal, portal.test_cases()) for portal in portals]
        for portal, cases in test_cases:
            for test_case in cases:
                await asyncio.to_thread(
                    rounds.add, portal, addresses[portal.id], test_case, portal.utility, _SECONDS
                )
        await rounds.run()
        order = {
            (portal.id, case.username): n for portal, cases in test_cases for n, case in enumerate(cases)
        }
        results.sort(key=lambda result: order[result.portal, result.username])
        seen = [await asyncio.to_thread(_portal, portal, addresses[portal.id]) for portal in portals]
        seen += _broken(portals)
    return NightlyRun(at, round(time.monotonic() - began, 1), seen, results)


def _portal(portal: NightlyPortal, address: str) -> PortalNight:
    try:
        utility = load_utility(portal.utility)
    except BrokenUtility as broken:
        return PortalNight(portal.id, portal.name, [str(broken)])
    violations = portal.violations(address, utility.max_concurrency, utility.max_rate)
    return PortalNight(portal.id, portal.name, violations)


def _broken(portals: Sequence[NightlyPortal]) -> Sequence[PortalNight]:
    """Utilities that cannot be loaded, and have no portal in the matrix."""
    known = {portal.utility for portal in portals}
    return [
        PortalNight(broken.id, broken.id, [str(broken)])
        for broken in broken_utilities()
        if broken.id not in known
    ]
