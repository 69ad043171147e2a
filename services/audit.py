"""Who opened which stored secrets, when, and what for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from meterfarm.services.customers import find_customer
from meterfarm.services.errors import NotFound
from meterfarm.storage.customers import VaultRead
from meterfarm.storage.store import CompanyStore


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Reads of the vault, newest first; ``has_more``: older ones were left out."""

    reads: Sequence[VaultRead]
    has_more: bool


def vault_reads(
    store: CompanyStore, *, limit: int, customer_id: int | None = None, since: datetime | None = None
) -> AuditPage:
    """The newest ``limit`` reads, of all customers or one, from ``since`` on."""
    found = store.audit.list(customer_id=customer_id, since=since, limit=limit + 1)
    return AuditPage(found[:limit], len(found) > limit)


def audited_customer(store: CompanyStore, reference: str) -> int:
    """The id of a customer, also of one who was erased, by number: the log is kept longer.

    Raises:
        NotFound: neither a customer nor the log knows the reference.
        Conflict: several customers have this user name.
    """
    try:
        return find_customer(store, reference).id
    except NotFound:
        if reference.isdecimal() and store.audit.list(customer_id=int(reference), limit=1):
            return int(reference)
        raise
