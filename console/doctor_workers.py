"""What the doctor looks at of the processes that take runs: whether each queue is served."""

from __future__ import annotations

from collections import Counter

from meterfarm.console.check_result import CheckResult, warn, well
from meterfarm.console.command_context import CommandContext
from meterfarm.console.no_worker import state_location
from meterfarm.console.program import program
from meterfarm.storage import StorageError
from meterfarm.storage.runs import QUEUES
from meterfarm.storage.store import Store
from meterfarm.support.processes import short


def examine_workers(context: CommandContext) -> CheckResult:
    """Whether each queue is served. A state that does not open is reported by `database`."""
    try:
        with Store.open(context.settings) as store:
            workers = store.workforce.workers()
    except StorageError:
        return warn("workers", "whether any run cannot be seen", "mend the database")
    served = Counter(queue for worker in workers for queue in worker.queues)
    lacking = sorted(set(QUEUES.values()) - set(served))
    if not workers:
        return warn(
            "workers", f"none runs on {state_location(context)}", f"start them by `{program()} worker`"
        )
    detail = ", ".join(
        f"{count} serve{'s' * (count == 1)} {queue}" for queue, count in sorted(served.items())
    )
    machines = sorted({short(worker.process).partition(":")[0] for worker in workers})
    detail = f"{detail} (on {', '.join(machines[:5])})"
    if lacking:
        queue = " and ".join(lacking)
        return warn("workers", f"{detail}; none serves {queue}", f"`{program()} worker --queue {queue}`")
    return well("workers", detail)
