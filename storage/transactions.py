"""The transactions of a store, held to a run's lease if it is that run's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session

from meterfarm.storage import (
    audit,
    leases,
)
from meterfarm.storage.channels import Channels
from meterfarm.storage.database import Database
from meterfarm.storage.files import AnyFiles
from meterfarm.storage.vault import Vault
from meterfarm.storage.work import Lease


class Transactions:
    """What all parts of a store work on; a method of theirs is a transaction."""

    def __init__(self, database: Database, vault: Vault, home: Path, files: AnyFiles) -> None:
        self._database = database
        self._vault = vault
        self._home = home
        self._lease: Lease | None = None
        self._loaded: bytes | None = None
        self.files = files
        self.channels = Channels(database, vault)

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self._database.writing() as session:
            if self._lease is not None:
                leases.check(session, self._lease)
            yield session

    @contextmanager
    def _opening(self) -> Iterator[Session]:
        """A transaction in which secrets are opened, and that is written down. Who lost a run may still."""
        with self._database.writing() as session:
            if self._lease is not None:
                audit.is_for(session, self._lease.run_id)
            yield session

    def _remember(self, state: bytes | None) -> None:
        if self._lease is not None:
            self._loaded = state
