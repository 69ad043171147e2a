"""One night: live portals are looked at, all customers of all fake ones go through farms of its own: entered,
with quirks, by their forms."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from meterfarm.fake_utility.addresses import Addresses
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.nightly.farm import own_farm
from meterfarm.nightly.forms import FormWay, fill_in_forms, form_cases
from meterfarm.nightly.live import NOBODY_LIVE, LivePortals
from meterfarm.nightly.nightly_run import LiveLook, NightlyRun, PortalNight, Result
from meterfarm.nightly.portals import NightlyPortal, portals_running
from meterfarm.nightly.quirk_cases import QuirkCase
from meterfarm.nightly.rounds import Rounds
from meterfarm.nightly.test_cases import CustomerCase, Window
from meterfarm.records import RunKind
from meterfarm.storage.runs import QUEUES
from meterfarm.support.foreign_text import one_line
from meterfarm.utilities import BrokenUtility, broken_utilities, load_utility

_LONGEST_REASON = 300
_SECONDS, _SECONDS_EACH = 240, 5
"""How long customers may take at most, waiting for all the others included: this, and so much for each."""


async def spend(
    zygote: Zygote,
    portals: Sequence[NightlyPortal],
    home: Path,
    report: Callable[[Result], None],
    ways: Sequence[FormWay] = (),
    quirks: Sequence[QuirkCase] = (),
    live: LivePortals = NOBODY_LIVE,
    report_look: Callable[[LiveLook], object] = lambda _: None,
) -> NightlyRun:
    """Look at live portals, send customers through, reporting each as they end, then those to whom quirks
    happen, and then on each of these ways through their forms.

    ``home`` has the farms' state until it is cleared.
    """
    at, began = datetime.now(UTC), time.monotonic()
    looks = await live.look(home / "live", report_look)
    with ExitStack() as stack:
        running = portals_running(home / "portals")
        fakes = await asyncio.to_thread(lambda: stack.enter_context(running))
        missing = _missing(portals, fakes)
        portals = [portal for portal in portals if portal.id in fakes.controls]
        quirks = [one for one in quirks if one.portal.id in fakes.controls]
        entered = [(portal, case) for portal in portals for case in portal.test_cases()]
        results = await _entered(zygote, entered, fakes, home / "farm", report)
        odd: Sequence[Result] = ()
        if quirks:
            odd = await _entered(
                zygote, [(one.portal, one.both_visits) for one in quirks], fakes, home / "quirks", report
            )
        forms: Sequence[Result] = ()
        if cases := form_cases(portals, ways):
            state = home / "forms"
            async with own_farm(zygote, state, QUEUES[RunKind.CONNECT], **fakes.settings()) as farm:
                forms = await fill_in_forms(farm, cases, fakes.controls, state / "evidence", report)
        seen = [await asyncio.to_thread(_portal, portal, fakes.controls[portal.id]) for portal in portals]
        seen += missing
        seen += _broken({portal.id for portal in seen})
    return NightlyRun(at, round(time.monotonic() - began, 1), seen, results, forms, odd, looks)


async def _entered(
    zygote: Zygote,
    test_cases: Sequence[tuple[NightlyPortal, CustomerCase]],
    fakes: Addresses,
    state: Path,
    report: Callable[[Result], None],
) -> Sequence[Result]:
    """These customers, as whoever has their logins enters them, in their order."""
    results: list[Result] = []

    def ended(_: str, result: Result) -> None:
        results.append(result)
        report(result)

    seconds = _SECONDS + _SECONDS_EACH * len(test_cases)
    async with own_farm(zygote, state, **fakes.settings()) as farm:
        rounds = Rounds(farm.store, farm.notifier, Window(), ended, evidence=state / "evidence")
        for portal, test_case in test_cases:
            address = fakes.controls[portal.id]
            await asyncio.to_thread(rounds.add, portal, address, test_case, portal.utility, seconds)
        await rounds.run()
    order = {(portal.id, case.username): n for n, (portal, case) in enumerate(test_cases)}
    return sorted(results, key=lambda result: order[result.portal, result.username])


def _portal(portal: NightlyPortal, address: str) -> PortalNight:
    try:
        utility = load_utility(portal.utility)
    except BrokenUtility as broken:
        return PortalNight(portal.id, portal.name, [str(broken)])
    try:
        violations = portal.violations(address, utility.max_concurrency, utility.max_rate)
    except OSError:
        violations = ["It does not answer any more."]
    return PortalNight(portal.id, portal.name, violations)


def _missing(portals: Sequence[NightlyPortal], fakes: Addresses) -> Sequence[PortalNight]:
    """Portals that do not start: the night goes on without them."""
    names = {portal.id: portal.name for portal in portals}
    return [
        PortalNight(id, names.get(id, id), missing=f"It does not start: {one_line(reason, _LONGEST_REASON)}")
        for id, reason in fakes.broken.items()
    ]


def _broken(known: Collection[str]) -> Sequence[PortalNight]:
    """Utilities that cannot be loaded, and have no portal in the matrix."""
    return [
        PortalNight(broken.id, broken.id, [str(broken)])
        for broken in broken_utilities()
        if broken.id not in known
    ]
