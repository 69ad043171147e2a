"""What an import refuses because no database, or not each, could hold it."""

from __future__ import annotations

from meterfarm.services.customer_csv import WrongRow
from meterfarm.services.customer_import import import_customers
from meterfarm.storage.store import CompanyStore
from meterfarm.support.redact import Secrets
from tests.storage.opening import ON_BOTH


@ON_BOTH
def test_a_row_that_a_database_could_not_take_holds_up_no_other(store: CompanyStore) -> None:
    text = "utility,username,password,external_id\n" + "".join(
        f"speculoos_power,{name}@example.com,pw,{identity}\n"
        for name, identity in (("first", "F-1"), ("nul", "A\x00-1"), ("last", "F-3"))
    )
    imported = list(import_customers(store, text, Secrets()))
    assert [isinstance(row, WrongRow) for row in imported] == [False, True, False]
    assert [one.external_id for one in store.customers.list()] == ["F-1", "F-3"]
