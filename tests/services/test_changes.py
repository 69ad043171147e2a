"""Changes of all customers since a cursor: in order, each once, and nothing missed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from meterfarm.records import Document, Outcome, Part
from meterfarm.services.changes import ChangeKind, DataChange, changes_since
from meterfarm.services.customers import remove_customer
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore
from tests.storage.made import (
    ACCOUNT,
    ELECTRIC,
    EXPORT,
    UTILITY,
    begun,
    bill,
    listed,
    pdf,
    save_bill,
    series,
)

MIDNIGHT = 1_700_006_400


def _all(store: CompanyStore, cursor: str, limit: int) -> tuple[list[DataChange], str]:
    found: list[DataChange] = []
    while True:
        page = changes_since(store, cursor, limit)
        found += page.changes
        cursor = page.cursor
        if not page.has_more:
            return found, cursor


def test_what_came_changed_and_went_is_told_once(store: CompanyStore) -> None:
    ada, bea = (store.customers.ensure(UTILITY, f"{name}@bayou.energy") for name in ("ada", "bea"))
    account, other = store.accounts.save(ada, ACCOUNT), store.accounts.save(bea, ACCOUNT)
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    save_bill(store, other, listed(), pdf(), bill(), layout="l", layout_version=1)
    store.readings.save(account, EXPORT, "jan", [series([1, 2], start=MIDNIGHT)])
    store.runs.finish(begun(store, ada), Outcome.COMPLETE, "", follow=FollowUp(ready=frozenset(Part)))
    found, cursor = _all(store, "", 1)
    assert found == _all(store, "", 100)[0]
    assert [(each.kind, each.customer_id) for each in found] == [
        (ChangeKind.BILL_ADDED, ada.id),
        (ChangeKind.BILL_ADDED, bea.id),
        (ChangeKind.INTERVALS_ADDED, ada.id),
    ]
    assert (found[0].bill_id, found[0].account_number) == (
        store.bills.of_account(account)["b1"].id,
        ACCOUNT.number,
    )
    assert (found[2].meters, found[2].start) == ([ELECTRIC.id], datetime.fromtimestamp(MIDNIGHT, UTC))
    assert _all(store, cursor, 1) == ([], cursor)

    store.readings.save(account, Document(b"2", "text/csv", ""), "feb", [series([1, 3, 4], start=MIDNIGHT)])
    save_bill(store, account, listed(), pdf(b"%PDF-1.7 two"), bill(99), layout="l", layout_version=1)
    remove_customer(store, bea, data=True)
    found, later = _all(store, cursor, 2)
    assert [(each.kind, each.customer_id) for each in found] == [
        (ChangeKind.INTERVALS_CHANGED, ada.id),
        (ChangeKind.BILL_CHANGED, ada.id),
        (ChangeKind.CUSTOMER_REMOVED, bea.id),
    ]
    assert found[0].end == datetime.fromtimestamp(MIDNIGHT + 2_700, UTC)
    assert _all(store, later, 2)[0] == []
    for wrong in ("x", "1", "1.2.3", "-1.0"):
        with pytest.raises(InvalidRequest, match="none that was handed out"):
            changes_since(store, wrong)
