"""What is in store, written as files that other tools read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.records import Series
from meterfarm.services.customer_files import output_errors, write_bills
from meterfarm.services.customers import find_utility
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import StoredAccount
from meterfarm.storage.store import CompanyStore
from meterfarm.support.aside import written_aside
from meterfarm.support.extras import require
from meterfarm.support.file_names import Names, safe_name


class ExportFormat(StrEnum):
    """How readings, or all that is in store, are written."""

    CSV = "csv"
    PARQUET = "parquet"
    GREEN_BUTTON = "green-button"
    JSON = "json"
    EXCEL = "excel"

    @property
    def is_of_all(self) -> bool:
        """Whether it is one file of all that is in store of a customer, and not one of a meter's readings."""
        return self in (ExportFormat.JSON, ExportFormat.EXCEL)

    @property
    def suffix(self) -> str:
        """What the name of such a file ends with."""
        return {ExportFormat.GREEN_BUTTON: "xml", ExportFormat.EXCEL: "xlsx"}.get(self, self.value)


@dataclass(frozen=True, slots=True)
class ExportedMeter:
    """A meter's file."""

    file: str
    customer: int
    account: str
    meter: str
    series: int
    readings: int


@dataclass(frozen=True, slots=True)
class RefusedMeter:
    """A meter with readings that the format cannot hold."""

    customer: int
    account: str
    meter: str
    why: str


@dataclass(frozen=True, slots=True)
class ExportedBills:
    """An account's folder: ``bills.json`` has ``bills`` entries, of which ``missing`` came without a file."""

    folder: str
    customer: int
    account: str
    bills: int
    missing: Sequence[str]


@dataclass(frozen=True, slots=True)
class ExportedCustomer:
    """A file of all that is in store of a customer; the readings in it take so many ``sheets``."""

    file: str
    customer: int
    accounts: int
    bills: int
    readings: int
    sheets: int


def export_customer(
    store: CompanyStore, customer: Customer, to: ExportFormat, out: Path
) -> ExportedCustomer | None:
    """Write one file of all that is in store of the customer below ``out``; None if that is nothing.

    Raises:
        ExtraMissing: workbooks cannot be written here.
        NotFound: the customer's utility, and with it the time zone, is not known here.
        StorageError: ``out`` cannot be written.
    """
    if to is ExportFormat.EXCEL:
        require("excel", "`export --format excel`")
    accounts = len(store.accounts.list(customer))
    if not accounts:
        return None
    target = out / safe_name(customer.utility) / f"{customer.id}.{to.suffix}"
    with output_errors(out):
        target.parent.mkdir(parents=True, exist_ok=True)
        if to is ExportFormat.EXCEL:
            from meterfarm.services.customer_workbook import write_workbook

            counts = write_workbook(store, customer, target, find_utility(customer.utility).zone)
        else:
            from meterfarm.services.customer_document import write_document

            with written_aside(target) as aside:
                with aside.open("wb") as file:
                    counts = write_document(store, customer, file)
                aside.replace(target)
    return ExportedCustomer(str(target), customer.id, accounts, counts.bills, counts.readings, counts.parts)


def export_readings(
    store: CompanyStore, customer: Customer, to: ExportFormat, out: Path
) -> Sequence[ExportedMeter | RefusedMeter]:
    """Write a file below ``out`` for each meter of the customer that has readings.

    Raises:
        NotFound: the customer's utility, and with it the time zone, is not known here.
        StorageError: ``out`` cannot be written.
    """
    zone = find_utility(customer.utility).zone
    found: list[ExportedMeter | RefusedMeter] = []
    for stored, place in _places(store, customer, out):
        with output_errors(out):
            found += _of_account(store, customer, stored, to, place, zone)
    return found


def export_bills(store: CompanyStore, customer: Customer, out: Path) -> Sequence[ExportedBills]:
    """Write the bills of each account of the customer below ``out``, with a bills.json in Bayou's fields.

    Raises:
        StorageError: ``out`` cannot be written.
    """
    found = []
    for stored, place in _places(store, customer, out):
        count = len(store.bills.of_account(stored.id))
        if count:
            with output_errors(out):
                missing = write_bills(store, customer, stored, place)
            found.append(ExportedBills(str(place), customer.id, stored.account.number, count, missing))
    return found


def _places(store: CompanyStore, customer: Customer, out: Path) -> Iterator[tuple[StoredAccount, Path]]:
    """The customer's accounts, each with its folder."""
    accounts = Names()
    for stored in store.accounts.list(customer):
        place = out / safe_name(customer.utility) / str(customer.id) / accounts.take(stored.account.number)
        yield stored, place


def _of_account(
    store: CompanyStore,
    customer: Customer,
    stored: StoredAccount,
    to: ExportFormat,
    place: Path,
    zone: ZoneInfo,
) -> Iterator[ExportedMeter | RefusedMeter]:
    names = Names()
    for meter in stored.account.meters:
        series = store.readings.series(stored.id, meter.id)
        if not series:
            continue
        place.mkdir(parents=True, exist_ok=True)
        target = place / names.take(f"{meter.id}.{to.suffix}")
        try:
            with written_aside(target) as aside:
                with aside.open("wb") as file:
                    _WRITERS[to](file, series, zone)
                aside.replace(target)
        except FormatError as exc:
            yield RefusedMeter(customer.id, stored.account.number, meter.id, str(exc))
            continue
        count = sum(len(part.readings) for part in series)
        yield ExportedMeter(str(target), customer.id, stored.account.number, meter.id, len(series), count)


def _csv(file: BinaryIO, series: Sequence[Series], zone: ZoneInfo) -> None:
    from meterfarm.formats.readings_csv import write_readings_csv

    with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        write_readings_csv(text, series, zone)


def _parquet(file: BinaryIO, series: Sequence[Series], _: ZoneInfo) -> None:
    require("arrow", "`export --format parquet`")
    from meterfarm.formats.readings_parquet import write_readings_parquet

    write_readings_parquet(file, series)


def _green_button(file: BinaryIO, series: Sequence[Series], zone: ZoneInfo) -> None:
    from meterfarm.formats.espi.green_button_writer import write_green_button

    write_green_button(file, series, zone)


_WRITERS: dict[ExportFormat, Callable[[BinaryIO, Sequence[Series], ZoneInfo], None]] = {
    ExportFormat.CSV: _csv,
    ExportFormat.PARQUET: _parquet,
    ExportFormat.GREEN_BUTTON: _green_button,
}
