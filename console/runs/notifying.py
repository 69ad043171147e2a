"""Workers notified of what a command has queued, and what to do where no worker takes it."""

from __future__ import annotations

import asyncio

from meterfarm.console.command_context import CommandContext
from meterfarm.console.program import program
from meterfarm.records import RunKind
from meterfarm.services.notification import WorkerNotification
from meterfarm.services.runs import unserved_queues
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


def no_worker(context: CommandContext, farm: Store, kind: RunKind | None = None) -> str:
    """Why no worker takes runs of the kind, or such as are due, in a sentence; "" if one does."""
    found = unserved_queues(farm, kind)
    if found is None:
        return ""
    if found.served:
        queue = " and ".join(sorted(found.unserved))
        others = f"those that run serve {' and '.join(sorted(found.served))} only"
        return f"No worker serves the queue {queue}, {others}; start `{program()} worker --queue {queue}`."
    return f"No worker runs on {state_location(context)}; start one with `{program()} worker`."


def state_location(context: CommandContext) -> str:
    """What all commands of a farm have to share, for people."""
    if context.settings.database_url.get_secret_value():
        return "the database of DATABASE_URL"
    return f"the state in {context.settings.home.absolute()} (METERFARM_HOME)"
