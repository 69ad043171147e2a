"""One night: live portals are looked at, all customers of all fake ones go through farms of its own: entered,
with quirks, by their forms."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from meterfarm.fake_utility.addresses import Addresses
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.nightly.farm import own_farm
from meterfarm.nightly.forms import FormCase, FormWay, fill_in_forms, form_cases
from meterfarm.nightly.journal import Journal
from meterfarm.nightly.live import NOBODY_LIVE, LivePortals
from meterfarm.nightly.nightly_run import LiveLook, NightlyRun, NightPart, PortalNight, Result, key_of
from meterfarm.nightly.portals import NightlyPortal, portals_running
from meterfarm.nightly.quirk_cases import QuirkCase
from meterfarm.nightly.rounds import Rounds, quirks_of
from meterfarm.nightly.test_cases import CustomerCase, Window
from meterfarm.records import RunKind
from meterfarm.storage import StorageError
from meterfarm.storage.runs import QUEUES
from meterfarm.support.foreign_text import one_line
from meterfarm.utilities import BrokenUtility, broken_utilities, load_utility

_LONGEST_REASON = 300
_SECONDS, _SECONDS_EACH = 240, 5
"""How long customers may take at most, waiting for all the others included: this, and so much for each."""
_LOOK_EVERY = 15.0
"""Seconds after which the portals' own view goes into the journal, with a result."""


async def spend(
    zygote: Zygote,
    portals: Sequence[NightlyPortal],
    home: Path,
    report: Callable[[Result], None],
    ways: Sequence[FormWay] = (),
    quirks: Sequence[QuirkCase] = (),
    live: LivePortals = NOBODY_LIVE,
    report_look: Callable[[LiveLook], object] = lambda _: None,
    journal: Journal | None = None,
) -> NightlyRun:
    """Look at live portals, send customers through, reporting each as they end, then those to whom quirks
    happen, and then on each of these ways through their forms.

    ``home`` has the farms' state until it is cleared. Who has ended by the ``journal`` is left out, and has a
    result nevertheless.
    """
    at, began = datetime.now(UTC), time.monotonic()
    looks = await _looks(live, home / "live", report_look, journal)
    with ExitStack() as stack:
        running = portals_running(home / "portals")
        fakes = await asyncio.to_thread(lambda: stack.enter_context(running))
        missing = _missing(portals, fakes)
        portals = [portal for portal in portals if portal.id in fakes.controls]
        quirks = [one for one in quirks if one.portal.id in fakes.controls]
        night = _Night(zygote, portals, fakes, report, journal)
        try:
            entered = [(portal, case) for portal in portals for case in portal.test_cases()]
            results = await night.entered(entered, home / "farm")
            odd = await night.entered([(one.portal, one.both_visits) for one in quirks], home / "quirks")
            forms = await night.forms(form_cases(portals, ways), home / "forms")
            seen = [*await asyncio.to_thread(night.portals), *missing]
        except BaseException:
            with suppress(OSError, ValueError, StorageError):  # what interrupts it comes first
                night.look()
            raise
    seen += _broken({portal.id for portal in seen})
    if journal is None:
        parts: Sequence[NightPart] = [NightPart(at, round(time.monotonic() - began, 1))]
    else:
        at, parts = journal.plan.at, journal.every_part
    seconds = round(sum(part.seconds for part in parts), 1)
    return NightlyRun(at, seconds, seen, results, forms, odd, looks, parts)


async def _looks(
    live: LivePortals, home: Path, report: Callable[[LiveLook], object], journal: Journal | None
) -> Sequence[LiveLook]:
    """Live portals are looked at once in a night, however often it is taken up."""
    if journal is None:
        return await live.look(home, report)

    def ended(look: LiveLook) -> None:
        journal.add_look(look)
        report(look)

    await live.without(journal.looks).look(home, ended)
    return list(journal.looks.values())


class _Night:
    """The stages of a night, and what each came to."""

    def __init__(
        self,
        zygote: Zygote,
        portals: Sequence[NightlyPortal],
        fakes: Addresses,
        report: Callable[[Result], None],
        journal: Journal | None,
    ) -> None:
        self._zygote = zygote
        self._portals = portals
        self._fakes = fakes
        self._report = report
        self._journal = journal
        self._results = dict(journal.results) if journal else {}
        self._task = asyncio.current_task()
        self._looked = time.monotonic()

    async def entered(
        self, test_cases: Sequence[tuple[NightlyPortal, CustomerCase]], state: Path
    ) -> Sequence[Result]:
        """These customers, as whoever has their logins enters them, in their order."""
        keys = [key_of(portal.id, case.username, quirks=quirks_of(case)) for portal, case in test_cases]
        left = [one for key, one in zip(keys, test_cases, strict=True) if key not in self._results]
        if left:
            seconds = _SECONDS + _SECONDS_EACH * len(left)
            async with own_farm(self._zygote, state, **self._fakes.settings()) as farm:
                evidence = state / "evidence"
                rounds = Rounds(farm.store, farm.notifier, Window(), self._ended_of, evidence=evidence)
                for portal, test_case in left:
                    address = self._fakes.controls[portal.id]
                    await asyncio.to_thread(rounds.add, portal, address, test_case, portal.utility, seconds)
                await rounds.run()
        return [self._results[key] for key in keys]

    async def forms(self, cases: Sequence[FormCase], state: Path) -> Sequence[Result]:
        """These customers, each on their form, in their order."""
        keys = [key_of(case.portal.id, case.username, way=case.way.name) for case in cases]
        left = [case for key, case in zip(keys, cases, strict=True) if key not in self._results]
        if left:
            queue = QUEUES[RunKind.CONNECT]
            async with own_farm(self._zygote, state, queue, **self._fakes.settings()) as farm:
                await fill_in_forms(farm, left, self._fakes.controls, state / "evidence", self._ended)
        return [self._results[key] for key in keys]

    def portals(self) -> Sequence[PortalNight]:
        """What each portal has to complain of at the end."""
        now = {}
        for portal in self._portals:
            try:
                now[portal.id] = self._violations(portal)
            except OSError:
                now[portal.id] = ["It does not answer any more."]
        if self._journal:
            self._journal.saw(now)
            now = {portal: self._journal.violations.get(portal, ()) for portal in now}
        return [PortalNight(portal.id, portal.name, now[portal.id]) for portal in self._portals]

    def look(self) -> None:
        """Put into the journal what the portals complain of by now. Raises OSError."""
        if self._journal:
            self._journal.saw({portal.id: self._violations(portal) for portal in self._portals})

    def _violations(self, portal: NightlyPortal) -> Sequence[str]:
        try:
            utility = load_utility(portal.utility)
        except BrokenUtility as broken:
            return [str(broken)]
        address = self._fakes.controls[portal.id]
        return portal.violations(address, utility.max_concurrency, utility.max_rate)

    def _ended_of(self, _: str, result: Result) -> None:
        self._ended(result)

    def _ended(self, result: Result) -> None:
        if self._task is not None and self._task.cancelling():
            return  # perhaps it ended so because the night does
        if self._journal:
            result = self._journal.add(result)
            if time.monotonic() > self._looked + _LOOK_EVERY:
                with suppress(OSError):  # the end will show that
                    self.look()
                self._looked = time.monotonic()
        self._results[result.key] = result
        self._report(result)


def _missing(portals: Sequence[NightlyPortal], fakes: Addresses) -> Sequence[PortalNight]:
    """Portals that do not start; the others are tried without them."""
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
