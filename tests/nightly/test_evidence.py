"""What can be looked at in the morning of a visit that was not as meant."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from meterfarm.nightly.evidence import keep_unread
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests.storage.made import ACCOUNT, UTILITY, bill, listed, pdf, save_bill


def test_the_newest_bills_that_could_not_be_read_are_there(tmp_path: Path) -> None:
    with Store.open(Settings(home=tmp_path / "home")).of() as store:
        customer = store.customers.ensure(UTILITY, "ida@example.org")
        account = store.accounts.save(customer, ACCOUNT)
        save_bill(store, account, listed("read"), pdf(b"read"), bill(), layout="l", layout_version=1)
        keep_unread(store, customer, tmp_path / "kept")
        assert not (tmp_path / "kept").exists()
        for month in (1, 2, 3, 4):
            unread = listed(f"b{month}", date(2026, month, 9))
            save_bill(store, account, unread, pdf(b"%d" % month), None, layout="l", layout_version=1)
        keep_unread(store, customer, tmp_path / "kept")
    kept = {file.name: file.read_bytes() for file in (tmp_path / "kept").iterdir()}
    assert kept == {f"unread-2026-0{month}-09.pdf": b"%d" % month for month in (2, 3, 4)}
