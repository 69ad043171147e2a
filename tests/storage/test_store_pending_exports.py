"""What a portal was asked to make is kept until it was fetched, and for nobody else."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from meterfarm.storage import LeaseLost, StorageError
from meterfarm.storage.data import PendingExport
from meterfarm.storage.runs import Lease
from meterfarm.storage.store import CompanyStore
from tests.storage.made import ACCOUNT, ELECTRIC, GAS, USERNAME, UTILITY
from tests.storage.opening import ON_BOTH

pytestmark = ON_BOTH
DAYS = (date(2026, 10, 1), date(2026, 10, 31))
AGAIN = datetime(2026, 11, 30, 9, tzinfo=UTC)


def test_a_pending_export_is_kept_changed_and_forgotten(store: CompanyStore) -> None:
    """By its meter and days. Another key is another job of the portal's, asked for later."""
    customer = store.customers.ensure(UTILITY, USERNAME)
    account = store.accounts.save(customer, ACCOUNT)
    exports = store.pending_exports
    exports.keep(account, GAS.id, DAYS, "G")
    exports.keep(account, ELECTRIC.id, DAYS, "job 1")
    _, first = exports.list(account)
    assert first == PendingExport(ELECTRIC.id, *DAYS, "job 1", first.requested_at, None)
    exports.keep(account, ELECTRIC.id, DAYS, "job 1", AGAIN)
    _, again = exports.list(account)
    assert (again.requested_at, again.not_before) == (first.requested_at, AGAIN)
    exports.keep(account, ELECTRIC.id, DAYS, "job 2")
    _, other = exports.list(account)
    assert (other.key, other.requested_at > first.requested_at) == ("job 2", True)
    assert store.farm.runs.figures([]).pending_exports == {UTILITY: 2}
    exports.forget(account, ELECTRIC.id, DAYS)
    assert [one.meter_id for one in exports.list(account)] == [GAS.id]
    lost = store.holding(Lease(999, 1)).pending_exports
    with pytest.raises(LeaseLost):
        lost.keep(account, GAS.id, DAYS, "job 2")
    with pytest.raises(LeaseLost):
        lost.forget(account, GAS.id, DAYS)
    store.customers.remove(customer, data=True)
    assert exports.list(account) == []
    with pytest.raises(StorageError, match="no account"):
        exports.keep(account, GAS.id, DAYS, "G")
