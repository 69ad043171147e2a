"""Sends what is due of the outbox of mail. Every worker process has one; a mail is leased to one of them.

A mail that the server took is not sent again, unless the process dies between its answer and the row: then
the second has the same Message-ID.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from meterfarm.farm.mail.sending import MailResult, MailSender
from meterfarm.farm.telemetry.metrics import Metrics
from meterfarm.farm.webhooks.schedule import next_attempt
from meterfarm.records import Mail
from meterfarm.storage import StorageError
from meterfarm.storage.channels import DueMail, MailNotice, MailState
from meterfarm.storage.store import CompanyStore, Store

WriteNotice = Callable[[CompanyStore, MailNotice, str], Mail | None]
"""The mail to an address that announces something of a customer; None if nothing is to be announced now."""

LEASE = timedelta(seconds=120)
"""An attempt and its bookkeeping take less."""
_LOOK_SECONDS = 2.0
_FINISH_SECONDS = 3.0
_ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_AT_ONCE = 4
_BECAME = {MailState.SENT: "sent", MailState.PENDING: "failed", MailState.GIVEN_UP: "given_up"}
_GONE = "There is nothing to announce any more: the customer or the data is gone."


class MailOutbox:
    """Sends until cancelled. ``write`` makes the mail of a notice."""

    def __init__(
        self, store: Store, sender: MailSender, write: WriteNotice, metrics: Metrics | None = None
    ) -> None:
        self._store = store
        self._metrics = metrics or Metrics()
        self._sender = sender
        self._write = write
        self._log: Any = structlog.get_logger("mail")

    async def run(self) -> None:
        """Look every two seconds. The database may be away for a while.

        What is under way when it is cancelled has a moment to be handed in.

        Raises:
            asyncio.CancelledError: it is cancelled.
        """
        while True:
            looking = asyncio.create_task(self._look_until_done())
            try:
                await asyncio.shield(looking)
            except asyncio.CancelledError:
                await asyncio.wait({looking}, timeout=_FINISH_SECONDS)
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
                raise
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look_until_done(self) -> None:
        try:
            while await self.look():
                pass
        except StorageError as exc:
            self._log.warning("task.failed", task="mail", reason=str(exc))

    async def look(self) -> int:
        """Take what is due and send it; how many mails these were. Raises StorageError."""
        if not await asyncio.to_thread(self._store.mails.are_due):
            return 0
        due = await asyncio.to_thread(self._store.mails.take, _AT_ONCE, LEASE)
        async with asyncio.TaskGroup() as group:
            for each in due:
                group.create_task(self._deliver(each))
        return len(due)

    async def _deliver(self, due: DueMail) -> None:
        began = time.monotonic()
        try:
            result = await self._attempt(due)
            await self._settle(due, result, time.monotonic() - began)
        except StorageError as exc:  # its lease lapses, and it is taken again
            self._log.warning("mail.unsettled", mail=due.id, reason=str(exc))

    async def _attempt(self, due: DueMail) -> MailResult:
        """Raises StorageError."""
        mail = due.mail
        if due.notice is not None:
            store = self._store.within(due.company_id)
            try:
                mail = await asyncio.to_thread(self._write, store, due.notice, due.to)
            except StorageError:
                raise
            except Exception as exc:  # noqa: BLE001 - a mail that cannot be written keeps back no other
                self._log.error("mail.unwritten", mail=due.id, fault=type(exc).__name__)
                return MailResult("The mail could not be written.", is_final=True)
        if mail is None:
            return MailResult(_GONE, is_final=True)
        return await self._sender.send(mail, due.message_id)

    async def _settle(self, due: DueMail, result: MailResult, seconds: float) -> None:
        again_in = None
        if result.fault and not result.is_final:
            again_in = next_attempt(due.attempt, due.age)
        became = await asyncio.to_thread(self._store.mails.settle, due, result.fault, again_in)
        if became is not None:
            self._metrics.mail_sent(_BECAME[became], seconds)
        if became is MailState.SENT:
            self._log.info("mail.sent", mail=due.id)
        elif became is not None:
            self._log.warning(
                "mail.failed",
                mail=due.id,
                became=became.value,
                attempt=due.attempt,
                reason=_ADDRESS.sub("(an address)", result.fault),
            )
