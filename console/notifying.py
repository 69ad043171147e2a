"""Workers notified of what a command has queued, and a warning where nobody takes it."""

from __future__ import annotations

import asyncio

from meterfarm.console.command_context import CommandContext
from meterfarm.console.no_worker import no_worker
from meterfarm.services.notification import WorkerNotification
from meterfarm.storage.store import CompanyStore, Store


async def notify_queued(context: CommandContext, store: CompanyStore) -> str:
    """Notify workers of queued runs; why nobody takes them, in a sentence, "" if somebody does."""
    fault = await notification(context, store.farm).of_queued_runs()
    if fault and context.farm.redis_url.get_secret_value():
        return f"{fault} No worker takes runs until then."
    return await asyncio.to_thread(no_worker, context, store.farm)


def notification(context: CommandContext, farm: Store) -> WorkerNotification:
    """That of this machine's settings."""
    return WorkerNotification(farm, context.settings, context.farm)
