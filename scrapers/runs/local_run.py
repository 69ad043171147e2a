"""One customer, once, from the authenticator to the last document, for whoever waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from meterfarm.records import RunKind
from meterfarm.scrapers.browser.chromium import Chromium
from meterfarm.scrapers.runs.progress import Progress
from meterfarm.scrapers.runs.run_executor import RunExecutor, RunRequest, RunResult
from meterfarm.storage import LeaseLost, StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.runs import Claim
from meterfarm.storage.store import CompanyStore
from meterfarm.support.logs import logs_of
from meterfarm.support.redact import Secrets
from meterfarm.support.tracing import span

_BEAT = 5.0
_LOOK_AGAIN = 0.3


class LocalRun:
    """One run that is created, leased and ended here."""

    def __init__(
        self,
        request: RunRequest,
        store: CompanyStore,
        chromium: Chromium,
        secrets: Secrets,
        progress: Progress,
        evidence: Path,
    ) -> None:
        self._request = request
        self._store = store
        self._chromium = chromium
        self._secrets = secrets
        self._progress = progress
        self._evidence = evidence

    async def run(self) -> RunResult:
        """Sign in, collect, and return how it ended.

        Raises:
            StorageError, BrowserGone, RateLimiterUnavailable: faults of our own machine; nothing else raises.
        """
        customer = await asyncio.to_thread(
            self._store.customers.ensure, self._request.utility.id, self._request.username
        )
        claim = await self._begin(customer)
        run, utility, began = claim.lease.run_id, customer.utility, time.monotonic()
        with (
            logs_of(run, utility, customer.id),
            span("run", run__id=run, utility=utility, customer__id=customer.id) as stage,
        ):
            result = await self._went(claim, customer)
            stage.set(kind=claim.kind.value, outcome=result.outcome.value)
            elapsed = round(time.monotonic() - began, 3)
            structlog.get_logger("run").info("run.ended", outcome=result.outcome.value, elapsed=elapsed)
        return result

    async def _went(self, claim: Claim, customer: Customer) -> RunResult:
        held = self._store.holding(claim.lease)
        executor = RunExecutor(
            self._request,
            customer,
            held,
            self._chromium,
            self._secrets,
            self._progress,
            self._evidence / str(claim.lease.run_id),
        )
        try:
            async with _held(self._store):
                result = await executor.run()
        except BaseException:
            with suppress(LeaseLost):
                await asyncio.to_thread(self._store.runs.abandon, claim.lease)
            raise
        await asyncio.to_thread(_finish, held, claim, result)
        return result

    async def _begin(self, customer: Customer) -> Claim:
        """One run a login at a time: two could send a wrong password twice, or end each other's session."""
        waiting = False
        while True:
            claim = await asyncio.to_thread(self._store.runs.begin, customer, RunKind.SCRAPE)
            if claim is not None:
                return claim
            if not waiting:
                self._progress.step("waiting for another run of this login")
                waiting = True
            await asyncio.sleep(_LOOK_AGAIN)


@asynccontextmanager
async def _held(store: CompanyStore) -> AsyncIterator[None]:
    """Keep this process's leases alive."""

    async def beats() -> None:
        while True:
            await asyncio.sleep(_BEAT)
            try:
                await asyncio.to_thread(store.farm.workforce.heartbeat)
            except StorageError as exc:
                structlog.get_logger("run").warning("lease.not_renewed", reason=str(exc))

    beating = asyncio.create_task(beats())
    try:
        yield
    finally:
        beating.cancel()


def _finish(store: CompanyStore, claim: Claim, result: RunResult) -> None:
    store.runs.finish(
        claim.lease,
        result.outcome,
        result.message,
        use=result.session,
        seconds=result.seconds,
        pages=result.pages,
        evidence=str(result.evidence or ""),
        ledger=result.ledger,
        state=result.state,
    )
