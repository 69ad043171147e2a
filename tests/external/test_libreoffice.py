"""LibreOffice opens an exported workbook: days are days, figures are figures, no text runs as a formula."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from meterfarm.records import Account, Address, Commodity, Direction, Document, Meter, Reading, Series, Unit
from meterfarm.services.bayou_bill import BillRendering
from meterfarm.services.customer_sheets import write_sheets
from meterfarm.services.customer_workbook import write_workbook
from meterfarm.storage.data import ReadBill
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from tests.storage.made import USERNAME, UTILITY, bill, listed, pdf, reading
from tests.storage.ready_home import ready_home

_TABLE, _OFFICE, _TEXT = (
    f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}" for name in ("table", "office", "text")
)
START = 1_793_505_600  # 2026-11-01T04:00:00Z, midnight in New York
RUNS = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://a.example")', "\t=1+1")
METER = Meter("E1", Commodity.ELECTRIC, RUNS[0], dict.fromkeys(("note",), RUNS[5]))
Cells = Mapping[str, tuple[str, str]]
"""By heading the type and the value."""


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    """An account for each text that a spreadsheet might run; one has a bill and intervals."""
    ready_home(tmp_path / "home")
    with Store.open(Settings(home=tmp_path / "home")).of() as store:
        _fill(store)
        customer = store.customers.ensure(UTILITY, USERNAME)
        write_workbook(store, customer, tmp_path / "ada.xlsx", ZoneInfo("America/New_York"))
        record = store.customers.record(customer.id)
        assert record is not None
        write_sheets(store, record, customer, BillRendering(""), tmp_path / "seen.xlsx")
    return tmp_path / "ada.xlsx"


def _fill(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    for number, text in enumerate(RUNS):
        store.accounts.save(customer, Account(f"8{number}", text, Address(text, text, "NY", "01234")))
    account = store.accounts.save(customer, Account("0077", "Ada", None, (METER,)))
    readings = [Reading(START + 900 * each, 900, 100 + each, each == 1) for each in range(4)]
    series = Series("E1", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, -1, readings)
    store.readings.save(account, Document(b"<feed/>", "application/xml", "a.xml"), "nov", [series])
    store.bills.save(account, [ReadBill(listed(), pdf(), bill(), "l", 1, reading=reading(bill()))])


def test_libreoffice_takes_days_as_days_figures_as_figures_and_runs_nothing(
    workbook: Path, tmp_path: Path
) -> None:
    sheets = _opened(workbook, tmp_path)
    texts = [row["name"] for row in sheets["accounts"]]
    assert {kind for kind, _ in texts} == {"string"}
    assert {text for _, text in texts} == {*(each.strip() for each in RUNS), "Ada"}
    assert [row["account"] for row in sheets["bills"]] == [("string", "0077")]
    (paid,) = sheets["bills"]
    assert paid["billed on"] == ("date", bill().billed_on.isoformat())
    assert paid["total"] == ("currency", "42")
    assert paid["electricity (kWh)"] == ("float", "123.456")
    first, second, *_ = sheets["intervals"]
    assert first["start (UTC)"] == ("date", "2026-11-01T04:00:00")
    assert first["start (local)"] == ("date", "2026-11-01")
    assert [row["quantity"] for row in (first, second)] == [("float", "0.01"), ("float", "0.0101")]


def test_so_does_it_take_what_the_dashboard_writes(workbook: Path, tmp_path: Path) -> None:
    sheets = _opened(tmp_path / "seen.xlsx", tmp_path)
    assert list(sheets) == ["Customer", "Bills", "Intervals"]
    assert {row["account name"] for row in sheets["Customer"]} >= {("string", each.strip()) for each in RUNS}
    (paid,) = sheets["Bills"]
    assert paid["billed on"] == ("date", bill().billed_on.isoformat())
    assert (paid["total"], paid["account"]) == (("currency", "42"), ("string", "123456789012345"))
    first, second, *_ = sheets["Intervals"]
    assert first["start (local)"] == ("date", "2026-11-01")
    assert [row["electricity (Wh)"] for row in (first, second)] == [("float", "10"), ("float", "10")]
    assert second["estimated"] == ("string", "yes")


def _opened(workbook: Path, folder: Path) -> Mapping[str, Sequence[Cells]]:
    """The sheets as LibreOffice has them, once it has saved them in its own format. No cell has a formula."""
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "fods",
        "--outdir",
        str(folder),
        str(workbook),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=180)
    file = folder / f"{workbook.stem}.fods"
    assert file.exists(), ran.stdout + ran.stderr
    book = etree.parse(file)
    assert not list(book.iterfind(f".//*[@{_TABLE}formula]"))
    return {
        str(table.get(f"{_TABLE}name")): list(_rows(table)) for table in book.iterfind(f".//{_TABLE}table")
    }


def _rows(table: etree._Element) -> Iterator[Cells]:
    headings: Sequence[str] = ()
    for row in table.iterfind(f".//{_TABLE}table-row"):
        cells = list(_cells(row))
        if headings and any(text for _, text in cells):
            yield dict(zip(headings, cells, strict=False))
        headings = headings or [text for _, text in cells]


def _cells(row: etree._Element) -> Iterator[tuple[str, str]]:
    for cell in row.iterfind(f"{_TABLE}table-cell"):
        kind = cell.get(f"{_OFFICE}value-type", "")
        text = "\n".join("".join(each.itertext()) for each in cell.iterfind(f"{_TEXT}p"))
        value = cell.get(f"{_OFFICE}date-value") or cell.get(f"{_OFFICE}value") or text
        for _ in range(min(int(cell.get(f"{_TABLE}number-columns-repeated", "1")), 40)):
            yield kind, value
