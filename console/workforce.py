"""Whether somebody takes the runs that are queued, and what to do if nobody does."""

from __future__ import annotations

from meterfarm.console.here import Here
from meterfarm.console.program import program
from meterfarm.records import RunKind
from meterfarm.storage.store import Store
from meterfarm.storage.work import QUEUES


def nobody_takes(here: Here, store: Store, kind: RunKind | None = None) -> str:
    """Why runs of the kind, or such as are due, are not taken, in a sentence; "" if somebody takes them."""
    needed = (
        store.unserved_queues() if kind is None else {QUEUES.get(kind, "")} - store.served_queues() - {""}
    )
    if not needed:
        return ""
    if store.served_queues():
        queue = " and ".join(sorted(needed))
        others = f"those that run serve {' and '.join(sorted(store.served_queues()))} only"
        return f"No worker serves the queue {queue}, {others}; start `{program()} worker --queue {queue}`."
    return f"No worker runs on {where(here)}; start one with `{program()} worker`."


def where(here: Here) -> str:
    """What all commands of a farm have to share, for people."""
    if here.settings.database_url.get_secret_value():
        return "the database of DATABASE_URL"
    return f"the state in {here.settings.home.absolute()} (METERFARM_HOME)"
