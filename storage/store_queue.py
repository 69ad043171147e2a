"""The store's queue: runs, their leases, their challenges, and the events they make."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from meterfarm.records import (
    Challenge,
    EventKind,
    LedgerItem,
    Outcome,
    Part,
    RunKind,
    RunState,
)
from meterfarm.storage import (
    audit,
    briefings,
    challenges,
    ending,
    events,
    figures,
    leases,
    portals,
    queue,
    refresh,
    retention,
    runs,
    sessions,
)
from meterfarm.storage.audit import VaultRead
from meterfarm.storage.database import now
from meterfarm.storage.errors import StorageError
from meterfarm.storage.figures import Figures
from meterfarm.storage.results import (
    Briefing,
    Customer,
    Event,
)
from meterfarm.storage.transactions import Transactions
from meterfarm.storage.work import (
    ChallengeInfo,
    Claim,
    FollowUp,
    Lease,
    Ring,
    RunInfo,
    RunStory,
)


class QueueStore(Transactions):
    """A part of ``Store``."""

    # runs

    def vault_reads(
        self, *, customer_id: int | None = None, since: datetime | None = None, limit: int = 100
    ) -> Sequence[VaultRead]:
        """Who opened which secrets; newest first."""
        with self._database.reading() as session:
            return audit.listed(session, customer_id=customer_id, since=since, limit=limit)

    def forget_vault_reads(self, limit: int = 5_000) -> int:
        """Delete the rows of that log that are more than a year old, up to ``limit``; how many."""
        with self._database.writing() as session:
            return audit.forget(session, audit.KEPT, limit)

    def claim_run(self, run_id: int, attempt: int) -> Claim | None:
        """Take a queued run for this process; None if it is not to be had now."""
        with self._database.writing() as session:
            return leases.claim(session, run_id, attempt)

    def take_run(self, run_id: int, attempt: int) -> tuple[Claim, Briefing | None] | None:
        """As ``claim_run``, with the briefing, so that the log of what it opens costs no transaction more.

        None instead of the briefing if a secret does not open; ``briefing`` says why.
        """
        with self._database.writing() as session:
            claim = leases.claim(session, run_id, attempt)
            if claim is None:
                return None
            audit.is_for(session, claim.lease.run_id)
            try:
                return claim, briefings.brief(session, self._vault, claim.customer)
            except StorageError:
                return claim, None

    def begin_run(self, customer: Customer, kind: RunKind) -> Claim | None:
        """Make a run that this process holds from the start; None while another run uses the login."""
        with self._database.writing() as session:
            leases.reap(session)
            return leases.begin(session, customer, kind)

    def reap(self) -> int:
        """Queue the runs again whose workers are gone; how many. A wait for the database does not count."""
        since = datetime.now(UTC) if self._database.is_local else None
        with self._database.writing() as session:
            return leases.reap(session, since)

    def runs_to_ring(self, limit: int = 500) -> Sequence[Ring]:
        """Queued runs that workers were not told of; they are taken down as told."""
        with self._database.reading() as session:
            if not leases.has_to_ring(session):
                return []
        with self._database.writing() as session:
            return leases.to_ring(session, limit)

    def unheard_runs(self, limit: int = 500) -> Sequence[Ring]:
        """Queued runs that workers were told of some time ago, and that none has taken."""
        with self._database.reading() as session:
            return leases.unheard(session, limit)

    def keep_rung(self, run_ids: Sequence[int]) -> None:
        """Say that a process has these in line, so that nobody hands them out anew."""
        with self._database.writing() as session:
            leases.keep_rung(session, run_ids)

    def hand_out_anew(self, rings: Sequence[Ring]) -> None:
        """Have these named by ``runs_to_ring`` again, under a new attempt, if still nobody has taken them."""
        with self._database.writing() as session:
            leases.hand_out_anew(session, rings)

    def forget_rings(self) -> None:
        """Have ``runs_to_ring`` name all queued runs again."""
        with self._database.writing() as session:
            leases.forget_rings(session)

    def finish_run(
        self,
        lease: Lease,
        outcome: Outcome,
        message: str,
        *,
        use: str = "",
        seconds: Mapping[str, float] | None = None,
        pages: int = 0,
        evidence: str = "",
        ledger: Sequence[LedgerItem] = (),
        follow: FollowUp | None = None,
        state: bytes | None = None,
    ) -> None:
        """End a run with all that follows. ``use`` is new, reused or challenged_again; LeaseLost.

        ``state`` is the portal's session as the run left it, to be kept if it is another by now.
        """
        how = ending.Ending(outcome, message, use, seconds or {}, pages, evidence, ledger)
        with self._database.writing() as session:
            customer = ending.finish(session, lease, how, follow or FollowUp())
            if customer is not None and state not in (None, self._loaded):
                sessions.save(session, self._vault, customer, state, None)

    def abandon_run(self, lease: Lease) -> None:
        """End a run that was broken off before it had an outcome."""
        with self._database.writing() as session:
            runs.abandon(session, lease)

    def hand_back_run(self, lease: Lease, why: str) -> None:
        """Queue a run again that this process cannot go on with; LeaseLost."""
        with self._database.writing() as session:
            runs.hand_back(session, lease, why)

    def fail_run(self, lease: Lease, why: str, rest: timedelta) -> None:
        """Queue a run again, after ``rest``, that a fault of this machine broke off; LeaseLost."""
        with self._database.writing() as session:
            runs.fail(session, lease, why, rest)

    def stop_run(self, lease: Lease) -> None:
        """End a run that was cancelled while this process held it; LeaseLost."""
        with self._database.writing() as session:
            runs.stop(session, lease)

    def tell_run(self, lease: Lease, step: str, detail: str = "") -> None:
        """Add a line to the story of a run; LeaseLost."""
        with self._database.writing() as session:
            leases.check(session, lease)
            queue.tell(session, lease.run_id, step, detail)

    def cancel_run(self, run_id: int) -> RunState:
        """Cancel it; the state it is in. One under way ends when its worker hears of it. RunRefused."""
        with self._database.writing() as session:
            return runs.cancel(session, run_id)

    def retry_run(self, run_id: int) -> int:
        """Queue what it was for again, now; the new run. RunRefused."""
        with self._database.writing() as session:
            return runs.retry(session, run_id)

    def runs(
        self, *, limit: int = 50, customer_id: int | None = None, active: bool = False
    ) -> Sequence[RunInfo]:
        """Newest first."""
        with self._database.reading() as session:
            return runs.listed(session, limit=limit, customer_id=customer_id, active=active)

    def run_counts(self) -> Mapping[RunState, int]:
        with self._database.reading() as session:
            return runs.counts(session)

    def run_story(self, run_id: int) -> RunStory | None:
        with self._database.reading() as session:
            return runs.story(session, run_id)

    def figures(self, utilities: Iterable[str]) -> Figures:
        """How the whole farm stands; of these utilities also how late their refreshes are."""
        with self._database.reading() as session:
            return figures.figures(session, utilities)

    def resting_portals(self) -> Mapping[str, datetime]:
        """The portals whose circuit breaker is open, and until when."""
        with self._database.reading() as session:
            return portals.resting(session, now(session))

    def queue_due(self, utility: str, every: Mapping[Part, timedelta], limit: int = 1000) -> int:
        """Queue a refresh of the utility's customers who are due; how many."""
        with self._database.writing() as session:
            return refresh.queue_due(session, utility, every, limit)

    def queue_refresh(self, customer_ids: Sequence[int] | None = None) -> Sequence[int]:
        """Queue a refresh of these, or of all who can be refreshed, now; the runs."""
        with self._database.writing() as session:
            return refresh.queue_all(session, customer_ids)

    def forget_runs(self, older_than: timedelta, limit: int = 5000) -> int:
        """Delete up to ``limit`` runs that were over that long ago, but each customer's newest; how many."""
        with self._database.writing() as session:
            return retention.forget_runs(session, older_than, limit)

    def tell_expiring_trust(self, utility: str, lasts: timedelta, ahead: timedelta) -> int:
        """Tell whose trust lapses within ``ahead``, once for each sign-in; how many."""
        with self._database.writing() as session:
            return refresh.tell_expiring(session, utility, lasts, ahead)

    # challenges

    def open_challenge(self, lease: Lease, challenge: Challenge, wait: timedelta) -> int:
        """Enter a challenge that the run now waits for; its id. LeaseLost."""
        with self._database.writing() as session:
            return challenges.open_(session, lease, challenge, wait)

    def answer_challenge(self, challenge_id: int, said: Mapping[str, str]) -> None:
        """Give an answer to the worker that waits for it; AnswerRefused if nobody does any more."""
        with self._database.writing() as session:
            challenges.answer(session, self._vault, challenge_id, said)

    def settled_challenges(self, ids: Collection[int]) -> Sequence[int]:
        """Which of these are open no more."""
        with self._database.reading() as session:
            return challenges.settled(session, ids)

    def take_answer(self, lease: Lease, challenge_id: int) -> Mapping[str, str] | None:
        """The answer, once; None if none came in time. The run goes on either way. LeaseLost."""
        with self._database.writing() as session:
            audit.is_for(session, lease.run_id)
            return challenges.take(session, self._vault, lease, challenge_id)

    def challenges(self, *, only_open: bool = False, limit: int = 1000) -> Sequence[ChallengeInfo]:
        """Newest first."""
        with self._database.reading() as session:
            return challenges.listed(session, only_open=only_open, limit=limit)

    def challenge(self, challenge_id: int) -> ChallengeInfo | None:
        with self._database.reading() as session:
            return next(iter(challenges.listed(session, challenge_id=challenge_id)), None)

    # events

    def events(self, after: int = 0, limit: int = 100, kinds: Collection[EventKind] = ()) -> Sequence[Event]:
        """Those with ids greater than ``after``, by id; none is ever added before one that was there."""
        with self._database.reading() as session:
            return events.after(session, after, limit, kinds)
