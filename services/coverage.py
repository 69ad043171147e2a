"""What intervals of a customer are in store: the times they cover and the gaps between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meterfarm.storage.results import Customer, SeriesCoverage
from meterfarm.storage.store import Store


@dataclass(frozen=True, slots=True)
class MeterCoverage:
    """What one kind of reading of a meter covers, and the number of the account it belongs to."""

    account: str
    series: SeriesCoverage


def customer_coverage(store: Store, customer: Customer) -> Sequence[MeterCoverage]:
    """By account and meter; times are Unix seconds."""
    return [
        MeterCoverage(stored.account.number, series)
        for stored in store.accounts(customer)
        for series in store.interval_coverage(stored.id)
    ]
