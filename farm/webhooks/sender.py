"""Sends what is due to companies' endpoints. Every worker process has a sender; deliveries are leased.

Events of a customer go to an endpoint one after the other. An endpoint has few attempts under way at a
time, one that fails fewer, so that it keeps neither other endpoints nor other companies waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pydantic import SecretStr

from meterfarm.farm.telemetry.metrics import Metrics
from meterfarm.farm.webhooks import schedule
from meterfarm.farm.webhooks.posting import Posted, Poster
from meterfarm.farm.webhooks.signing import message_id, signed_headers
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Event
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.storage.webhooks import AttemptResult, DueDelivery, WebhookEndpoint

Render = Callable[[CompanyStore, Event], bytes]
"""An event's payload as JSON, from what the store holds now."""

LEASE = timedelta(seconds=45)
"""An attempt, its rendering and its bookkeeping take less."""
_LOOK_SECONDS = 1.0
_AGAIN = 1.0
_MOST = 200
_EACH = 8
_EACH_FAILING = 2
_SECRETS_SECONDS = 3600.0
_FINISH_SECONDS = 3.0


class WebhookSender:
    """Sends until cancelled. ``render`` makes the body of an event."""

    def __init__(self, store: Store, render: Render, poster: Poster, metrics: Metrics) -> None:
        self._store = store
        self._render = render
        self._poster = poster
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand: Counter[int] = Counter()
        self._failing: set[int] = set()
        self._secrets: dict[int, tuple[int, float, Sequence[SecretStr]]] = {}
        self._wake = asyncio.Event()
        self._log: Any = structlog.get_logger("webhooks")

    async def run(self) -> None:
        """Look every second, and whenever an attempt is over. The database may be away for a while."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self.look()
                except StorageError as exc:
                    self._log.warning("task.failed", task="webhooks", reason=str(exc))
                    await asyncio.sleep(_AGAIN)
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            await asyncio.shield(asyncio.create_task(self._stop()))

    async def look(self) -> None:
        """Take what is due and begin to send it. Raises StorageError."""
        for endpoint_id in await asyncio.to_thread(self._store.webhooks.busy_endpoints):
            each = _EACH_FAILING if endpoint_id in self._failing else _EACH
            room = min(each - self._in_hand[endpoint_id], _MOST - len(self._tasks))
            if room <= 0:
                continue
            for due in await asyncio.to_thread(self._store.webhooks.take, endpoint_id, room, LEASE):
                self._in_hand[endpoint_id] += 1
                task = asyncio.create_task(self._deliver(due))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait until all attempts under way are over."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _deliver(self, due: DueDelivery) -> None:
        try:
            posted = await self._attempt(due)
            if posted is not None:
                await self._settle(due, posted)
        except StorageError as exc:  # its lease lapses, and it is taken again
            self._log.warning("webhook.unsettled", endpoint=due.endpoint.id, reason=str(exc))
        finally:
            self._in_hand[due.endpoint.id] -= 1
            self._wake.set()

    async def _attempt(self, due: DueDelivery) -> Posted | None:
        """None if the endpoint is gone. Raises StorageError."""
        endpoint, store = due.endpoint, self._store.within(due.endpoint.company_id)
        secrets = await self._signing_secrets(endpoint)
        if secrets is None:
            return None
        try:
            body = await asyncio.to_thread(self._render, store, due.event)
        except StorageError:
            raise
        except Exception as exc:  # noqa: BLE001 - an event that cannot be rendered holds up its customer alone
            self._log.error("webhook.unwritten", event_id=due.event.id, fault=type(exc).__name__)
            return Posted(AttemptResult(None, "", "The event could not be written as JSON.", 0))
        headers = signed_headers(message_id(due.event.id), body, secrets, datetime.now(UTC))
        return await self._poster.post(endpoint.url, headers, body, allows_private=endpoint.allows_private)

    async def _settle(self, due: DueDelivery, posted: Posted) -> None:
        result, endpoint = posted.result, due.endpoint
        again_in: timedelta | None = None
        if result.fault:
            self._failing.add(endpoint.id)
            again_in = timedelta()
            if not posted.is_gone:
                again_in = schedule.next_attempt(due.attempt, due.age, posted.retry_after)
        else:
            self._failing.discard(endpoint.id)
        settled = await asyncio.to_thread(
            self._store.webhooks.settle,
            due,
            result,
            again_in,
            rests=schedule.rest(posted),
            ends=posted.is_gone,
        )
        if not settled:
            return
        became = "delivered" if not result.fault else "parked" if again_in is None else "failed"
        self._metrics.webhook_sent(became, result.milliseconds / 1000)
        if result.fault:
            self._log.warning(
                "webhook.failed",
                became=became,
                endpoint=endpoint.id,
                event_id=due.event.id,
                attempt=due.attempt,
                reason=result.fault,
            )

    async def _signing_secrets(self, endpoint: WebhookEndpoint) -> Sequence[SecretStr] | None:
        """Opened once an hour at most: each opening is recorded."""
        kept = self._secrets.get(endpoint.id)
        if kept is not None and kept[0] == endpoint.secrets_version and kept[1] > time.monotonic():
            return kept[2]
        found = await asyncio.to_thread(self._store.webhooks.secrets, endpoint.id)
        if found is None:
            self._secrets.pop(endpoint.id, None)
            return None
        until = time.monotonic() + _SECRETS_SECONDS
        self._secrets[endpoint.id] = (endpoint.secrets_version, until, found.secrets)
        return found.secrets

    async def _stop(self) -> None:
        """Give what is under way a moment to end; the rest is taken again when its lease lapses."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FINISH_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
