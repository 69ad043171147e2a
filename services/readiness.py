"""What is known of customers as a whole, kept in memory for as long as it holds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from meterfarm.records import CustomerState
from meterfarm.storage.data import CustomerFacts
from meterfarm.storage.store import CompanyStore

_MOST = 20_000


def is_currently_authenticated(state: CustomerState, *, has_filled_credentials: bool) -> bool:
    """Whether the portal last let the customer in.

    ``has_filled_credentials``: it has once (``customer.authenticated_at``), with MFA after the challenge.
    """
    return has_filled_credentials and state is CustomerState.ACTIVE


def account_facts(store: CompanyStore, customer_id: int) -> CustomerFacts:
    """The customer's accounts, meters and tariffs, and what of bills and intervals is complete."""
    return store.facts.of([customer_id])[customer_id]


class FactsCache:
    """Facts of one farm's customers, by ``customer.revision``, which every change of them counts up."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[int, CustomerFacts]] = OrderedDict()

    def of(self, store: CompanyStore, customer_id: int, revision: int) -> CustomerFacts:
        """Those of a customer; ``revision`` was read before."""
        kept = self._kept.get(customer_id)
        if kept is not None and kept[0] == revision:
            return kept[1]
        return self.of_all(store, {customer_id: revision})[customer_id]

    def of_all(self, store: CompanyStore, revisions: Mapping[int, int]) -> Mapping[int, CustomerFacts]:
        """Those of several customers of the company, by their ids."""
        found: dict[int, CustomerFacts] = {}
        for customer_id, revision in revisions.items():
            kept = self._kept.get(customer_id)
            if kept is not None and kept[0] == revision:
                found[customer_id] = kept[1]
        lacking = [customer_id for customer_id in revisions if customer_id not in found]
        new = store.facts.of(lacking) if lacking else {}
        with self._lock:
            for customer_id, facts in new.items():
                self._kept[customer_id] = (revisions[customer_id], facts)
                self._kept.move_to_end(customer_id)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return {**found, **new}
