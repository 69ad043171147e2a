"""The command `nightly`: now or at the set time; what it writes, says and exits with."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from meterfarm.console.command_context import CommandContext, command_context
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import OK
from meterfarm.console.program import program
from meterfarm.console.terminal.output import print_line
from meterfarm.farm.settings import local_zone
from meterfarm.farm.workers.daily_command import until
from meterfarm.farm.workers.zygote import Zygote
from meterfarm.nightly.break_report import HTML as BROKEN_HTML
from meterfarm.nightly.break_report import write_broken
from meterfarm.nightly.breaking import Broken, Verdict, break_all
from meterfarm.nightly.evidence import copy_evidence
from meterfarm.nightly.forms import WAYS
from meterfarm.nightly.history import changes, earlier, keep
from meterfarm.nightly.journal import Journal, NightPlan
from meterfarm.nightly.live import NOBODY_LIVE, LivePortals, live_portals
from meterfarm.nightly.nightly_run import UNSEEN, LiveLook, NightlyRun, Result, remembered
from meterfarm.nightly.notice import deliver, notice_of
from meterfarm.nightly.portals import NightlyPortal, nightly_portals, portal_day
from meterfarm.nightly.quirk_cases import PAIRS, QuirkCase, pairs
from meterfarm.nightly.quirk_cases import alone as alone_cases
from meterfarm.nightly.report import HTML, write_report
from meterfarm.nightly.tonight import spend
from meterfarm.nightly.verdicts import verdicts
from meterfarm.scrapers.browser.chromium import find_chromium
from meterfarm.storage import StorageError
from meterfarm.storage.settings import prepare_home
from meterfarm.support.local_hosts import read_local_hosts

NOT_AS_MEANT = 3
CAUGHT_AT_LEAST = 0.95
_FOLDER, _STATE, _NIGHT = "nightly", "state", "night"
_FIRST = 50_000
"""Nobody else's customers have such numbers."""


async def nightly(
    zygote: Zygote, report: Path | None, *, now: bool, forms: bool, quirks: bool, live: bool
) -> int:
    """One night, with ``forms``, ``quirks`` and a look at what is ``live``, or without.

    Without ``now`` it waits for the time that is set, if one is.
    """
    with command_context() as at:
        folder = _ready(at, report)
        local_hosts = read_local_hosts(at.settings.local_hosts)
        portals = live_portals(at.farm, local_hosts) if live else NOBODY_LIVE
        if at.farm.nightly_at and not now:
            print_line(f"Waits for {at.farm.nightly_at}; --now does not wait.")
            await asyncio.sleep(until(at.farm.nightly_at, datetime.now(local_zone())).total_seconds())
        own = prepare_home(at.settings.home).absolute() / _FOLDER
        with alone(own):
            plan = NightPlan(datetime.now(UTC), folder.absolute(), quirks=quirks, forms=forms, live=live)
            journal = Journal.begin(own / _NIGHT, plan)
            fakes = nightly_portals(portal_day())
            night, notice = await spent(zygote, own, folder, journal, fakes, portals)
        await _notify(notice, at.farm.nightly_webhook)
    return OK if night.is_well else NOT_AS_MEANT


async def resumed(zygote: Zygote, report: Path | None) -> int:
    """What is left of the night that was interrupted, at once; its report goes where it was to go."""
    with command_context() as at:
        own = at.settings.home.absolute() / _FOLDER
        plan = Journal.take_up(own / _NIGHT).plan
        folder = _ready(at, report or plan.report)
        local_hosts = read_local_hosts(at.settings.local_hosts)
        portals = live_portals(at.farm, local_hosts) if plan.live else NOBODY_LIVE
        with alone(own):
            journal = Journal.take_up(own / _NIGHT)
            print_line(f"Goes on with the night of {journal.plan.at:%Y-%m-%d %H:%M} UTC.")
            journal.go_on()
            fakes = nightly_portals(portal_day())
            night, notice = await spent(zygote, own, folder, journal, fakes, portals)
        await _notify(notice, at.farm.nightly_webhook)
    return OK if night.is_well else NOT_AS_MEANT


async def spent(
    zygote: Zygote,
    own: Path,
    folder: Path,
    journal: Journal,
    portals: Sequence[NightlyPortal],
    live: LivePortals = NOBODY_LIVE,
) -> tuple[NightlyRun, Mapping[str, Any] | None]:
    """A night, new or taken up, once its report is written in ``folder``; the notice for the operator."""
    plan = journal.plan
    ways = WAYS if plan.forms else ()
    odd = quirk_cases(portals, plan.at.date()) if plan.quirks else ()
    try:
        night = await spend(zygote, portals, own / _STATE, _report, ways, odd, live, _report_look, journal)
        notice = await asyncio.to_thread(_write, night, own, folder)
    except BaseException:
        if journal.results or journal.looks:
            every = sum(len(portal.test_cases()) for portal in portals) * (1 + len(ways)) + len(odd)
            print_line(
                f"{len(journal.results)} of {every} ended; `{program()} nightly --resume` does the rest."
            )
        raise
    journal.remove()
    return night, notice


def quirk_cases(portals: Sequence[NightlyPortal], day: date) -> Sequence[QuirkCase]:
    """Each quirk alone, and pairs that are others every day."""
    return [*alone_cases(portals, _FIRST), *pairs(portals, day.toordinal(), PAIRS, _FIRST + 1_000)]


def _ready(at: CommandContext, report: Path | None) -> Path:
    """The report's folder, made if need be, before a night is spent without a place for its report.

    Raises:
        BrowserMissing: the farm of the nightly would find none.
        StorageError: nothing can be written there.
    """
    find_chromium()
    folder = report or at.farm.nightly_report or at.settings.home / _FOLDER / "report"
    for name in (_STATE, _NIGHT):
        removed = at.settings.home / _FOLDER / name
        if folder.resolve().is_relative_to(removed.resolve()):
            raise StorageError(
                f"The report cannot be written to {folder}, since {removed} is removed at the end; "
                "choose another --report."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as exc:
        raise StorageError(_not_written(folder, exc)) from exc


@contextmanager
def alone(own: Path) -> Iterator[None]:
    """Nobody else spends a night in this state meanwhile; its farm's state is removed at the end.

    So is what one left that was killed.

    Raises:
        UsageError: somebody does.
    """
    own.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(own / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"Another nightly is under way in {own}; wait for it, or set METERFARM_HOME."
            ) from None
        shutil.rmtree(own / _STATE, ignore_errors=True)
        try:
            yield
        finally:
            shutil.rmtree(own / _STATE, ignore_errors=True)


def _write(night: NightlyRun, own: Path, folder: Path) -> Mapping[str, Any] | None:
    """The report and the history; what is to be reported to the operator, if anything is."""
    nights = [one for one in earlier(own, folder, report=print_line) if one.at != night.at]
    brought = changes(nights, remembered(night))
    try:
        write_report(night, nights, copy_evidence(night, folder), folder)
        keep([*nights, remembered(night)], own, folder)
    except OSError as exc:
        raise StorageError(_not_written(folder, exc)) from exc
    for portal in night.portals:
        for complaint in portal.complaints:
            print_line(f"{portal.name}: {complaint}")
    if nights:
        for change in brought:
            print_line(f"{change.kind}: {change.key} {change.what}")
    if night.live:
        for verdict in verdicts(night):
            print_line(f"{verdict.id}: {verdict}")
    counts = [f"{well} of {every} {what}" for what, (well, every) in night.counts.items() if every]
    took = f"{night.seconds:.0f} s" + (f" in {len(night.parts)} parts" if len(night.parts) > 1 else "")
    print_line(f"{', '.join(counts)} as meant, in {took}: {folder / HTML}")
    return notice_of(night, nights, folder)


async def _notify(notice: Mapping[str, Any] | None, address: SecretStr) -> None:
    if notice is None or not address:
        return
    fault = await deliver(notice, address)
    print_line(
        f"The notice could not be delivered to METERFARM_NIGHTLY_WEBHOOK: {fault}"
        if fault
        else "A notice of what broke was delivered to METERFARM_NIGHTLY_WEBHOOK."
    )


def _report(result: Result) -> None:
    outcomes = ", then ".join(result.outcomes)
    print_line(f"{'ok ' if result.is_well else 'NOT'} {result.key}: {outcomes} ({result.took:.1f} s)")
    for difference in result.differences:
        print_line(f"    {difference}")


def _report_look(look: LiveLook) -> None:
    sign = "ok " if look.is_as_declared else "out" if look.is_outage else "NOT"
    print_line(f"{sign} {look.key}: {look.outcome or UNSEEN} ({look.took:.1f} s)")
    if not look.is_as_declared:
        print_line(f"    {look.message}")


async def break_scripts(report: Path | None, sample: int | None) -> int:
    """Break scripts one thing at a time, all or a sample, and see whether the nightly catches each."""
    with command_context() as at:
        folder = _ready(at, report)
        own = prepare_home(at.settings.home) / _FOLDER
        with alone(own):
            fakes = nightly_portals(portal_day())
            broken = await break_all(fakes, own.absolute() / _STATE, sample, _tell_verdict)
        await asyncio.to_thread(_write_broken, broken, folder)
    is_enough = broken.share >= CAUGHT_AT_LEAST and not broken.left
    return OK if is_enough else NOT_AS_MEANT


def _write_broken(broken: Broken, folder: Path) -> None:
    try:
        write_broken(broken, CAUGHT_AT_LEAST, folder)
    except OSError as exc:
        raise StorageError(_not_written(folder, exc)) from exc
    left = f", {broken.left} not tried for want of time" if broken.left else ""
    caught = f"{broken.caught} of {len(broken.verdicts)} breaks caught ({broken.share:.1%}){left}"
    print_line(f"{caught}, in {broken.seconds:.0f} s: {folder / BROKEN_HTML}")


def _tell_verdict(verdict: Verdict) -> None:
    broken = f"{verdict.mutant.file}:{verdict.mutant.line} {verdict.mutant.became!r}"
    if verdict.is_caught:
        print_line(f"caught {broken}  {verdict.caught_by}: {verdict.how}")
    elif verdict.mutant.excuse:
        print_line(f"missed {broken}  not tried: {verdict.mutant.excuse}")
    else:
        print_line(f"MISSED {broken}  all {verdict.tried} customers as meant")


def _not_written(folder: Path, error: OSError) -> str:
    return f"The report cannot be written to {folder} ({error.strerror}); choose another --report."
