"""A worker process: takes runs it is notified of, keeps their leases, does the farm's housekeeping."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from redis.exceptions import RedisError

from meterfarm.farm.policy import capacity, offered
from meterfarm.farm.redis.notifier import Notifier, Topic
from meterfarm.farm.redis.refusals import explained
from meterfarm.farm.telemetry.health import Liveness
from meterfarm.farm.workers.challenge_broker import Slot
from meterfarm.farm.workers.run_task import RunTask, StopReason, WorkerContext
from meterfarm.records import RunKind
from meterfarm.storage import StorageError
from meterfarm.storage.runs import Lease
from meterfarm.storage.store import Store
from meterfarm.utilities import broken_utilities, load_utilities

_BEAT_SECONDS = 5.0
_REAP_SECONDS = 5.0
_NOTIFY_SECONDS = 1.0
_AGAIN = 1.0
_BROKEN = (1, 1.0)
_CONSENT_NOTICE = timedelta(days=7)
"""The rate at which runs of a utility that cannot be loaded are begun: each ends ``internal`` at once."""
_FINISH_SECONDS = 6.0
"""How many seconds runs have to come to their end when the process is asked to stop."""
_UNSENT = "Nothing sent it in time: METERFARM_SMTP_URL is not set where workers run, or none runs."


class WorkerProcess:
    """What one worker process does. ``look`` is set when there may be a job of that kind."""

    def __init__(self, context: WorkerContext, notifier: Notifier, queues: Sequence[str] = ()) -> None:
        self._context = context
        self._queues = queues
        self._notifier = notifier
        self._runs: dict[Lease, RunTask] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._beginnings: set[asyncio.Task[None]] = set()
        self._waiting_ids: set[int] = set()
        self.look = {kind: asyncio.Event() for kind in (RunKind.CONNECT, RunKind.COLLECT)}
        self._stopping = False
        self._has_followers = asyncio.Event()
        settings = context.settings
        self._slots = {
            RunKind.CONNECT: asyncio.Semaphore(settings.interactive_slots),
            RunKind.COLLECT: asyncio.Semaphore(settings.data_slots),
        }
        self._log: Any = structlog.get_logger("worker")
        self.liveness = Liveness({"database": ("_beat", "_reap"), "redis": ("_notify_in_time",)})

    @property
    def store(self) -> Store:
        """What its runs write to."""
        return self._context.store

    @property
    def at_work(self) -> tuple[int, int]:
        """How many runs it works on, and with how many it waits for an answer."""
        waiting = [work.slot.parked.is_set() for work in list(self._runs.values())]
        return len(waiting) - sum(waiting), sum(waiting)

    async def take(self, kind: RunKind, run_id: int, attempt: int) -> None:
        """Begin a run of a notification, once there is a slot for it."""
        slot = Slot(self._slots[kind])
        self._waiting_ids.add(run_id)
        try:
            await slot.acquire()
        finally:
            self._waiting_ids.discard(run_id)
        beginning = asyncio.create_task(self._begin(slot, kind, run_id, attempt))
        self._beginnings.add(beginning)
        beginning.add_done_callback(self._beginnings.discard)
        await asyncio.shield(beginning)

    async def _begin(self, slot: Slot, kind: RunKind, run_id: int, attempt: int) -> None:
        """Not to be broken off, or the process would hold a run that it does not work on."""
        taken = None
        try:
            if not self._stopping:
                taken = await asyncio.to_thread(self._context.store.runs.take, run_id, attempt)
        finally:
            if taken is None:
                slot.release()
        if taken is None:
            return
        claim, run_context = taken
        work = RunTask(claim, slot, self._context, run_context)
        task = work.start()
        self._runs[claim.lease] = work
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._runs.pop(claim.lease, None))
        task.add_done_callback(self._tasks.discard)
        if kind is RunKind.CONNECT:
            task.add_done_callback(lambda _: self._has_followers.set())

    async def run_housekeeping(self) -> None:
        """HeldRun, reap, notify and listen, for as long as the process works."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(_BEAT_SECONDS, self._beat))
            group.create_task(self._every(_REAP_SECONDS, self._reap))
            group.create_task(self._every(0, self._notify_in_time))
            group.create_task(self._every(_NOTIFY_SECONDS, self._listen))
            group.create_task(self._every(_NOTIFY_SECONDS, self._context.waiting.poll))

    async def stop(self) -> None:
        """Let runs come to their end for a few seconds, then hand the rest back."""
        self._stopping = True
        with suppress(StorageError):
            await asyncio.to_thread(self._context.store.workforce.leave)
        await asyncio.gather(*self._beginnings, return_exceptions=True)
        for work in self._runs.values():
            if work.slot.parked.is_set():
                work.stop(StopReason.STOPPING)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FINISH_SECONDS)
        for work in self._runs.values():
            work.stop(StopReason.STOPPING)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def queue_due(self) -> None:
        """Queue the refreshes that are due, so many as each portal can take."""
        store, settings = self._context.store, self._context.settings
        for utility in load_utilities():
            limit = settings.limit(utility.id) or (utility.max_concurrency, utility.max_rate)
            every = offered(settings.every, utility)
            await asyncio.to_thread(store.runs.queue_due, utility.id, every, capacity(*limit))
        for broken in broken_utilities():
            await asyncio.to_thread(store.runs.queue_due, broken.id, settings.every, capacity(*_BROKEN))

    async def announce_expiring_trust(self) -> None:
        """Announce trust of devices that is about to lapse, and consents that expire within a week."""
        ahead = timedelta(days=self._context.settings.trust_notice_days)
        await asyncio.to_thread(self._context.store.consents.announce_expiring, _CONSENT_NOTICE)
        for utility in load_utilities():
            if utility.trust_days is not None:
                lasts = timedelta(days=utility.trust_days)
                await asyncio.to_thread(
                    self._context.store.runs.announce_expiring_trust, utility.id, lasts, ahead
                )

    async def forget_runs(self) -> None:
        """Forget runs, deliveries and mails that ended long ago, and vault reads of a year ago.

        Mails that are not good any more are given up.
        """
        store, days = self._context.store, timedelta(days=self._context.settings.keep_run_days)
        await asyncio.to_thread(store.mails.give_up, _UNSENT)
        forgets: list[Callable[[timedelta], int]]
        forgets = [store.runs.forget, store.webhooks.forget, store.mails.forget]
        for forget in forgets:
            forgotten = 1 if days else 0
            while forgotten:
                forgotten = await asyncio.to_thread(forget, days)
        while await asyncio.to_thread(store.audit.forget):
            pass

    async def _beat(self) -> None:
        held_before = set(self._runs)
        queues = () if self._stopping else self._queues
        held = {
            run.lease: run for run in await asyncio.to_thread(self._context.store.workforce.heartbeat, queues)
        }
        for lease in held_before:
            work = self._runs.get(lease)
            if work is None:
                continue
            if lease not in held:
                work.stop(StopReason.LEASE_LOST)
            elif held[lease].cancelled:
                work.stop(StopReason.CANCELLED)

    async def _reap(self) -> None:
        if self._waiting_ids:
            await asyncio.to_thread(self._context.store.runs.keep_notified, tuple(self._waiting_ids))
        freed = await asyncio.to_thread(self._context.store.runs.reap)
        if freed:
            self._log.warning("runs.requeued", count=freed)
            self._context.metrics.queued_again(freed, "worker_gone")
        lost = await self._notifier.missing(await asyncio.to_thread(self._context.store.runs.undelivered))
        if lost:
            self._log.warning("runs.redelivered", count=len(lost))
            await asyncio.to_thread(self._context.store.runs.redeliver, lost)
            self._context.metrics.queued_again(len(lost), "not_taken")

    async def _notify(self) -> None:
        self._has_followers.clear()
        if await self._notifier.has_been_flushed():
            await asyncio.to_thread(self._context.store.runs.forget_notifications)
        await self._notifier.notify(await asyncio.to_thread(self._context.store.runs.to_notify))

    async def _notify_in_time(self) -> None:
        """Notify every second, and at once when a run has ended that others follow."""
        await self._notify()
        with suppress(TimeoutError):
            async with asyncio.timeout(_NOTIFY_SECONDS):
                await self._has_followers.wait()

    async def _listen(self) -> None:
        async for what, number in self._notifier.messages():
            if what is Topic.RUN:
                for look in self.look.values():
                    look.set()
                continue
            if what is Topic.ANSWER:
                self._context.waiting.resolve(number)
                continue
            for lease, work in list(self._runs.items()):
                if lease.run_id == number:
                    work.stop(StopReason.CANCELLED)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do it again and again. Redis or the database may be away for a while; that ends nothing."""
        while True:
            try:
                await work()
                self.liveness.done(work.__name__)
            except (RedisError, OSError, StorageError) as exc:
                reason = str(exc) if isinstance(exc, StorageError) else f"Redis {explained(exc)}"
                part = "database" if isinstance(exc, StorageError) else "redis"
                self.liveness.failed(work.__name__, part, reason)
                self._log.warning("task.failed", task=work.__name__.strip("_"), reason=reason)
                await asyncio.sleep(_AGAIN)
            await asyncio.sleep(seconds)
