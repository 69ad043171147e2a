"""`export --format json` and `excel`: all that is in store of a customer, read back by other means."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

from meterfarm.records import (
    Account,
    Address,
    Commodity,
    Direction,
    Document,
    Measure,
    Meter,
    Reading,
    Series,
    Unit,
)
from meterfarm.services.customer_workbook import write_workbook
from meterfarm.services.report.report_facts import report_facts
from meterfarm.storage.data import ReadBill
from meterfarm.storage.store import CompanyStore
from tests.console.asked import customer
from tests.console.command import Command
from tests.storage.made import bill, listed, pdf, reading, save_bill

START = 1_793_505_600  # 2026-11-01T04:00:00Z: midnight in New York, of a day of 25 hours
ELECTRIC, GAS = Meter("E1000001", Commodity.ELECTRIC, "=HYPERLINK(1)"), Meter("G1", Commodity.GAS)
EXPORT = Document(b"<feed/>", "application/xml", "usage.xml")
QUARTERS = [Reading(START + 900 * n, 900, 100 + n, n == 1) for n in range(9_000)]
SERIES = (
    Series("E1000001", Commodity.ELECTRIC, Direction.DELIVERED, Unit.WH, -1, QUARTERS[:50]),
    Series("E1000001", Commodity.ELECTRIC, Direction.DELIVERED, Unit.USD, -5, QUARTERS[:3], Measure.COST),
    Series("G1", Commodity.GAS, Direction.DELIVERED, Unit.THERM, -3, QUARTERS[:2]),
)


def _stored(store: CompanyStore, more: Sequence[Reading] = ()) -> int:
    whose = customer(store, "ada")
    address = Address("1 Waffle Way", "Ghent", "NY", "12075")
    store.accounts.save(whose, Account("78", "=1+1", address))
    account = store.accounts.save(whose, Account("77", "@Ada", address, (ELECTRIC, GAS)))
    store.readings.save(account, EXPORT, "nov", [*SERIES, replace(SERIES[0], readings=more)])
    store.bills.save(account, [ReadBill(listed(), pdf(), bill(), "l", 1, reading=reading(bill()))])
    save_bill(
        store, account, listed("b2", date(2026, 2, 5)), pdf(b"%PDF two"), None, layout="l", layout_version=1
    )
    return whose.id


def _export(command: Command, form: str, out: Path, number: int, readings: int) -> Path:
    ran = command("export", "X-ada", "--format", form, "--out", str(out), "--json")
    assert ran.status == 0, ran.stderr
    (written,) = json.loads(ran.stdout)["written"]
    assert {**written, "file": ""} == {
        **{"file": "", "customer": number, "accounts": 2, "bills": 2, "readings": readings, "sheets": 1}
    }
    suffix = "xlsx" if form == "excel" else form
    assert written["file"] == str(out / "speculoos_power" / f"{number}.{suffix}")
    assert [path.name for path in (out / "speculoos_power").iterdir()] == [f"{number}.{suffix}"]
    return Path(written["file"])


def test_json_has_everything_and_quantities_digit_by_digit(
    command: Command, store: CompanyStore, tmp_path: Path
) -> None:
    number = _stored(store, QUARTERS)
    file = _export(command, "json", tmp_path / "out", number, 9_005)
    read: dict[str, Any] = json.loads(file.read_text("utf-8"), parse_float=Decimal)
    assert read["customer"] == {"id": number, "external_id": "X-ada", "utility": "speculoos_power"}
    account, other = read["accounts"]
    assert (account["account_number"], other["account_number"]) == ("77", "78")
    assert (other["bills"], other["intervals"], other["name"]) == ([], [], "=1+1")
    assert [meter["id"] for meter in account["meters"]] == ["E1000001", "G1"]
    first, second = account["bills"]
    assert (first["total_amount"], first["meters"][0]["consumption"]) == (4200, 123456)
    assert (first["status"], second["status"]) == ("unlocked", "unparsed")
    assert {check["name"]: check["passed"] for check in first["checks"]}["total"] is True
    assert [item["name"] for item in first["line_items"]] == ["Delivery"]
    kinds = [(each["meter"], each["measure"], each["unit"]) for each in account["intervals"]]
    assert kinds == [("E1000001", "cost", "USD"), ("E1000001", "energy", "Wh"), ("G1", "energy", "therm")]
    energy = account["intervals"][1]["readings"]
    assert [each["quantity"] for each in energy] == [Decimal(100 + n).scaleb(-1) for n in range(9_000)]
    assert energy[1] == {
        "start": "2026-11-01T04:15:00Z",
        "end": "2026-11-01T04:30:00Z",
        "quantity": Decimal("10.1"),
        "estimated": True,
    }
    assert account["intervals"][0]["readings"][0]["quantity"] == Decimal("0.00100")


def test_a_workbook_has_a_sheet_for_each_kind_of_thing(
    command: Command, store: CompanyStore, tmp_path: Path
) -> None:
    number = _stored(store)
    book = CalamineWorkbook.from_path(_export(command, "excel", tmp_path / "out", number, 55))
    names = ["accounts", "meters", "bills", "bill meters", "line items", "checks", "intervals"]
    assert book.sheet_names == names
    sheets: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        head, *rows = book.get_sheet_by_name(name).to_python()
        sheets[name] = [dict(zip(map(str, head), row, strict=True)) for row in rows]
    assert [row["name"] for row in sheets["accounts"]] == ["@Ada", "=1+1"]
    assert [row["tariff"] for row in sheets["meters"]] == ["=HYPERLINK(1)", ""]
    read, unread = sheets["bills"]
    assert (read["total"], read["electricity (kWh)"], read["period to"]) == (
        42.0,
        123.456,
        date(2025, 12, 31),
    )
    assert (unread["status"], unread["total"], unread["billed on"]) == ("unparsed", "", date(2026, 2, 5))
    (meter,) = sheets["bill meters"]
    assert (meter["used"], meter["unit"], meter["previous read"]) == (123.456, "kWh", 100.5)
    assert [row["passed"] for row in sheets["checks"]] == ["yes", "no"]
    (line,) = sheets["line items"]
    assert (line["section"], line["cost"], line["rate"]) == ("Electricity", 42.0, 0.1)
    energy = [row for row in sheets["intervals"] if row["unit"] == "kWh"]
    assert [round(row["quantity"] * 10_000) for row in energy] == [100 + n for n in range(50)]
    assert energy[4]["start (UTC)"] == datetime.fromtimestamp(START + 3_600, UTC).replace(tzinfo=None)
    assert [row["start (local)"].hour for row in energy[4:16:4]] == [1, 1, 2]


@pytest.mark.parametrize(
    ("read", "country", "format_code"),
    [
        ("GBP", "US", '#,##0.00 "GBP"'),
        (None, "US", "[$$-409]#,##0.00"),
        (None, "BE", '#,##0.00 "EUR"'),
        (None, "XX", "#,##0.00"),
    ],
)
def test_amounts_have_the_currency_that_was_read_else_the_countrys(
    store: CompanyStore, tmp_path: Path, read: str | None, country: str, format_code: str
) -> None:
    whose = customer(store, "ada")
    address = Address("1 Waffle Way", "Ghent", "", "12075", country=country)
    account = store.accounts.save(whose, Account("77", "Ada", address))
    stated = replace(reading(bill()), fields={"currency": read} if read else {})
    store.bills.save(account, [ReadBill(listed(), pdf(), bill(), "l", 1, reading=stated)])
    write_workbook(store, whose, tmp_path / "a.xlsx", ZoneInfo("UTC"))
    with zipfile.ZipFile(tmp_path / "a.xlsx") as parts:
        styles = unescape(parts.read("xl/styles.xml").decode())
    codes = set(re.findall('formatCode="(.*?)(?:;.*?)?" ?/>', styles))
    assert codes - {"yyyy-mm-dd", "yyyy-mm-dd hh:mm"} == {format_code}
    symbol = {"GBP": "£"}.get(read or "", {"US": "$", "BE": "€"}.get(country, ""))
    (reported,) = report_facts(store, whose, "Acme").accounts
    assert reported.currency == symbol


def test_people_see_the_files_or_that_there_is_nothing(
    command: Command, store: CompanyStore, tmp_path: Path
) -> None:
    customer(store, "bea")
    ran = command("export", "X-bea", "--format", "excel", "--out", str(tmp_path / "out"))
    assert (ran.status, ran.stdout) == (0, "There is nothing in store to export.\n")
    assert not (tmp_path / "out").exists()
    number = _stored(store)
    ran = command("export", "--all", "--format", "excel", "--out", str(tmp_path / "out"))
    head, line = ran.stdout.splitlines()
    assert head.split("\t") == ["customer", "accounts", "bills", "readings", "file"]
    assert line.split("\t")[:4] == [str(number), "2", "2", "55"]
