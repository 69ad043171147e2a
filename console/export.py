"""The `export` command: readings or bills in store, as files that other tools read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from meterfarm.console.errors import UsageError
from meterfarm.console.here import opened
from meterfarm.console.listing import Column, Listing
from meterfarm.console.printed import say, say_json, show, warn
from meterfarm.formats.errors import FormatError
from meterfarm.records import Series
from meterfarm.services.customers import find_customer
from meterfarm.storage.export import Names, output_errors, safe_name, write_bills
from meterfarm.storage.home import written_aside
from meterfarm.storage.results import CustomerInfo, StoredAccount
from meterfarm.storage.store import Store
from meterfarm.utilities import UnknownUtility, load_utility

REFUSED = 3


class Format(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"
    GREEN_BUTTON = "green-button"

    @property
    def suffix(self) -> str:
        return "xml" if self is Format.GREEN_BUTTON else self.value


@dataclass(frozen=True, slots=True)
class Written:
    """A meter's file."""

    file: str
    customer: int
    account: str
    meter: str
    series: int
    readings: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A meter whose readings the format cannot hold."""

    customer: int
    account: str
    meter: str
    why: str


@dataclass(frozen=True, slots=True)
class WrittenBills:
    """An account's folder: ``bills.json`` has ``bills`` entries, of which ``missing`` came without a file."""

    folder: str
    customer: int
    account: str
    bills: int
    missing: Sequence[str]


async def export(
    reference: str | None, *, everybody: bool, bills: bool, to: str | None, out: Path, as_json: bool
) -> int:
    """Write a file for each meter that has readings, or with ``bills`` each account's bills.

    3 if something could not be written: a format cannot hold it, or a bill's file is lost.
    """
    if to is not None and to not in list(Format):
        raise UsageError(f"There is no format “{to}”; there are {', '.join(Format)}.")
    if bills and to is not None:
        raise UsageError("Bills have no format to choose: leave --format or --bills out.")
    if (reference is None) is not everybody:
        raise UsageError("Name a customer, or say --all for everybody.")
    with opened() as (_, store):
        wanted = None if reference is None else find_customer(store, reference).id
        customers = [one for one in store.customers() if wanted in (None, one.id)]
        if bills:
            return _bills(store, customers, out, as_json=as_json)
        return _readings(store, customers, Format(to or Format.CSV), out, as_json=as_json)


def _bills(store: Store, customers: Sequence[CustomerInfo], out: Path, *, as_json: bool) -> int:
    found = []
    for info in customers:
        customer = find_customer(store, str(info.id))
        for stored, place in _places(store, info, out):
            count = len(store.stored_bills(stored.id))
            if not count:
                continue
            with output_errors(out):
                missing = write_bills(store, customer, stored, place)
            found.append(WrittenBills(str(place), info.id, stored.account.number, count, missing))
    if as_json:
        say_json({"out": str(out), "written": found})
    elif found:
        show(_bills_table(found))
    else:
        say("There are no bills in store to export.")
    lost = [sentence for one in found for sentence in one.missing]
    for sentence in lost:
        warn(sentence)
    return REFUSED if lost else 0


def _readings(
    store: Store, customers: Sequence[CustomerInfo], form: Format, out: Path, *, as_json: bool
) -> int:
    told = [one for info in customers for one in _of_customer(store, info, form, out)]
    written = [one for one in told if isinstance(one, Written)]
    refused = [one for one in told if isinstance(one, Refused)]
    if as_json:
        say_json({"format": form, "out": str(out), "written": written, "refused": refused})
    elif written:
        show(_table(written))
    elif not refused:
        say("There are no readings in store to export.")
    for one in refused:
        warn(f"{one.account} {one.meter} of customer {one.customer}: {one.why}")
    return REFUSED if refused else 0


def _of_customer(store: Store, info: CustomerInfo, to: Format, out: Path) -> Iterator[Written | Refused]:
    try:
        zone = load_utility(info.utility).zone
    except UnknownUtility as exc:
        raise UsageError(str(exc)) from exc
    for stored, place in _places(store, info, out):
        with output_errors(out):
            found = list(_of_account(store, info, stored, to, place, zone))
        yield from found


def _places(store: Store, info: CustomerInfo, out: Path) -> Iterator[tuple[StoredAccount, Path]]:
    """The customer's accounts, each with its folder."""
    accounts = Names()
    for stored in store.accounts(find_customer(store, str(info.id))):
        place = out / safe_name(info.utility) / str(info.id) / accounts.take(stored.account.number)
        yield stored, place


def _of_account(
    store: Store, info: CustomerInfo, stored: StoredAccount, to: Format, place: Path, zone: ZoneInfo
) -> Iterator[Written | Refused]:
    names = Names()
    for meter in stored.account.meters:
        series = store.series(stored.id, meter.id)
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
            yield Refused(info.id, stored.account.number, meter.id, str(exc))
            continue
        count = sum(len(one.readings) for one in series)
        yield Written(str(target), info.id, stored.account.number, meter.id, len(series), count)


def _csv(file: BinaryIO, series: Sequence[Series], zone: ZoneInfo) -> None:
    from meterfarm.formats.readings_csv import write_readings_csv

    with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        write_readings_csv(text, series, zone)


def _parquet(file: BinaryIO, series: Sequence[Series], _: ZoneInfo) -> None:
    from meterfarm.formats.readings_parquet import write_readings_parquet

    write_readings_parquet(file, series)


def _green_button(file: BinaryIO, series: Sequence[Series], zone: ZoneInfo) -> None:
    from meterfarm.formats.espi.green_button_writer import write_green_button

    write_green_button(file, series, zone)


_WRITERS: dict[Format, Callable[[BinaryIO, Sequence[Series], ZoneInfo], None]] = {
    Format.CSV: _csv,
    Format.PARQUET: _parquet,
    Format.GREEN_BUTTON: _green_button,
}


def _bills_table(written: Sequence[WrittenBills]) -> Listing:
    columns = [Column("customer", right=True), Column("account"), Column("bills", right=True)]
    table = Listing(columns, ("customer", "account", "bills", "folder"))
    for one in written:
        record = {"customer": one.customer, "account": one.account, "bills": one.bills, "folder": one.folder}
        table.add([str(one.customer), one.account, f"{one.bills:,}"], record, [one.folder])
    return table


def _table(written: Sequence[Written]) -> Listing:
    columns = [
        Column("customer", right=True),
        Column("account"),
        Column("meter"),
        Column("readings", right=True),
    ]
    table = Listing(columns, ("customer", "account", "meter", "series", "readings", "file"))
    for one in written:
        cells = [str(one.customer), one.account, one.meter, f"{one.readings:,}"]
        table.add(cells, {name: getattr(one, name) for name in Written.__slots__}, [one.file])
    return table
