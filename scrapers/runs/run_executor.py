"""One attempt at a run: a visit to the portal, as far as it gets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr
from pyotp import TOTP

from meterfarm.mfa.chain import AnswerChain
from meterfarm.mfa.port import Answers
from meterfarm.mfa.security_questions import SecurityAnswers
from meterfarm.mfa.totp import TotpSecret
from meterfarm.records import Account, Factor, LedgerItem, Outcome, Part, RunKind, WhoActs
from meterfarm.scrapers import RUN_SECONDS
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.evidence.evidence import keep_evidence
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.sending import AT_ONCE, InDoubt, Resending
from meterfarm.scrapers.rate_limiter import UNLIMITED, RateLimiter
from meterfarm.scrapers.runs.authenticator import Authenticator, SessionUse, save_session, session_of
from meterfarm.scrapers.runs.collect import Collection
from meterfarm.scrapers.runs.keeping import session_kept
from meterfarm.scrapers.runs.progress import Progress
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.utility import Utility
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.customers import Customer, RunContext
from meterfarm.storage.store import CompanyStore
from meterfarm.support.redact import Secrets
from meterfarm.support.tracing import span


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Whose data to fetch, where from, and who answers for the customer.

    ``password`` is asked for only when it must be sent; it raises ``Stop`` where it must not be.
    ``security_answers`` are by question, "" stands for any. Of intervals
    nothing is fetched that is older than ``since`` or ``intervals_since``. With ``trace_snapshots`` the trace
    of a sign-in that fails has every page of it, which makes signing in a fifth slower. After
    ``run_seconds``, without those for which a person is waited for, the run is ended.
    """

    utility: Utility
    base_url: str
    username: str
    password: Callable[[], Awaitable[SecretStr]] = field(repr=False)
    person: Answers
    totp: TOTP | None = field(default=None, repr=False)
    security_answers: Mapping[str, SecretStr] = field(default_factory=dict, repr=False)
    preferred: Factor | None = None
    since: date | None = None
    intervals_since: date | None = None
    kind: RunKind = RunKind.SCRAPE
    parts: frozenset[Part] = frozenset(Part)
    trace_snapshots: bool = True
    resending: Resending = AT_ONCE
    run_seconds: float = RUN_SECONDS


@dataclass(slots=True)
class RunResult:
    """How a run ended. ``evidence`` is the folder of what is kept of a failure.

    ``seconds`` has ``sign_in``, from when Playwright is up (the browser is started in it), and ``collect``.
    ``pages`` counts browser pages, ``asked_portal`` tells whether the portal was asked for anything at all.
    ``in_doubt`` tells whether it is open what the portal thinks of the password.
    ``finished`` are the parts of which everything the portal lists was gone through, of those ``offered`` by
    the portal. ``again_at`` is when the first export that it is still making is to be there, if it gave one.
    ``state`` is the session as the run left it, which is to be kept with the run's end.
    """

    customer: Customer
    outcome: Outcome
    message: str
    session: SessionUse = SessionUse.NEW
    seconds: dict[str, float] = field(default_factory=dict)
    accounts: Sequence[Account] = ()
    ledger: Sequence[LedgerItem] = ()
    evidence: Path | None = None
    pages: int = 0
    asked_portal: bool = False
    retry_after: int | None = None
    finished: frozenset[Part] = frozenset()
    offered: frozenset[Part] = frozenset(Part)
    in_doubt: InDoubt = InDoubt.NO
    again_at: datetime | None = None
    state: bytes | None = field(default=None, repr=False)


class RunExecutor:
    """Signs in, collects, or both, by the run's kind. Its store writes only while the run is held.

    ``run_context`` is what the store has, if it was asked for already.
    """

    def __init__(
        self,
        request: RunRequest,
        customer: Customer,
        store: CompanyStore,
        chromium: Chromium,
        secrets: Secrets,
        progress: Progress,
        evidence: Path,
        limiter: RateLimiter = UNLIMITED,
        run_context: RunContext | None = None,
    ) -> None:
        self._request = request
        self._customer = customer
        self._store = store
        self._chromium = chromium
        self._secrets = secrets
        self._progress = progress
        self._evidence = evidence
        self._limiter = limiter
        self._run_context = run_context

    async def run(self) -> RunResult:
        """Do it, and return how it ended.

        Raises:
            StorageError, LeaseLost, BrowserGone, RateLimiterUnavailable: faults of our own machine.
        """
        run_context = self._run_context
        if run_context is None:
            run_context = await asyncio.to_thread(self._store.credentials.run_context, self._customer)
        if not run_context.may_collect:
            revoked = "The customer's consent was revoked or has expired; nothing is collected without it."
            return RunResult(self._customer, Outcome.ACTION_REQUIRED, revoked)
        session = await self._saved_session(run_context)
        if self._request.utility.needs_browser and (session is None or not session.signed_in):
            await self._chromium.driver()
            self._chromium.warm_up()
        began = time.monotonic()
        request = self._request
        visit = Visit(
            request.utility,
            request.base_url,
            self._chromium,
            self._answers(),
            self._secrets,
            session,
            self._limiter,
            trace_snapshots=request.trace_snapshots,
            run_seconds=request.run_seconds,
        )
        async with visit:
            result = await self._visited(visit, began, session)
        result.message = self._secrets.scrub(result.message)
        result.ledger = [replace(item, reason=self._secrets.scrub(item.reason)) for item in result.ledger]
        return result

    async def _visited(self, visit: Visit, began: float, saved: PortalSession | None) -> RunResult:
        request, customer = self._request, self._customer
        authenticator = Authenticator(
            request.utility, visit, self._store, customer, request.password, request.resending
        )
        collection = Collection(
            visit,
            authenticator,
            self._store,
            customer,
            self._progress,
            {
                Part.BILLS: request.since,
                Part.INTERVALS: max(filter(None, (request.since, request.intervals_since)), default=None),
            },
            request.parts,
        )
        offered = request.utility.capabilities.parts
        result = RunResult(customer, Outcome.COMPLETE, "Signed in.", offered=offered)
        had_session = saved is not None and saved.signed_in
        try:
            async with session_kept(visit, self._store, customer, lambda: authenticator.signed_in):
                await self._ended(authenticator, collection, result, began, had_session=had_session)
        except BaseException:
            await self._keep_what_was_met(authenticator)
            if authenticator.signed_in:
                await save_session(visit, self._store, customer)
            raise
        await self._keep_what_was_met(authenticator)
        if authenticator.signed_in:
            session = await session_of(visit)
            result.state = session.to_bytes() if session is not None else None
        elif saved is not None and not had_session and _met_no_form(visit, result.outcome):
            await asyncio.to_thread(self._store.credentials.drop_session, customer)
        result.session, result.pages, result.asked_portal = (
            authenticator.use,
            visit.tab.opened,
            bool(visit.steps),
        )
        result.accounts, result.ledger = collection.accounts, collection.ledger.items
        result.finished, result.again_at = frozenset(collection.finished), collection.ledger.again_at
        return result

    async def _keep_what_was_met(self, authenticator: Authenticator) -> None:
        met = authenticator.visit.met
        if met is None:
            return
        await asyncio.to_thread(self._store.logins.note_factor, self._customer, met)
        if not authenticator.signed_in:
            await asyncio.to_thread(self._store.credentials.end_trust, self._customer)

    async def _ended(
        self,
        authenticator: Authenticator,
        collection: Collection,
        result: RunResult,
        began: float,
        *,
        had_session: bool,
    ) -> None:
        try:
            with authenticator.visit.clock.scope():
                await self._through(authenticator, collection, result, began, had_session=had_session)
        except Stop as stop:
            result.outcome, result.message, result.retry_after = stop.outcome, stop.message, stop.retry_after
            result.in_doubt = authenticator.in_doubt
            visit = authenticator.visit
            if visit.steps:
                visit.note("run.stopped", outcome=str(stop.outcome), reason=stop.message)
            result.evidence = await keep_evidence(visit, self._evidence)

    async def _through(
        self,
        authenticator: Authenticator,
        collection: Collection,
        result: RunResult,
        began: float,
        *,
        had_session: bool,
    ) -> None:
        self._progress.step("signing in")
        try:
            proof = None if self._request.kind is RunKind.CONNECT else collection.find_accounts
            with span("sign_in") as stage:
                await authenticator.ensure_signed_in(proof, had_session=had_session)
                stage.set(session=authenticator.use.value)
        finally:
            entered = time.monotonic()
            result.seconds["sign_in"] = round(entered - began, 3)
        log: Any = structlog.get_logger("run")
        log.info("run.signed_in", session=authenticator.use.value, elapsed=result.seconds["sign_in"])
        if self._request.kind is RunKind.CONNECT:
            return
        try:
            with span("collect"):
                result.outcome, result.message = await collection.collect()
        finally:
            result.seconds["collect"] = round(time.monotonic() - entered, 3)
        log.info("run.collected", elapsed=result.seconds["collect"])

    async def _saved_session(self, run_context: RunContext) -> PortalSession | None:
        """The saved session; one that cannot be opened any more is dropped, and the run signs in anew."""
        fault = run_context.session_fault
        try:
            if not fault:
                return PortalSession.from_bytes(run_context.session.state) if run_context.session else None
        except (ValueError, TypeError) as exc:
            fault = str(exc)
        structlog.get_logger("run").warning("session.dropped", reason=fault)
        await asyncio.to_thread(self._store.credentials.drop_session, self._customer)
        return None

    def _answers(self) -> Answers:
        async def claim(step: int) -> bool:
            return await asyncio.to_thread(self._store.logins.claim_totp_step, self._customer, step)

        request = self._request
        totp = TotpSecret(request.totp, claim) if request.totp else None
        answers = SecurityAnswers(request.security_answers)
        return AnswerChain(request.person, totp, answers, request.preferred)


def _met_no_form(visit: Visit, outcome: Outcome) -> bool:
    """Whether a sign-in ended before anything was typed, on a page that its script does not know.

    What was kept of the device may be why: the portal may have gone on with a sign-in that was left half-way.
    """
    return outcome.who_acts is WhoActs.US and not visit.page.filled
