"""What intervals of a customer are in store: the times they cover and the gaps between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meterfarm.storage.customers import Customer
from meterfarm.storage.data import SeriesCoverage
from meterfarm.storage.store import CompanyStore


@dataclass(frozen=True, slots=True)
class MeterCoverage:
    """What one kind of reading of a meter covers, and the number of the account it belongs to."""

    account: str
    series: SeriesCoverage


def customer_coverage(
    store: CompanyStore, customer: Customer, *, counted: bool = True
) -> Sequence[MeterCoverage]:
    """By account and meter; times are Unix seconds. Readings are 0 if they are not to be ``counted``."""
    return [
        MeterCoverage(stored.account.number, series)
        for stored in store.accounts.list(customer)
        for series in store.readings.coverage_by_series(stored.id, counted=counted)
    ]
