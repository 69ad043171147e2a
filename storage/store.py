"""The store: the one door to all that is kept. Synchronous, thread-safe; a method is a transaction."""

from __future__ import annotations

from contextlib import ExitStack
from copy import copy
from types import TracebackType

from meterfarm.storage import keyring, removal
from meterfarm.storage.database import Database
from meterfarm.storage.files import files_at
from meterfarm.storage.home import FILES, prepare_home
from meterfarm.storage.migrations import bring_up_to_date
from meterfarm.storage.results import Briefing, Customer
from meterfarm.storage.settings import Settings
from meterfarm.storage.store_customers import CustomerStore
from meterfarm.storage.store_data import DataStore
from meterfarm.storage.store_farm import FarmStore
from meterfarm.storage.store_queue import QueueStore
from meterfarm.storage.work import Lease


class Store(CustomerStore, QueueStore, FarmStore, DataStore):
    """Open it with ``Store.open``. Anything that goes wrong with the state is a ``StorageError``."""

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """Make or open the state in ``settings.home``, bring its schema up to date, check the keys."""
        home = prepare_home(settings.home)
        database = Database(settings, home)
        with ExitStack() as on_failure:
            on_failure.callback(database.close)
            bring_up_to_date(database, home)
            vault = keyring.open_vault(settings, home, database)
            store = cls(database, vault, home, files_at(settings.files_url, home / FILES))
            on_failure.pop_all()
        return store

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def under(self, lease: Lease, brief: Briefing | None = None) -> Store:
        """This store as the holder of a run writes to it: every write is refused once the lease is lost.

        Its writes, and no reads, raise LeaseLost then. ``brief`` is what the holder was told already.
        """
        held = copy(self)
        held._lease = lease
        if brief is not None:
            held._remember(brief.session.state if brief.session else None)
        return held

    def remove_customer(self, customer: Customer, *, data: bool) -> None:
        """Destroy the customer's data key and what it sealed, and with ``data`` all that was stored of them.

        Bills and readings stay without ``data``. Runs that wait are cancelled, those under way told to stop.
        """
        with self._database.writing() as session:
            (removal.erase if data else removal.close)(session, customer)
        self._database.forget_deleted()
        if data:
            self.sweep()
