"""What an import refuses because no database, or not each, could hold it."""

from __future__ import annotations

from meterfarm.console.customer_import import Imported, enter_all
from meterfarm.storage.store import Store
from meterfarm.support.redact import Secrets
from tests.storage.conftest import ON_BOTH


@ON_BOTH
def test_a_row_that_a_database_could_not_take_holds_up_no_other(store: Store) -> None:
    imported = Imported()
    text = "utility,username,password,external_id\n" + "".join(
        f"speculoos_power,{name}@example.com,pw,{identity}\n"
        for name, identity in (("first", "F-1"), ("nul", "A\x00-1"), ("last", "F-3"))
    )
    for _ in enter_all(store, text, Secrets(), imported):
        pass
    assert str(imported) == "2 added, 1 refused"
    assert [one.external_id for one in store.customers()] == ["F-1", "F-3"]
