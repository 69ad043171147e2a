"""What is written out: the layout, its names, and nothing twice."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meterfarm.records import Direction, Document
from meterfarm.services.customer_files import write_out
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from meterfarm.support.file_names import safe_name
from tests.storage.made import ACCOUNT, EXPORT, START, USERNAME, UTILITY, bill, listed, pdf, save_bill, series

ZONE = ZoneInfo("America/New_York")


@pytest.fixture
def customer(store: CompanyStore) -> Customer:
    return store.customers.ensure(UTILITY, USERNAME)


@pytest.fixture
def account(store: CompanyStore, customer: Customer) -> int:
    return store.accounts.save(customer, ACCOUNT)


def _files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def _stamps(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}


def test_all_that_is_stored_is_written_out(
    store: CompanyStore, customer: Customer, account: int, tmp_path: Path
) -> None:
    later = date(2026, 2, 5)
    save_bill(store, account, listed("b2", later), pdf(b"%PDF b2"), None, layout="l", layout_version=1)
    save_bill(store, account, listed("b1"), pdf(b"%PDF b1"), bill(), layout="l", layout_version=1)
    save_bill(store, account, listed("b3", later), pdf(b"%PDF b3"), bill(), layout="l", layout_version=1)
    received = series([7], direction=Direction.RECEIVED)
    store.readings.save(account, EXPORT, "one", [series([1, 2]), received])
    store.readings.save(account, Document(b"<other/>", "application/xml", EXPORT.name), "two", [])
    write_out(store, customer, tmp_path / "out", ZONE)
    folder = tmp_path / "out" / UTILITY / ACCOUNT.number
    files = _files(folder)
    assert files["bills/2026-01-05.pdf"] == b"%PDF b1"
    assert files["bills/2026-02-05.pdf"] == b"%PDF b2"
    assert files["bills/2026-02-05-2.pdf"] == b"%PDF b3"
    assert files["raw/usage.xml"] == EXPORT.content
    assert files["raw/usage-2.xml"] == b"<other/>"
    electric = "E1000001,electricity,energy,"
    assert files["intervals/E1000001.csv"].decode().splitlines() == [
        "meter,commodity,measure,direction,start,end,local_start,quantity,unit,estimated",
        f"{electric}delivered,2023-11-14T22:15:00Z,2023-11-14T22:30:00Z,2023-11-14T17:15:00-05:00,1,Wh,false",
        f"{electric}delivered,2023-11-14T22:30:00Z,2023-11-14T22:45:00Z,2023-11-14T17:30:00-05:00,2,Wh,false",
        f"{electric}received,2023-11-14T22:15:00Z,2023-11-14T22:30:00Z,2023-11-14T17:15:00-05:00,7,Wh,false",
    ]
    bills = json.loads(files["bills.json"])
    assert [one["billed_on"] for one in bills] == ["2026-01-05", "2026-02-05", "2026-01-05"]
    assert [one["status"] for one in bills] == ["unlocked", "unparsed", "unlocked"]
    assert [one["file_url"] for one in bills] == [
        "bills/2026-01-05.pdf",
        "bills/2026-02-05.pdf",
        "bills/2026-02-05-2.pdf",
    ]


def test_a_second_time_touches_nothing(
    store: CompanyStore, customer: Customer, account: int, tmp_path: Path
) -> None:
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    store.readings.save(account, EXPORT, "one", [series([1, 2])])
    write_out(store, customer, tmp_path / "out", ZONE)
    before = _stamps(tmp_path / "out")
    write_out(store, customer, tmp_path / "out", ZONE)
    assert _stamps(tmp_path / "out") == before


def test_what_changed_or_was_damaged_is_written_again(
    store: CompanyStore, customer: Customer, account: int, tmp_path: Path
) -> None:
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    store.readings.save(account, EXPORT, "one", [series([1, 2])])
    write_out(store, customer, tmp_path / "out", ZONE)
    folder = tmp_path / "out" / UTILITY / ACCOUNT.number
    csv = folder / "intervals" / "E1000001.csv"
    store.readings.save(account, EXPORT, "one", [series([3], start=START + 900)])
    (folder / "bills" / "2026-01-05.pdf").write_bytes(b"damaged")
    (folder / ".written.json").write_bytes(b"[")
    write_out(store, customer, tmp_path / "out", ZONE)
    assert ",3,Wh," in csv.read_text()
    assert ",2,Wh," not in csv.read_text()
    assert (folder / "bills" / "2026-01-05.pdf").read_bytes() == pdf().content
    csv.unlink()
    write_out(store, customer, tmp_path / "out", ZONE)
    assert ",3,Wh," in csv.read_text()


def test_what_has_no_file_is_told_and_the_rest_is_written(
    store: CompanyStore, customer: Customer, account: int, tmp_path: Path
) -> None:
    save_bill(store, account, listed("b1"), pdf(b"%PDF b1"), bill(), layout="l", layout_version=1)
    later = date(2026, 2, 5)
    save_bill(store, account, listed("b2", later), pdf(b"%PDF b2"), bill(), layout="l", layout_version=1)
    store.readings.save(account, EXPORT, "one", [series([1])])
    lost = [store.bills.of_account(account)["b1"].sha256, store.readings.exports(account)[0].sha256]
    for sha256 in lost:
        store.files.delete(sha256)
    said = write_out(store, customer, tmp_path / "out", ZONE)
    assert said == [
        f"The bill of 2026-01-05 of account {ACCOUNT.number} was not written, because its file "
        f"{store.files.where(lost[0])} is missing; run again to fetch it, or restore it from a backup.",
        f"The export usage.xml of account {ACCOUNT.number} was not written, because its file "
        f"{store.files.where(lost[1])} is missing; restore it from a backup.",
    ]
    files = _files(tmp_path / "out" / UTILITY / ACCOUNT.number)
    assert set(files) == {"bills/2026-02-05.pdf", "bills.json", "intervals/E1000001.csv", ".written.json"}
    bills = json.loads(files["bills.json"])
    assert [(one["status"], one["file_url"]) for one in bills] == [
        ("unlocked", None),
        ("unlocked", "bills/2026-02-05.pdf"),
    ]


def test_what_was_written_before_its_file_was_lost_is_not_missed(
    store: CompanyStore, customer: Customer, account: int, tmp_path: Path
) -> None:
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    assert write_out(store, customer, tmp_path / "out", ZONE) == []
    before = _stamps(tmp_path / "out")
    store.files.delete(store.bills.of_account(account)["b1"].sha256)
    assert write_out(store, customer, tmp_path / "out", ZONE) == []
    assert _stamps(tmp_path / "out") == before


def test_names_from_a_portal_stay_inside(store: CompanyStore, customer: Customer, tmp_path: Path) -> None:
    account = store.accounts.save(customer, replace(ACCOUNT, number="../../12/3", meters=()))
    hostile = replace(series([1]), meter_id="/etc/../E 1\n")
    store.readings.save(account, replace(EXPORT, name="../../../raw.xml"), "one", [hostile])
    write_out(store, customer, tmp_path / "out", ZONE)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "out"}
    assert set(_files(tmp_path / "out" / UTILITY)) == {
        "_.._12_3/bills.json",
        "_.._12_3/.written.json",
        "_.._12_3/intervals/_etc_.._E_1_.csv",
        "_.._12_3/raw/_.._.._raw.xml",
    }


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("usage.xml", "usage.xml"),
        ("..", "_"),
        ("", "_"),
        (".hidden", "hidden"),
        ("a/b\\c:d\0e", "a_b_c_d_e"),
        ("é" * 300 + ".xml", "é" * 60 + ".xml"),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_an_unwritable_out_is_one_sentence(
    store: CompanyStore, customer: Customer, account: int, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StorageError, match=r"output directory .*out cannot be written"):
        write_out(store, customer, tmp_path / "out", ZONE)
