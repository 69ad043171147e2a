"""Mailboxes as this process looks into them: only while somebody here waits for a code, and a while after."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog

from meterfarm.farm.codes.code_search import CodeSearch, PendingCode
from meterfarm.farm.codes.imap import Imap, MailboxCursor, MailboxDown
from meterfarm.storage import StorageError
from meterfarm.storage.channels import WAITS_FOR_MAIL, MailboxInfo
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.tasks import detached_task, in_daemon_thread

_FIRST_LOOK, _LONGEST_LOOK = 1.0, 20.0
"""Seconds after which an idle mailbox is searched without an announcement, which may be missed."""
_APART = 0.2
"""Seconds between two looks at least, however much the mailbox says."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_SHORT_PAUSE = 2.0
"""The longest pause of which nobody need hear, after a connection that has looked for mail."""
_REFUSED_PAUSE = 300.0


@dataclass(frozen=True, slots=True)
class MailboxTimes:
    """Seconds: to wait for a ``cursor``; to stay connected; between polls where there is no IDLE."""

    cursor: float = 5.0
    linger: float = 30.0
    poll: float = 3.0


class MailboxConnections:
    """The mailboxes that this process searches. ``resolved`` gets each challenge that is answered."""

    def __init__(
        self, store: Store, resolved: Callable[[int], None], times: MailboxTimes = MailboxTimes()
    ) -> None:
        self._store = store
        self._resolved = resolved
        self._times = times
        self._open: dict[int, Mailbox] = {}

    def named(self, info: MailboxInfo) -> Mailbox:
        """The mailbox, a new one if its account has changed."""
        known = self._open.get(info.id)
        if known is None or known.info.account != info.account:
            if known is not None:
                known.close()
            store = self._store.within(info.company_id)
            known = self._open[info.id] = Mailbox(info, store, self._resolved, self._times)
        return known

    def close(self) -> None:
        """End what is under way, without waiting."""
        for mailbox in self._open.values():
            mailbox.close()


class Mailbox:
    """One mailbox: a connection when it is needed, whoever in this process needs it."""

    def __init__(
        self,
        info: MailboxInfo,
        store: CompanyStore,
        resolved: Callable[[int], None],
        times: MailboxTimes = MailboxTimes(),
    ) -> None:
        self.info = info
        self._times = times
        self.fault = ""
        self._store = store
        self._resolved = resolved
        self._pending: dict[int, PendingCode] = {}
        self._asked: list[asyncio.Future[MailboxCursor | None]] = []
        self._search = CodeSearch(store, info.id)
        self._patience = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._needed_until = 0.0
        self._refused_until = 0.0
        self._writing = asyncio.Lock()
        self._log: Any = structlog.get_logger("mailbox").bind(mailbox=info.id)

    async def cursor(self) -> MailboxCursor | None:
        """Where new mail begins now; None if the mailbox does not say so in a few seconds."""
        self._need()
        if self.fault and not await self._is_mended():
            return None
        answer: asyncio.Future[MailboxCursor | None] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._need()
        await asyncio.wait({answer}, timeout=self._times.cursor)
        return answer.result() if answer.done() and not answer.cancelled() else None

    @asynccontextmanager
    async def watching(self, pending: PendingCode) -> AsyncIterator[None]:
        """Meanwhile mail that brings the code pending answers its challenge."""
        challenge_id = pending.challenge_id
        self._pending[challenge_id] = pending
        try:
            self._need()
            if self.fault and not await self._is_mended():
                await self._note(self.fault)
            else:
                await self._write_state(pending)
            yield
        finally:
            self._pending.pop(challenge_id, None)

    def close(self) -> None:
        """End what is under way, without waiting."""
        if self._task is not None:
            self._task.cancel()

    def _need(self) -> None:
        now = asyncio.get_running_loop().time()
        self._needed_until = now + self._times.linger
        self._wake.set()
        if self._task is None or self._task.done():
            if now >= self._refused_until:
                self.fault = ""  # nobody has looked for a while
            self._task = detached_task(self._serve(), name=f"mailbox {self.info.id}")

    @property
    def _is_needed(self) -> bool:
        return bool(self._pending or self._asked) or asyncio.get_running_loop().time() < self._needed_until

    async def _serve(self) -> None:
        """Connect, and again with growing pauses when that fails, for as long as somebody waits.

        A connection that only breaks is no outage yet: it mostly is there again at the next try.
        """
        loop, pause = asyncio.get_running_loop(), 0.0
        if loop.time() < self._refused_until and not await self._is_mended():
            await self._rest(self._refused_until - loop.time())
        while self._is_needed:
            began = loop.time()
            try:
                await self._connected()
            except MailboxDown as exc:
                pause = pause_after(pause, loop.time() - began)
                if pause <= self._patience:
                    self._log.info("mailbox.disconnected", reason=str(exc))
                else:
                    await self._is_down(str(exc))
                if exc.refused:
                    self._refused_until = loop.time() + _REFUSED_PAUSE
                await self._rest(_REFUSED_PAUSE if exc.refused else pause)
            except StorageError as exc:
                self._log.warning("mailbox.failed", reason=str(exc))
                await self._is_down(f"{self.info.account} could not be looked into: {exc}")
                await self._rest(_LONGEST_LOOK)
            except Exception as exc:  # noqa: BLE001 - else all would wait for a mailbox that nobody looks into
                fault = f"a fault of our own ({type(exc).__name__})"
                self._log.error("mailbox.failed", reason=fault, at=traceback.format_tb(exc.__traceback__)[-1])
                await self._is_down(f"{self.info.account} could not be looked into: {fault}.")
                await self._rest(_LONGEST_LOOK)

    async def _rest(self, seconds: float) -> None:
        """Leave the mailbox alone for a while, but no longer than somebody waits, or than it is down."""
        over = asyncio.get_running_loop().time() + seconds
        while (left := over - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, self._times.poll))
            if not self._is_needed or await self._is_mended():
                return

    async def _is_mended(self) -> bool:
        """Whether somebody else found it well since, perhaps with another password."""
        async with self._writing:
            with suppress(StorageError):
                known = await asyncio.to_thread(self._store.channels.mailbox, self.info.id)
                return known is not None and not known.fault
        return False

    async def _connected(self) -> None:
        store, info = self._store, self.info
        self._patience = 0.0
        imap = Imap(info.account, await asyncio.to_thread(store.channels.mailbox_password, info.id))
        try:
            self._begin(await in_daemon_thread(imap.open))
            self._patience, look = _FIRST_PAUSE, _FIRST_LOOK
            await self._look(imap)
            await self._is_well()
            self._patience = _SHORT_PAUSE
            while self._is_needed:
                self._wake.clear()
                if self._asked or any(pending.after is None for pending in self._pending.values()):
                    self._give(await in_daemon_thread(imap.cursor))
                await self._look(imap)
                looked = asyncio.get_running_loop().time()
                look = _FIRST_LOOK if await self._something_happens(imap, look) else look * 2
                look = min(look, _LONGEST_LOOK)
                await asyncio.sleep(looked + _APART - asyncio.get_running_loop().time())
        finally:
            imap.close()

    def _give(self, cursor: MailboxCursor) -> None:
        """Tell those who asked where new mail begins."""
        self._begin(cursor)
        for answer in self._asked:
            if not answer.done():
                answer.set_result(cursor)
        self._asked.clear()

    def _begin(self, cursor: MailboxCursor) -> None:
        """For those without a cursor, or with one of other numbers: what came until now is not theirs."""
        self._search.go_by(cursor.validity)
        for pending in self._pending.values():
            if pending.after is None or pending.after.validity != cursor.validity:
                pending.begin(cursor)

    async def _something_happens(self, imap: Imap, seconds: float) -> bool:
        """Wait until the mailbox says something or somebody here does; False if neither in good time."""
        if not imap.can_idle:
            return await _set_within(self._wake, self._times.poll)
        loop = asyncio.get_running_loop()
        await in_daemon_thread(imap.idle)
        watched = imap.socket.fileno()
        loop.add_reader(watched, self._wake.set)
        try:
            return await _set_within(self._wake, seconds)
        finally:
            loop.remove_reader(watched)
            if not _is_cancelled():
                await in_daemon_thread(imap.idle_done)

    async def _look(self, imap: Imap) -> None:
        waiting = dict(self._pending)
        marks = [pending.after for pending in waiting.values() if pending.after is not None]
        if not marks:
            return
        await self._search.refresh(imap, min(cursor.uid for cursor in marks))
        for challenge_id, pending in waiting.items():
            if challenge_id not in self._pending:
                continue
            before = pending.skipped_because
            if await self._search.answers(pending, imap):
                self._pending.pop(challenge_id, None)
                self._resolved(challenge_id)
            elif pending.skipped_because != before:
                await self._write_state(pending)

    async def _is_well(self) -> None:
        was, self.fault, self._refused_until = self.fault, "", 0.0
        await self._note(was)

    async def _is_down(self, reason: str) -> None:
        was, self.fault = self.fault, reason
        for answer in self._asked:
            if not answer.done():
                answer.set_result(None)
        self._asked.clear()
        await self._note(was)

    async def _note(self, was: str) -> None:
        """Write down how the mailbox does, where its state shows and at the challenges that wait."""
        if self.fault != was:
            self._log.warning("mailbox.down" if self.fault else "mailbox.recovered", reason=self.fault)
        async with self._writing:
            waiting = {pending.run_id: pending.customer.id for pending in self._pending.values()}
            with suppress(StorageError):
                await asyncio.to_thread(self._store.channels.note_mailbox, self.info.id, self.fault, waiting)
                for pending in list(self._pending.values()):
                    await self._write(pending)

    async def _write_state(self, pending: PendingCode) -> None:
        async with self._writing:
            await self._write(pending)

    async def _write(self, pending: PendingCode) -> None:
        how = pending.skipped_because or WAITS_FOR_MAIL
        if self.fault:
            how = f"{self.fault} Somebody has to answer."
        await asyncio.to_thread(
            self._store.channels.note_mailbox_channel, self.info.id, pending.challenge_id, how
        )


def pause_after(before: float, lasted: float) -> float:
    """Seconds to pause after a connection that ``lasted`` so long, and a pause ``before`` it."""
    if lasted > _LONGEST_PAUSE:
        return _FIRST_PAUSE
    return min(max(before * 2, _FIRST_PAUSE), _LONGEST_PAUSE)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
