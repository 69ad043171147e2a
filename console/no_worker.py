"""Whether a worker takes the runs that are queued, and what to do if none does."""

from __future__ import annotations

from meterfarm.console.command_context import CommandContext
from meterfarm.console.program import program
from meterfarm.records import RunKind
from meterfarm.services.runs import unserved_queues
from meterfarm.storage.store import Store


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
