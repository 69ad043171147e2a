"""The store's part about the farm as such: its name, and the processes that serve it."""

from __future__ import annotations

from collections.abc import Sequence

from meterfarm.storage import leases, workforce
from meterfarm.storage.transactions import Transactions
from meterfarm.storage.work import QUEUES, Beat, WorkerInfo


class FarmStore(Transactions):
    """A part of ``Store``."""

    def farm_key(self) -> str:
        """By what this farm is known beside others on the same Redis."""
        with self._database.reading() as session:
            found = workforce.known_key(session)
        if not found:
            with self._database.writing() as session:
                found = workforce.make_key(session)
        return found

    def beat(self, queues: Sequence[str] = ()) -> Sequence[Beat]:
        """Renew the leases of this process; those that it still holds. It serves these queues, if any."""
        with self._database.writing() as session:
            if queues:
                workforce.beat(session, queues)
            return leases.beat(session)

    def leave_queues(self) -> None:
        """This process serves none any more."""
        with self._database.writing() as session:
            workforce.leave(session)

    def served_queues(self) -> set[str]:
        """The queues that at least a worker serves now."""
        return {queue for worker in self.workers() for queue in worker.queues}

    def unserved_queues(self) -> set[str]:
        """The queues that no worker serves, though runs wait in them that could begin."""
        left = {kind: queue for kind, queue in QUEUES.items() if queue not in self.served_queues()}
        if not left:
            return set()
        with self._database.reading() as session:
            return {queue for kind, queue in left.items() if workforce.is_due(session, kind)}

    def workers(self) -> Sequence[WorkerInfo]:
        """The processes that serve queues now."""
        with self._database.reading() as session:
            return workforce.serving(session)
