"""Signing in: with the saved session where the portal still knows it, else with the password and MFA."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from playwright.async_api import Error as PlaywrightError
from pydantic import SecretStr

from meterfarm.records import Outcome
from meterfarm.scrapers.boundaries import script_errors
from meterfarm.scrapers.outcomes import SessionEnded, Stop
from meterfarm.scrapers.page.sending import AT_ONCE, InDoubt, Resending, Sending
from meterfarm.scrapers.script_calls import SIGNING_IN
from meterfarm.scrapers.state import PortalSession
from meterfarm.scrapers.utility import Credentials, Utility
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.support.tracing import span

T = TypeVar("T")
_CHOKED = frozenset({Outcome.UNKNOWN_PAGE, Outcome.LAYOUT_CHANGED, Outcome.PORTAL_DOWN})
"""What may become of a first page that old cookies came with."""
_ASKED_SECONDS = 5.0
"""How long a page may take to say what is to be kept of it."""


class SessionUse(StrEnum):
    """How a run signed in."""

    NEW = "new"
    REUSED = "reused"
    CHALLENGED_AGAIN = "challenged_again"


class Authenticator:
    """Signs one visit in, and again once if the portal drops its session on the way.

    ``password`` is asked for only when a password must be sent.
    """

    def __init__(
        self,
        utility: Utility,
        visit: Visit,
        store: CompanyStore,
        customer: Customer,
        password: Callable[[], Awaitable[SecretStr]],
        resending: Resending = AT_ONCE,
    ) -> None:
        self.utility = utility
        self.visit = visit
        self._store = store
        self._customer = customer
        self._password = password
        self._resending = resending
        self._entering = asyncio.Lock()
        self._lost = False
        self.entries = 0
        self.use = SessionUse.NEW
        self.signed_in = False

    async def ensure_signed_in(
        self, proof: Callable[[], Awaitable[object]] | None = None, *, had_session: bool
    ) -> None:
        """Reuse the session or sign in.

        ``proof`` is something useful that only works when signed in, done instead of just asking.

        Raises:
            Stop: the customer, the portal or the script is at fault.
        """
        if had_session and await self._still_known(proof):
            self.use = SessionUse.REUSED
            return
        await self._sign_in()
        if had_session and self.visit.challenged:
            self.use = SessionUse.CHALLENGED_AGAIN

    async def _still_known(self, proof: Callable[[], Awaitable[object]] | None) -> bool:
        """Assumed signed in until the portal shows otherwise: a token that it rotates meanwhile is kept."""
        self.signed_in = True
        try:
            with (
                self.visit.clock.scope(),
                script_errors(self.utility.name, "using the saved session", note=self.visit.note),
            ):
                async with self.visit.script_call("accounts" if proof is not None else "is_signed_in"):
                    if proof is not None:
                        await proof()
                    else:
                        self.signed_in = await self.utility.is_signed_in(self.visit)
        except SessionEnded:
            self.signed_in = False
        return self.signed_in

    async def in_session(
        self, method: str, operation: Callable[[], Awaitable[T]], *, of_item: bool = True
    ) -> T:
        """Call ``method`` by ``operation`` in a session; if the portal drops that, sign in and do it again.

        ``of_item`` it is about a document, or an account's list of them, which may fail by itself.
        """
        while True:
            entries = self.entries
            try:
                with (
                    self.visit.clock.scope(),
                    script_errors(self.utility.name, "collecting", note=self.visit.note, of_item=of_item),
                ):
                    async with self.visit.script_call(method):
                        return await operation()
            except SessionEnded:
                await self._sign_in_again(entries)

    async def _sign_in_again(self, entries: int) -> None:
        """Of several operations that notice the same lost session, the first signs in for all."""
        async with self._entering:
            if entries != self.entries:
                return
            if self._lost:
                raise Stop(
                    Outcome.PORTAL_DOWN,
                    f"{self.utility.name} ended the session twice in one visit; try again later.",
                )
            self._lost = True
            self.visit.note("session.ended")
            with span("sign_in") as stage:
                stage.set(again=True)
                await self._sign_in()
            self.use = SessionUse.CHALLENGED_AGAIN if self.visit.challenged else SessionUse.NEW

    async def _sign_in(self) -> None:
        self.signed_in = False
        with self.visit.clock.scope(), self.visit.clock.asking():
            password = await self._password()
        self.visit.secrets.add(password.get_secret_value())
        sending = self.visit.page.sending = Sending(
            self._store, self.utility.name, self._customer, password.get_secret_value(), self._resending
        )
        await sending.must_be_allowed()
        try:
            with self.visit.clock.scope():
                async with _device_kept(self.visit, self._store, self._customer):
                    with script_errors(self.utility.name, "signing in", note=self.visit.note):
                        await self._through_the_pages(password)
        except Stop as stop:
            await sending.stopped(stop, self.visit.secrets.scrub)
            raise
        self.visit.page.sending = None
        self.entries += 1
        self.signed_in = True
        self.visit.signed_in_anew()
        await self.visit.tab.end_trace()
        await asyncio.to_thread(self._store.logins.clear, self._customer)
        await save_session(self.visit, self._store, self._customer, fresh=True)

    async def _through_the_pages(self, password: SecretStr) -> None:
        """Once more without old cookies, if it came to nothing before anything was typed: some portals
        choke on those of a session that has ended.
        """
        try:
            await self._signed_in_by_script(password)
        except Stop as stop:
            sending = self.visit.page.sending
            is_early = sending is not None and not sending.has_typed
            if not is_early or stop.outcome not in _CHOKED or not await self.visit.tab.drop_cookies():
                raise
            self.visit.note("cookies.dropped", reason=stop.message)
            await self._signed_in_by_script(password)

    async def _signed_in_by_script(self, password: SecretStr) -> None:
        try:
            async with self.visit.script_call(SIGNING_IN):
                await self.utility.sign_in(self.visit, Credentials(self._customer.username, password))
        except SessionEnded as exc:
            raise Stop(
                Outcome.PORTAL_DOWN,
                f"{self.utility.name} ended the session while signing in; try again later.",
            ) from exc

    @property
    def in_doubt(self) -> InDoubt:
        """Whether it is open what the portal thinks of the password."""
        sending = self.visit.page.sending
        return sending.in_doubt if isinstance(sending, Sending) else InDoubt.NO


async def session_of(visit: Visit) -> PortalSession | None:
    """The portal session as it is to be kept, with the cookies that the portal has rotated since."""
    try:
        async with asyncio.timeout(_ASKED_SECONDS):
            return await visit.session()
    except (PlaywrightError, TimeoutError) as exc:
        visit.note("session.not_saved", reason=str(exc).partition("\n")[0])
        return None


async def save_session(visit: Visit, store: CompanyStore, customer: Customer, *, fresh: bool = False) -> None:
    """Keep the portal session at once, encrypted."""
    session = await session_of(visit)
    if session is not None:
        mark = visit.given_mark
        trusted_since = datetime.now(UTC) if fresh and visit.challenged else None
        await asyncio.to_thread(
            store.credentials.save_session, customer, session.to_bytes(), trusted_since=trusted_since
        )
        visit.saved_mark = mark


@asynccontextmanager
async def _device_kept(visit: Visit, store: CompanyStore, customer: Customer) -> AsyncIterator[None]:
    """Around a sign-in: if it comes to nothing behind an MFA, the customer is not asked again for that."""
    try:
        yield
    except BaseException:
        session = await session_of(visit) if visit.challenged else None
        device = session.of_device(time.time()) if session is not None else None
        if device is not None and (device.storage_state["cookies"] or device.storage_state["origins"]):
            await asyncio.to_thread(
                store.credentials.save_session, customer, device.to_bytes(), trusted_since=None
            )
        raise
