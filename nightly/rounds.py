"""Customers through the real queue and real workers, each to the end of what they are for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from meterfarm.console.farm.fake_owners import DeliveredCode, Owner, Owners
from meterfarm.farm.redis.notifier import Notifier
from meterfarm.nightly.compare import differences, first_of
from meterfarm.nightly.evidence import keep_unread
from meterfarm.nightly.home import came_home, was_asked
from meterfarm.nightly.nightly_run import PAIRED, Result, VisitResult
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.test_cases import CustomerCase, Tree, Window
from meterfarm.records import LedgerItem, Outcome, RunKind, RunState, SecretKind, WhoActs
from meterfarm.scrapers.runs.authenticator import SessionUse
from meterfarm.storage import RunRefused, StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import ChallengeInfo, RunInfo
from meterfarm.storage.store import CompanyStore

_LOOK = 0.2
_UNDER_WAY = {RunState.QUEUED, RunState.RUNNING, RunState.WAITING}
_MANY = 10_000
NOT_IN_TIME = "did not end in time"
"""In the place of an outcome."""
_NOT_QUEUED = "was not queued"


@dataclass(slots=True)
class _Going:
    """A customer under way. ``after`` is the newest run that belongs to an earlier visit; ``asked`` are the
    challenges of each attempt to sign in for the first one."""

    test_case: CustomerCase
    portal: NightlyPortal
    utility: str
    customer: Customer
    until: float
    controls: str
    after: int = 0
    visits: list[VisitResult] = field(default_factory=list)
    asked: list[Sequence[ChallengeInfo]] = field(default_factory=list)
    gaps: list[LedgerItem] = field(default_factory=list)

    @property
    def meant(self) -> str:
        return self.test_case.again if self.visits else self.test_case.first


class Rounds:
    """Whoever is added goes through the farm; both callbacks may add more.

    ``ended`` gets each customer's result, ``dropped`` the id of a script that was let go, once none of
    its runs is left. ``evidence`` is where workers keep theirs. After a portal's fault that is
    not meant, with ``retries`` it counts what the next try comes to.
    """

    def __init__(
        self,
        store: CompanyStore,
        notifier: Notifier,
        window: Window,
        ended: Callable[[str, Result], None],
        dropped: Callable[[str], None] = lambda _: None,
        evidence: Path | None = None,
        *,
        retries: bool = True,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._window = window
        self._ended = ended
        self._dropped = dropped
        self._evidence = evidence
        self._retries = retries
        self._dropping: set[str] = set()
        self._going: dict[int, _Going] = {}
        self._knows: dict[tuple[str, str], tuple[Owner, DeliveredCode]] = {}
        self._owners = Owners(self._knows)
        self._news = False

    def add(
        self, portal: NightlyPortal, address: str, test_case: CustomerCase, utility: str, seconds: float
    ) -> None:
        """Enter a customer and queue their first run; they have so many seconds."""
        if test_case.quirks:
            portal.switch(address, test_case.username, test_case.quirks)
        self._knows[utility, test_case.username] = (test_case.owner, partial(portal.code, address))
        secrets = {SecretKind.PASSWORD: "any password will do"}
        customer = self._store.customers.add(utility, test_case.username, secrets=secrets)
        until = time.monotonic() + seconds
        self._going[customer.id] = _Going(test_case, portal, utility, customer, until, address)
        self._news = True

    def drop(self, utility: str) -> None:
        """Let the customers of a script go; their runs are cancelled."""
        for going in [each for each in self._going.values() if each.utility == utility]:
            del self._going[going.customer.id]
        self._dropping.add(utility)

    async def run(self) -> None:
        """Until nobody is under way any more."""
        while self._going or self._dropping:
            if self._news:
                self._news = False
                await self._notifier.notify(await asyncio.to_thread(self._store.farm.runs.to_notify))
            await asyncio.to_thread(self._look)
            await asyncio.sleep(_LOOK)

    def _look(self) -> None:
        self._owners.answer(self._store)
        runs: dict[int, list[RunInfo]] = {}
        for run in self._store.runs.list(limit=_MANY):
            runs.setdefault(run.customer_id, []).append(run)
        for going in list(self._going.values()):
            if going.customer.id in self._going:
                self._look_at(going, [run for run in runs.get(going.customer.id, ()) if run.id > going.after])
        self._let_go()

    def _let_go(self) -> None:
        """Cancel what is left of those who were dropped."""
        active = [
            run for run in self._store.runs.list(limit=_MANY, active=True) if run.utility in self._dropping
        ]
        for run in active:
            self._cancel(run)
        for utility in self._dropping - {run.utility for run in active}:
            self._dropping.remove(utility)
            self._dropped(utility)

    def _look_at(self, going: _Going, runs: Sequence[RunInfo]) -> None:
        """``runs`` are of the visit under way, newest first."""
        counted_runs = counted(runs, going.meant, retries=self._retries)
        if not counted_runs or any(run.state in _UNDER_WAY for run in counted_runs):
            if time.monotonic() > going.until:
                for run in runs:
                    self._cancel(run)
                going.visits.append(VisitResult(going.meant, NOT_IN_TIME, _last_words(runs), {}))
                self._finish(going)
            return
        self._note(going, counted_runs)
        if (
            going.test_case.again
            and len(going.visits) == 1
            and going.visits[0].outcome == going.test_case.first
        ):
            if self._comes_again(going, runs[0]):
                self._news = True
                return
            going.visits.append(VisitResult(going.meant, _NOT_QUEUED, "the customer cannot be refreshed", {}))
        self._finish(going)

    def _comes_again(self, going: _Going, newest: RunInfo) -> bool:
        """Whether a refresh is queued; what changes for the customer is switched on before."""
        case = going.test_case
        if case.changes:
            going.portal.switch(going.controls, case.username, case.changes, signs_out=True)
        going.after = newest.id
        return bool(self._store.runs.refresh([going.customer.id]))

    def _note(self, going: _Going, runs: Sequence[RunInfo]) -> None:
        """Record a visit after its runs have ended."""
        newest = runs[0]
        outcome = newest.outcome.value if newest.outcome else newest.state.value
        seconds: dict[str, float] = {}
        for run in runs:
            for step, took in run.seconds.items():
                seconds[step] = round(seconds.get(step, 0.0) + took, 3)
            if not going.visits and run.kind is RunKind.CONNECT:
                going.asked.append(self._challenges(run))
        if not going.visits:
            going.gaps = [
                item for item in self._ledger(newest) if item.unread or not (item.stored or item.pending)
            ]
        going.visits.append(
            VisitResult(
                going.meant,
                outcome,
                newest.message,
                seconds,
                self._kept(going, newest, outcome),
                newest.session,
            )
        )

    def _kept(self, going: _Going, run: RunInfo, outcome: str) -> str:
        """Where there is evidence of the run, if there is any."""
        if self._evidence is None:
            return run.evidence
        folder = Path(run.evidence) if run.evidence else self._evidence / str(run.id)
        if outcome != going.meant or any(gap.unread for gap in going.gaps):
            with suppress(StorageError, OSError):  # a night is worth more than its evidence
                keep_unread(self._store, going.customer, folder)
        return str(folder)

    def _challenges(self, run: RunInfo) -> Sequence[ChallengeInfo]:
        story = self._store.runs.story(run.id)
        return story.challenges if story is not None else ()

    def _ledger(self, run: RunInfo) -> Sequence[LedgerItem]:
        story = self._store.runs.story(run.id)
        return story.ledger if story is not None else ()

    def _finish(self, going: _Going) -> None:
        test_case = going.test_case
        result = Result(
            going.portal.id,
            test_case.username,
            test_case.purpose,
            tuple(going.visits),
            tuple(first_of(self._differences(going))),
            quirks=quirks_of(test_case),
        )
        del self._going[going.customer.id]
        self._ended(going.utility, result)

    def _differences(self, going: _Going) -> Sequence[str]:
        test_case, found = going.test_case, []
        for visit, when in zip(going.visits, ("the first visit", "the refresh"), strict=False):
            if visit.outcome != visit.meant:
                found.append(f"{when} ended in {visit.outcome} instead of {visit.meant}: {visit.message}")
        if found:
            return found
        goes_on = test_case.again == test_case.first and not test_case.quirks and not test_case.changes
        if goes_on and any(visit.session == SessionUse.NEW for visit in going.visits[1:]):
            return ["the refresh signed in anew, although the session still held"]
        if _is_served(test_case) and len(going.gaps) != test_case.gaps:
            found.append(
                f"ledger: {len(going.gaps)} gaps instead of {test_case.gaps}{gaps_by_reason(going.gaps)}"
            )
        if test_case.asked is not None and len(going.asked) == 1:
            found += differences(_numbered(test_case.asked), _numbered(was_asked(going.asked[0])), "asked")
        if found:
            return found
        return differences(test_case.figures(self._window), self._came_home(going))

    def _came_home(self, going: _Going) -> Tree:
        if not _is_served(going.test_case):
            return {}
        return came_home(self._store, going.customer)

    def _cancel(self, run: RunInfo) -> None:
        with suppress(RunRefused):  # it has ended meanwhile
            self._store.runs.cancel(run.id)


def quirks_of(test_case: CustomerCase) -> str:
    """What happens to the customer, as results name it."""
    return PAIRED.join(test_case.changes or test_case.quirks)


def _is_served(test_case: CustomerCase) -> bool:
    """Whether data is meant to come home; who is sent away halfway has some of it."""
    return Outcome(test_case.first).who_acts not in ("customer", "portal")


def counted(runs: Sequence[RunInfo], meant: str, *, retries: bool = True) -> Sequence[RunInfo]:
    """The runs of a visit without retries that are not waited for. Newest first.

    One is waited for, after a portal's fault that is not meant; without ``retries`` none is.
    """
    ended = [run for run in runs if run.outcome is not None]
    fault = bool(ended and ended[0].outcome and ended[0].outcome.who_acts is WhoActs.PORTAL)
    waits = retries and fault and ended[0].outcome != meant and not any(_is_retry(run) for run in ended)
    return [run for run in runs if waits or not _is_retry(run) or run.state not in _UNDER_WAY]


def _is_retry(run: RunInfo) -> bool:
    return run.why.startswith("retry after")


def _last_words(runs: Sequence[RunInfo]) -> str:
    return f"{runs[0].kind} is {runs[0].state} {runs[0].message}".strip() if runs else "no run was queued"


def gaps_by_reason(gaps: Sequence[LedgerItem]) -> str:
    """Each reason with the first that it holds for, and how many more."""
    by_reason: dict[str, list[str]] = {}
    for gap in gaps:
        by_reason.setdefault(gap.reason, []).append(gap.item)
    parts = []
    for reason, items in by_reason.items():
        more = f" and {len(items) - 1} more" if len(items) > 1 else ""
        parts.append(f"{items[0]}{more} ({reason})")
    return f": {'; '.join(parts)}" if parts else ""


def _numbered(asked: Sequence[str]) -> Tree:
    return {str(number): what for number, what in enumerate(asked, start=1)}
