"""Bills have one identity and a version for each document or reading of it; accounts keep their meters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from records import Account, Commodity, Meter
from storage.errors import StorageError
from storage.store import Store
from tests.storage.conftest import ON_BOTH, Rows
from tests.storage.made import ACCOUNT, ELECTRIC, EXPORT, GAS, USERNAME, UTILITY, bill, listed, pdf, series

pytestmark = ON_BOTH


@pytest.fixture
def account(store: Store) -> int:
    return store.save_account(store.customer(UTILITY, USERNAME), ACCOUNT)


def _count(rows: Rows, table: str) -> int:
    ((count,),) = rows(f"SELECT count(*) FROM {table}")  # noqa: S608 - a test's own
    return int(count)


def test_a_bill_comes_back_as_it_was_read(store: Store, account: int) -> None:
    assert store.save_bill(account, listed(), pdf(), bill(), layout="l", layout_version=1, problems=("odd",))
    stored = store.stored_bills(account)["b1"]
    assert stored.bill == bill()
    assert (stored.name, stored.layout_version, stored.problems) == ("bill.pdf", 1, ("odd",))
    assert store.files.read(stored.sha256) == pdf().content


def test_the_same_bill_again_is_nothing_new(store: Store, account: int, rows: Rows) -> None:
    store.save_bill(account, listed(), pdf(), bill(), layout="l", layout_version=1)
    assert not store.save_bill(account, listed(), pdf(), bill(), layout="l", layout_version=1)
    assert [_count(rows, name) for name in ("bill", "bill_version", "document", "file")] == [1, 1, 1, 1]


def test_a_bill_tells_whether_its_file_is_there_and_the_same_bytes_bring_it_back(
    store: Store, account: int
) -> None:
    store.save_bill(account, listed(), pdf(), bill(), layout="l", layout_version=1)
    stored = store.stored_bills(account)["b1"]
    assert stored.has_file
    store.files.delete(stored.sha256)
    assert store.stored_bills(account)["b1"] == replace(stored, has_file=False)
    assert not store.save_bill(account, listed(), pdf(), bill(), layout="l", layout_version=1)
    assert store.stored_bills(account)["b1"] == stored
    assert store.files.read(stored.sha256) == pdf().content


def test_other_bytes_under_the_same_key_are_a_new_version(store: Store, account: int, rows: Rows) -> None:
    store.save_bill(account, listed(), pdf(), bill(1), layout="l", layout_version=1)
    assert store.save_bill(account, listed(), pdf(b"%PDF two"), bill(2), layout="l", layout_version=1)
    stored = store.stored_bills(account)["b1"]
    assert stored.bill == bill(2)
    assert store.save_bill(account, listed(), pdf(), bill(1), layout="l", layout_version=1), "back again"
    assert store.stored_bills(account)["b1"].bill == bill(1)
    assert store.stored_bills(account)["b1"].id == stored.id
    assert [_count(rows, name) for name in ("bill", "bill_version", "document")] == [1, 3, 2]


def test_an_unread_bill_is_kept_and_read_later(store: Store, account: int) -> None:
    store.save_bill(account, listed(), pdf(), None, layout="l", layout_version=1, problems=["no total"])
    unread = store.stored_bills(account)["b1"]
    assert unread.bill is None
    assert unread.problems == ("no total",)
    assert store.save_bill(account, listed(), pdf(), bill(), layout="l", layout_version=2)
    assert store.stored_bills(account)["b1"].bill == bill()


def test_an_account_that_is_not_there_stores_nothing(store: Store, rows: Rows) -> None:
    with pytest.raises(StorageError, match="no account with the id 99"):
        store.save_bill(99, listed(), pdf(), bill(), layout="l", layout_version=1)
    assert _count(rows, "document") == 0
    assert store.sweep(older_than=-1) == 1, "its file was written first and is swept"


def test_an_account_is_updated_in_place(store: Store, account: int) -> None:
    customer = store.customer(UTILITY, USERNAME)
    renamed = replace(ACCOUNT, name="Ada L.", address=None)
    assert store.save_account(customer, renamed) == account
    (stored,) = store.accounts(customer)
    assert (stored.id, stored.account) == (account, renamed)


def test_a_swapped_meter_keeps_its_service(store: Store, account: int, rows: Rows) -> None:
    new = replace(ELECTRIC, id="E2")
    store.save_account(store.customer(UTILITY, USERNAME), replace(ACCOUNT, meters=(new, GAS)))
    meters = rows(
        "SELECT meter.number, service.number, valid_from IS NULL, valid_to IS NULL"
        " FROM meter JOIN service ON service.id = service_id ORDER BY meter.number"
    )
    assert meters == [(ELECTRIC.id, "77", 1, 0), ("E2", "77", 0, 1), (GAS.id, GAS.id, 1, 1)]


def test_a_meter_only_an_export_knows_is_added(store: Store) -> None:
    customer = store.customer(UTILITY, USERNAME)
    account = store.save_account(customer, Account("1"))
    store.save_readings(account, EXPORT, "jan", [series([1])])
    (stored,) = store.accounts(customer)
    assert stored.account.meters == (Meter(ELECTRIC.id, Commodity.ELECTRIC),)
    assert store.save_account(customer, Account("1", meters=(ELECTRIC,))) == account
    assert store.coverage(account)[ELECTRIC.id].readings == 1
