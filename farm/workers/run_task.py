"""One run in a worker, from its claim to its end, whatever that is."""

from __future__ import annotations

import asyncio
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr

from meterfarm.farm.codes.channels import CodeChannels
from meterfarm.farm.codes.mailboxes import MailboxConnections
from meterfarm.farm.policy import TracePolicy, follow_up, offered, resend_after
from meterfarm.farm.redis.limits import RateLimits
from meterfarm.farm.settings import FarmSettings, portal_address, without_address
from meterfarm.farm.telemetry.metrics import Metrics
from meterfarm.farm.workers.challenge_broker import ChallengeBroker, PendingChallenges, Slot
from meterfarm.mfa.totp import parse_totp_secret
from meterfarm.records import Factor, Outcome, RunKind, SecretKind, WhoActs
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.page.sending import Resending
from meterfarm.scrapers.rate_limiter import RateLimiter, RateLimiterUnavailable
from meterfarm.scrapers.runs.progress import NoProgress
from meterfarm.scrapers.runs.run_executor import RunExecutor, RunRequest, RunResult
from meterfarm.scrapers.utility import Utility
from meterfarm.storage import LeaseLost, StorageError
from meterfarm.storage.customers import RunContext
from meterfarm.storage.runs import Claim
from meterfarm.storage.store import Store
from meterfarm.support.errors import MachineError
from meterfarm.support.logs import logs_of, scrub_from_here
from meterfarm.support.redact import Secrets
from meterfarm.support.tracing import span
from meterfarm.utilities import BrokenUtility, UnknownUtility, load_utility

_MACHINE_FAULTS = (MachineError, RateLimiterUnavailable)
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)
_REST_AFTER_FAULT = timedelta(seconds=5)
_BY_ITSELF = timedelta(minutes=3)
"""How long a refresh waits for a code that comes by itself."""


class StopReason(StrEnum):
    """Why a run is aborted from outside."""

    CANCELLED = "cancelled"
    LEASE_LOST = "lease lost"
    STOPPING = "its worker is being stopped"


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What the runs of a process share."""

    store: Store
    chromium: Chromium
    limits: RateLimits
    waiting: PendingChallenges
    mailboxes: MailboxConnections
    settings: FarmSettings
    evidence: Path
    metrics: Metrics = field(default_factory=Metrics)
    trace_policy: TracePolicy = field(default_factory=TracePolicy)


class RunTask:
    """A run that this process has claimed. ``run_context`` None: it is read from the store."""

    def __init__(
        self, claim: Claim, slot: Slot, context: WorkerContext, run_context: RunContext | None
    ) -> None:
        self.claim = claim
        self.slot = slot
        self._context = context
        self._run_context = run_context
        self._store = context.store.holding(claim, run_context)
        self._secrets = Secrets()
        self._reason = StopReason.STOPPING
        self._every = context.settings.every
        self._began = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._log: Any = structlog.get_logger("run").bind(kind=claim.kind.value)

    def start(self) -> asyncio.Task[None]:
        """Begin to execute the run; the task ends when its end is stored."""
        self._task = asyncio.create_task(self._run(), name=f"run {self.claim.lease.run_id}")
        return self._task

    def stop(self, why: StopReason) -> None:
        """Abort the run."""
        self._reason = why
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        scrub_from_here(self._secrets)
        claim, began = self.claim, self._began
        run, utility, customer = claim.lease.run_id, claim.customer.utility, claim.customer.id
        with logs_of(run, utility, customer):
            self._log.info("run.claimed", attempt=claim.attempt, parts=sorted(claim.parts))
            try:
                with span("run", run__id=run, utility=utility, customer__id=customer) as stage:
                    stage.set(kind=claim.kind.value, attempt=claim.attempt)
                    end = await self._executed()
                    stage.set(**{"outcome" if end in _OUTCOMES else "why": end})
            finally:
                self.slot.release()
            elapsed = round(time.monotonic() - began, 3)
            event = ("run.ended", "outcome") if end in _OUTCOMES else ("run.aborted", "reason")
            self._log.info(event[0], attempt=claim.attempt, elapsed=elapsed, **{event[1]: end})

    async def _executed(self) -> str:
        """Execute the run and leave it in a true state; its outcome, or why it was aborted."""
        try:
            result = await self._result()
            await self._finish(result)
        except LeaseLost:
            return self._lost()
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.create_task(self._aborted()))
            return self._reason
        except _MACHINE_FAULTS as exc:
            return await self._failed(str(exc))
        except Exception as exc:  # noqa: BLE001 - a fault of our own must not leave a run hanging
            kept = await asyncio.to_thread(self._keep_crash, exc)
            return await self._failed(f"a fault of our own ({type(exc).__name__}); see {kept}")
        return result.outcome.value

    async def _result(self) -> RunResult:
        customer, context = self.claim.customer, self._context
        try:
            utility = load_utility(customer.utility)
        except UnknownUtility as exc:
            return RunResult(customer, Outcome.NOT_CONFIGURED, str(exc))
        except BrokenUtility as exc:
            return RunResult(customer, Outcome.INTERNAL, str(exc))
        self._every = offered(context.settings.every, utility)
        address = portal_address(utility, context.settings)
        if not address:
            return RunResult(customer, Outcome.NOT_CONFIGURED, without_address(utility))
        run_context = self._run_context
        if run_context is None:
            run_context = await asyncio.to_thread(self._store.credentials.run_context, customer)
        kept = (*run_context.secrets.values(), *run_context.answers.values())
        self._secrets.add(*(secret.get_secret_value() for secret in kept))
        request = self._request(utility, address, run_context)
        executor = RunExecutor(
            request,
            customer,
            self._store,
            context.chromium,
            self._secrets,
            NoProgress(),
            context.evidence / str(self.claim.lease.run_id),
            _limiter(context, utility),
            run_context,
        )
        return await executor.run()

    def _request(self, utility: Utility, address: str, run_context: RunContext) -> RunRequest:
        claim, settings = self.claim, self._context.settings
        entrusted = run_context.secrets
        totp = entrusted.get(SecretKind.TOTP_SECRET)
        context = self._context
        channels = CodeChannels(self._store, claim.lease, claim.customer, utility, context.mailboxes)
        return RunRequest(
            utility=utility,
            base_url=address,
            username=claim.customer.username,
            password=lambda: _password(claim, utility, run_context, channels),
            person=self._broker(channels),
            totp=parse_totp_secret(totp.get_secret_value()) if totp else None,
            security_answers=run_context.answers,
            since=_since(settings.history_days, utility),
            intervals_since=_since(settings.interval_days, utility),
            kind=claim.kind,
            parts=claim.parts,
            trace_snapshots=context.trace_policy.keeps_snapshots(utility.id),
            resending=Resending(resend_after(self._every), asked=claim.asked),
            run_seconds=settings.run_seconds,
        )

    def _broker(self, channels: CodeChannels) -> ChallengeBroker:
        """Where the run waits for answers. A refresh takes those that come by themselves, and asks nobody."""
        context, attended = self._context, self.claim.kind is RunKind.CONNECT
        wait = timedelta(seconds=context.settings.mfa_wait)
        if not attended:
            wait = min(wait, _BY_ITSELF)
        lease, waiting = self.claim.lease, context.waiting
        return ChallengeBroker(self._store, lease, self.slot, waiting, wait, channels, attended=attended)

    async def _finish(self, result: RunResult) -> None:
        self._context.trace_policy.record(self.claim.customer.utility, result.outcome, result.pages)
        asks = await self._asks_somebody(result.outcome)
        follow = follow_up(self.claim, result, datetime.now(UTC), self._every, asks_somebody=asks)
        with span("store", what="end"):
            await asyncio.to_thread(
                self._store.runs.finish,
                self.claim.lease,
                result.outcome,
                result.message,
                use=result.session,
                seconds=result.seconds,
                pages=result.pages,
                evidence=str(result.evidence or ""),
                ledger=result.ledger,
                follow=follow,
                state=result.state,
            )
        seconds = {**result.seconds, "run": time.monotonic() - self._began}
        self._context.metrics.ended(self.claim, result.outcome.value, seconds)

    async def _asks_somebody(self, outcome: Outcome) -> bool:
        """Whether a portal that could not be signed in to has asked for a code or an answer, now or once."""
        if self.claim.kind is not RunKind.CONNECT or outcome.who_acts is not WhoActs.US:
            return False
        return bool(await asyncio.to_thread(self._store.logins.last_factor, self.claim.customer))

    async def _aborted(self) -> None:
        store, lease, metrics = self._store, self.claim.lease, self._context.metrics
        metrics.aborted(self.claim, self._reason.name.lower())
        with suppress(LeaseLost):
            if self._reason is StopReason.CANCELLED:
                await asyncio.to_thread(store.runs.stop, lease)
            elif self._reason is StopReason.STOPPING:
                await asyncio.to_thread(store.runs.hand_back, lease, self._reason.value)
                metrics.queued_again(1, "handed_back")

    async def _failed(self, why: str) -> str:
        """A fault of this machine: another attempt is made, here or elsewhere, a few times."""
        why = self._secrets.scrub(why)
        try:
            await asyncio.to_thread(self._store.runs.fail, self.claim.lease, why, _REST_AFTER_FAULT)
            self._context.metrics.queued_again(1, "fault")
        except LeaseLost:
            return self._lost()
        except StorageError as exc:
            self._log.error("run.left_to_its_lease", reason=self._secrets.scrub(str(exc)))
        self._context.metrics.aborted(self.claim, "fault")
        return why

    def _lost(self) -> str:
        self._context.metrics.aborted(self.claim, StopReason.LEASE_LOST.name.lower())
        return StopReason.LEASE_LOST

    def _keep_crash(self, error: Exception) -> Path:
        folder = self._context.evidence / str(self.claim.lease.run_id)
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        file = folder / f"crash-{self.claim.attempt}.log"
        file.touch(mode=0o600)
        file.write_text(self._secrets.scrub("".join(traceback.format_exception(error))), encoding="utf-8")
        return file


def _since(days: int, utility: Utility) -> date | None:
    return datetime.now(utility.zone).date() - timedelta(days=days) if days else None


def _limiter(context: WorkerContext, utility: Utility) -> RateLimiter:
    limit = context.settings.limit(utility.id)
    limiter = context.limits.named(utility.id, *limit) if limit else context.limits.of(utility)
    return context.metrics.measured(utility.id, limiter)


async def _password(
    claim: Claim, utility: Utility, run_context: RunContext, channels: CodeChannels
) -> SecretStr:
    """The password, where it may be sent: a refresh must not make the portal send somebody a code."""
    await channels.load()
    answers_itself = {
        "": True,
        Factor.TOTP.value: SecretKind.TOTP_SECRET in run_context.secrets,
        Factor.QUESTION.value: bool(run_context.answers),
        Factor.EMAIL.value: channels.may_be_trusted(Factor.EMAIL),
        Factor.SMS.value: channels.may_be_trusted(Factor.SMS),
    }
    asks_nobody = answers_itself.get(run_context.factor, False) or _is_trusted(utility, run_context)
    if claim.kind is RunKind.COLLECT and not asks_nobody:
        raise Stop(
            Outcome.MFA_REQUIRED,
            f"{utility.name} ended the session and asks this customer for a code or an answer at sign-in; "
            "they have to come back.",
        )
    password = run_context.secrets.get(SecretKind.PASSWORD)
    if password is None:
        raise Stop(Outcome.ACTION_REQUIRED, "No password is stored for the customer; give it to sign in.")
    await channels.expect(None)
    return password


def _is_trusted(utility: Utility, run_context: RunContext) -> bool:
    """Whether the portal promised to let the saved session's device in without MFA."""
    since = run_context.session.trusted_since if run_context.session is not None else None
    if since is None or utility.trust_days is None:
        return False
    return datetime.now(UTC) < since + timedelta(days=utility.trust_days)
