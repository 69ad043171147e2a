"""One customer, once, from the door to the last document."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import structlog
from pydantic import SecretStr
from pyotp import TOTP

from mfa.chain import AnswerChain
from mfa.port import Answers
from mfa.totp import TotpSecret
from records import Account, Factor, LedgerItem, Outcome
from scrapers.browser import Chromium
from scrapers.collect import Collection
from scrapers.connect import Door, SessionUse, save_session
from scrapers.daemon_thread import in_daemon_thread
from scrapers.evidence import keep_evidence
from scrapers.outcomes import Stop
from scrapers.progress import Progress
from scrapers.redact import Secrets
from scrapers.state import PortalSession
from scrapers.utility import Utility
from scrapers.visit import Visit
from storage.errors import StorageError
from storage.locks import LoginLock
from storage.results import Customer
from storage.store import Store


@dataclass(frozen=True, slots=True)
class Request:
    """Whose data to fetch, where from, and who answers for the customer."""

    utility: Utility
    base_url: str
    username: str
    password: Callable[[], Awaitable[SecretStr]] = field(repr=False)
    person: Answers
    totp: TOTP | None = field(default=None, repr=False)
    preferred: Factor | None = None
    since: date | None = None


@dataclass(slots=True)
class Result:
    """How a run ended. ``evidence`` is the folder of what is kept of a failure.

    ``seconds`` has ``sign_in``, from when Playwright is up (the browser is started in it), and ``collect``.
    """

    customer: Customer
    outcome: Outcome
    message: str
    session: SessionUse
    seconds: dict[str, float]
    accounts: Sequence[Account] = ()
    ledger: Sequence[LedgerItem] = ()
    evidence: Path | None = None


class Run:
    """One run for one customer."""

    def __init__(
        self,
        request: Request,
        store: Store,
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

    async def go(self) -> Result:
        """Sign in, collect, and say what it came to. Only faults of our own machine raise."""
        customer = await asyncio.to_thread(
            self._store.customer, self._request.utility.id, self._request.username
        )
        lock = self._store.login_lock(customer)
        await self._wait_for(lock)
        try:
            return await self._alone(customer)
        finally:
            lock.release()

    async def _wait_for(self, lock: LoginLock) -> None:
        """One run a login at a time: two could send a wrong password twice, or end each other's session."""
        if not lock.try_acquire():
            self._progress.step("waiting for another run of this login")
            await in_daemon_thread(lock.acquire)

    async def _alone(self, customer: Customer) -> Result:
        if not await asyncio.to_thread(self._store.may_collect, customer):
            revoked = "The customer's consent was revoked; nothing is collected without it."
            return Result(customer, Outcome.ACTION_REQUIRED, revoked, SessionUse.NEW, {})
        run_id = await asyncio.to_thread(self._store.start_run, customer, "scrape")
        try:
            result = await self._visited(customer, self._evidence / str(run_id))
        except BaseException:
            await asyncio.to_thread(self._store.abandon_run, run_id)
            raise
        result.message = self._secrets.scrub(result.message)
        result.ledger = [replace(item, reason=self._secrets.scrub(item.reason)) for item in result.ledger]
        await asyncio.to_thread(self._finish, run_id, result)
        return result

    async def _saved_session(self, customer: Customer) -> PortalSession | None:
        """The saved session; one that cannot be opened any more is dropped, and the run signs in anew."""
        try:
            saved = await asyncio.to_thread(self._store.load_session, customer)
            return PortalSession.from_bytes(saved.state) if saved else None
        except (StorageError, ValueError, TypeError) as exc:
            structlog.get_logger("run").warning("saved session dropped", reason=str(exc))
            await asyncio.to_thread(self._store.drop_session, customer)
            return None

    async def _visited(self, customer: Customer, evidence: Path) -> Result:
        await self._chromium.driver()
        began = time.monotonic()
        session = await self._saved_session(customer)
        if session is None:
            self._chromium.warm_up()
        request = self._request
        visit = Visit(
            request.utility, request.base_url, self._chromium, self._answers(customer), self._secrets, session
        )
        async with visit:
            door = Door(request.utility, visit, self._store, customer, request.password)
            collection = Collection(visit, door, self._store, customer, self._progress, request.since)
            result = Result(customer, Outcome.COMPLETE, "", door.use, {})
            try:
                await self._through(door, collection, result, began, had_session=session is not None)
            except Stop as stop:
                result.outcome, result.message = stop.outcome, stop.message
                result.evidence = await keep_evidence(visit, evidence)
            finally:
                if door.inside_now:
                    await save_session(visit, self._store, customer)
            result.session = door.use
            result.accounts, result.ledger = collection.accounts, collection.ledger.items
        return result

    async def _through(
        self, door: Door, collection: Collection, result: Result, began: float, *, had_session: bool
    ) -> None:
        self._progress.step("signing in")
        try:
            await door.enter(had_session=had_session)
        finally:
            entered = time.monotonic()
            result.seconds["sign_in"] = round(entered - began, 3)
        try:
            result.outcome, result.message = await collection.collect()
        finally:
            result.seconds["collect"] = round(time.monotonic() - entered, 3)

    def _answers(self, customer: Customer) -> Answers:
        async def claim(step: int) -> bool:
            return await asyncio.to_thread(self._store.claim_totp_step, customer, step)

        totp = TotpSecret(self._request.totp, claim) if self._request.totp else None
        return AnswerChain(self._request.person, totp, self._request.preferred)

    def _finish(self, run_id: int, result: Result) -> None:
        self._store.finish_run(
            run_id,
            result.outcome,
            result.message,
            session=result.session,
            seconds=result.seconds,
            ledger=result.ledger,
        )
