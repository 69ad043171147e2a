"""`export` writes what is in store, and nothing else; what is read back is the same."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet  # type: ignore[import-untyped]

from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.records import (
    Account,
    Commodity,
    Direction,
    Document,
    ListedBill,
    Measure,
    Meter,
    Reading,
    Series,
    Severity,
    Unit,
)
from meterfarm.services.customers import find_customer
from meterfarm.storage.store import CompanyStore
from tests.console.asked import customer
from tests.console.command import Command
from tests.storage.made import save_bill

START = 1_793_505_600  # 2026-11-01T04:00:00Z: midnight in New York, of a day of 25 hours
ELECTRIC, GAS = Meter("E/1", Commodity.ELECTRIC), Meter("G1", Commodity.GAS)
EXPORT = Document(b"<feed/>", "application/xml", "usage.xml")


def _series(meter: Meter, direction: Direction, mantissas: list[int], exponent: int) -> Series:
    unit = Unit.WH if meter is ELECTRIC else Unit.THERM
    readings = [Reading(START + 900 * n, 900, value, n == 1) for n, value in enumerate(mantissas)]
    return Series(meter.id, meter.commodity, direction, unit, exponent, readings)


SERIES = (
    _series(ELECTRIC, Direction.DELIVERED, list(range(100)), 0),
    _series(ELECTRIC, Direction.RECEIVED, [-5, 0, 7], -2),
    _series(GAS, Direction.DELIVERED, [1, 2], -3),
)


def _stored(store: CompanyStore, name: str) -> int:
    whose = customer(store, name)
    account = store.accounts.save(whose, Account("77", meters=(ELECTRIC, GAS, Meter("G2", Commodity.GAS))))
    store.readings.save(account, EXPORT, "nov", SERIES)
    return whose.id


def _export(command: Command, *arguments: str) -> list[dict[str, Any]]:
    ran = command("export", "--json", *arguments)
    assert ran.status == 0, ran.stderr
    written: list[dict[str, Any]] = json.loads(ran.stdout)["written"]
    return written


def test_csv_has_a_row_for_every_reading(command: Command, store: CompanyStore, tmp_path: Path) -> None:
    number = _stored(store, "ada")
    written = _export(command, "X-ada", "--out", str(tmp_path / "out"))
    folder = tmp_path / "out" / "speculoos_power" / str(number) / "77"
    assert [(one["file"], one["meter"], one["readings"], one["series"]) for one in written] == [
        (str(folder / "E_1.csv"), "E/1", 103, 2),
        (str(folder / "G1.csv"), "G1", 2, 1),
    ]
    with (folder / "E_1.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    told = [(row["direction"], row["start"], Decimal(row["quantity"]), row["estimated"]) for row in rows]
    assert told == [
        (one.direction, reading.starts_at.isoformat().replace("+00:00", "Z"), quantity, estimated)
        for one in SERIES[:2]
        for reading in one.readings
        for quantity in [Decimal(f"{reading.mantissa}e{one.exponent}")]
        for estimated in [str(reading.estimated).lower()]
    ]
    assert rows[8]["local_start"] == "2026-11-01T01:00:00-05:00"
    assert sorted(path.name for path in folder.iterdir()) == ["E_1.csv", "G1.csv"]


def test_parquet_is_read_as_one_table(command: Command, store: CompanyStore, tmp_path: Path) -> None:
    for name in ("ada", "bea"):
        _stored(store, name)
    written = _export(command, "--all", "--format", "parquet", "--out", str(tmp_path / "out"))
    assert {one["customer"] for one in written} == {one.id for one in store.customers.list()}
    table = parquet.read_table([one["file"] for one in written])
    assert table.num_rows == 2 * 105
    total = sum(value for value in table.column("quantity").to_pylist())
    assert total == 2 * (sum(range(100)) + Decimal("0.02") + Decimal("0.003"))


def test_green_button_is_read_back_as_the_same_series(
    command: Command, store: CompanyStore, tmp_path: Path
) -> None:
    number = _stored(store, "ada")
    whose = store.customers.ensure("speculoos_power", "ada@bayou.energy")
    account = store.accounts.list(whose)[0].id
    quarter = [Reading(START, 900, 5), Reading(START + 900, 900, 7)]
    store.readings.save(account, EXPORT, "more", _of_every_measure(quarter))
    written = _export(command, str(number), "--format", "green-button", "--out", str(tmp_path / "out"))
    found = [one for file in written for one in _read_back(Path(file["file"]))]
    kept = [one for file in written for one in store.readings.series(account, file["meter"])]
    assert len(kept) > 10
    assert sorted(map(_plain, found)) == sorted(map(_plain, kept))
    ran = command("read", "--json", *(one["file"] for one in written))
    assert ran.status == 0, ran.stdout
    told = [series for line in ran.stdout.splitlines() for series in json.loads(line)["series"]]
    assert sorted((one["count"], Decimal(one["total"])) for one in told) == sorted(
        (len(one.readings), _total(one)) for one in kept
    )


def _of_every_measure(readings: list[Reading]) -> list[Series]:
    given = (
        (Measure.DEMAND, Unit.W),
        (Measure.REGISTER, Unit.WH),
        (Measure.TEMPERATURE, Unit.CELSIUS),
        (Measure.COST, Unit.CAD),
        (Measure.OTHER, Unit.VARH),
        (Measure.OTHER, Unit.V),
        (Measure.OTHER, Unit.UNKNOWN),
    )
    electric = [
        Series(ELECTRIC.id, Commodity.ELECTRIC, Direction.DELIVERED, unit, -3, readings, measure)
        for measure, unit in given
    ]
    volume = Series(GAS.id, Commodity.GAS, Direction.DELIVERED, Unit.CCF, -2, readings, Measure.VOLUME)
    return [*electric, volume, replace(electric[0], direction=Direction.UNKNOWN)]


def _read_back(file: Path) -> Sequence[Series]:
    read = read_green_button(file.read_bytes())
    assert not [problem for problem in read.issues if problem.severity is not Severity.NOTE]
    return read.series


def _plain(one: Series) -> tuple[object, ...]:
    """What it says, however the exponent is chosen."""
    kind = (one.meter_id, one.commodity, one.measure, one.direction, one.unit)
    values = [
        (r.start, r.seconds, Decimal(f"{r.mantissa}e{one.exponent}"), r.estimated) for r in one.readings
    ]
    return *kind, values


def test_what_a_format_cannot_hold_is_told_and_the_rest_is_written(
    command: Command, store: CompanyStore, tmp_path: Path
) -> None:
    whose = customer(store, "ada")
    odd = Meter("G\x01", Commodity.GAS)
    account = store.accounts.save(whose, Account("77", meters=(odd, GAS)))
    store.readings.save(account, EXPORT, "nov", [SERIES[2], replace(SERIES[2], meter_id=odd.id)])
    ran = command("export", "--all", "--format", "green-button", "--out", str(tmp_path / "out"), "--json")
    told = json.loads(ran.stdout)
    assert ran.status == 3
    assert [one["meter"] for one in told["written"]] == [GAS.id]
    assert [one["meter"] for one in told["refused"]] == [odd.id]
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["G1.xml"]


def test_what_is_covered_is_shown_with_its_gaps(command: Command, store: CompanyStore) -> None:
    number = _stored(store, "ada")
    account = store.accounts.list(store.customers.ensure("speculoos_power", "ada@bayou.energy"))[0]
    later = replace(SERIES[2], readings=[Reading(START + 7200, 900, 5)])
    store.readings.save(account.id, EXPORT, "dec", [later])
    shown = json.loads(command("customer", "show", str(number), "--json").stdout)["intervals"]
    assert [one["interval_count"] for one in shown] == [100, 3, 3]
    assert shown[2] == {
        "account": "77",
        "meter": "G1",
        "commodity": "gas",
        "measure": "energy",
        "direction": "delivered",
        "unit": "therm",
        "interval_seconds": [900],
        "interval_count": 3,
        "interval_coverage": [
            ["2026-11-01T04:00:00Z", "2026-11-01T04:30:00Z"],
            ["2026-11-01T06:00:00Z", "2026-11-01T06:15:00Z"],
        ],
        "interval_gaps": [["2026-11-01T04:30:00Z", "2026-11-01T06:00:00Z"]],
    }
    assert (
        "77\tG1\tgas\tenergy\tdelivered\ttherm\t3\t2026-11-01T04:00:00Z\t2026-11-01T06:15:00Z\t1\n"
        in command("customer", "show", str(number)).stdout
    )


def _total(series: Series) -> Decimal:
    return Decimal(sum(reading.mantissa for reading in series.readings)).scaleb(series.exponent)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say --all"),
        (["1", "--all"], "say --all"),
        (["nobody"], "no customer “nobody”"),
        (["1", "--format", "xls"], "csv, parquet, green-button"),
        (["1", "--bills", "--format", "csv"], "leave --format or --bills out"),
    ],
)
def test_what_cannot_be_exported_is_a_usage_error(
    command: Command, store: CompanyStore, arguments: list[str], says: str
) -> None:
    _stored(store, "ada")
    ran = command("export", *arguments)
    assert ran.status == 2
    assert says in ran.stderr


def test_bills_come_as_files_and_json_and_a_lost_file_is_named(
    command: Command, store: CompanyStore, tmp_path: Path
) -> None:
    number = _stored(store, "ada")
    (account,) = store.accounts.list(find_customer(store, str(number)))
    for key, content in (("b1", b"%PDF b1"), ("b2", b"%PDF b2")):
        listed = ListedBill(key, f"/bills/{key}", date(2026, 1, 5), 4200)
        document = Document(content, "application/pdf", "bill.pdf")
        save_bill(store, account.id, listed, document, None, layout="l", layout_version=1)
    out = tmp_path / "out"
    ran = command("export", "--all", "--bills", "--json", "--out", str(out))
    folder = out / "speculoos_power" / str(number) / "77"
    assert (ran.status, json.loads(ran.stdout)["written"]) == (
        0,
        [{"folder": str(folder), "customer": number, "account": "77", "bills": 2, "missing": []}],
    )
    assert (folder / "bills" / "2026-01-05-2.pdf").read_bytes() == b"%PDF b2"
    assert [one["status"] for one in json.loads((folder / "bills.json").read_text())] == ["unparsed"] * 2
    store.files.delete(store.bills.of_account(account.id)["b1"].sha256)
    ran = command("export", "X-ada", "--bills", "--out", str(tmp_path / "again"))
    assert (ran.status, ran.stderr.count("The bill of 2026-01-05 of account 77 was not written")) == (3, 1)
    assert (tmp_path / "again" / folder.relative_to(out) / "bills" / "2026-01-05-2.pdf").exists()


def test_people_are_told_what_was_written_or_that_there_is_nothing(
    command: Command, store: CompanyStore, tmp_path: Path
) -> None:
    nobody = customer(store, "bea")
    ran = command("export", str(nobody.id), "--out", str(tmp_path / "out"))
    assert (ran.status, ran.stdout) == (0, "There are no readings in store to export.\n")
    ran = command("export", str(nobody.id), "--bills", "--out", str(tmp_path / "out"))
    assert (ran.status, ran.stdout) == (0, "There are no bills in store to export.\n")
    assert not (tmp_path / "out").exists()
    _stored(store, "ada")
    ran = command("export", "--all", "--out", str(tmp_path / "out"))
    assert "103" in ran.stdout
    assert "E_1.csv" in ran.stdout


def test_a_directory_that_cannot_be_written_is_told(
    command: Command, store: CompanyStore, tmp_path: Path
) -> None:
    _stored(store, "ada")
    (tmp_path / "out").write_text("a file")
    ran = command("export", "--all", "--out", str(tmp_path / "out"))
    assert ran.status == 1
    assert "cannot be written" in ran.stderr
