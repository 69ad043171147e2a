"""The `export` command: the interval readings in store, as files that other tools read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from console.errors import UsageError
from console.here import customer_named, opened
from console.printed import say, say_json, show
from formats.errors import FormatError
from records import Series
from storage.errors import StorageError
from storage.export import Names, safe_name
from storage.home import written_aside
from storage.results import CustomerInfo, StoredAccount
from storage.store import Store
from utilities import UnknownUtility, load_utility

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


async def export(reference: str | None, *, everybody: bool, to: str, out: Path, as_json: bool) -> int:
    """Write a file for each meter that has readings; 3 if the format cannot hold those of one."""
    if to not in list(Format):
        raise UsageError(f"There is no format “{to}”; there are {', '.join(Format)}.")
    form = Format(to)
    if (reference is None) is not everybody:
        raise UsageError("Name a customer, or say --all for everybody.")
    with opened() as (_, store):
        wanted = None if reference is None else customer_named(store, reference).id
        customers = [one for one in store.customers() if wanted in (None, one.id)]
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
        typer.echo(f"meterfarm: {one.account} {one.meter} of customer {one.customer}: {one.why}", err=True)
    return REFUSED if refused else 0


def _of_customer(store: Store, info: CustomerInfo, to: Format, out: Path) -> Iterator[Written | Refused]:
    customer = customer_named(store, str(info.id))
    try:
        zone = load_utility(info.utility).zone
    except UnknownUtility as exc:
        raise UsageError(str(exc)) from exc
    accounts = Names()
    for stored in store.accounts(customer):
        place = out / safe_name(info.utility) / str(info.id) / accounts.take(stored.account.number)
        try:
            yield from _of_account(store, info, stored, to, place, zone)
        except OSError as exc:
            raise StorageError(
                f"The output directory {out} cannot be written ({exc.strerror}); "
                "make it writable, free some space or choose another one."
            ) from exc


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
    from formats.readings_csv import write_whole_csv

    with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        write_whole_csv(text, series, zone)


def _parquet(file: BinaryIO, series: Sequence[Series], _: ZoneInfo) -> None:
    from formats.readings_parquet import write_readings_parquet

    write_readings_parquet(file, series)


def _green_button(file: BinaryIO, series: Sequence[Series], zone: ZoneInfo) -> None:
    from formats.green_button_writer import write_green_button

    write_green_button(file, series, zone)


_WRITERS: dict[Format, Callable[[BinaryIO, Sequence[Series], ZoneInfo], None]] = {
    Format.CSV: _csv,
    Format.PARQUET: _parquet,
    Format.GREEN_BUTTON: _green_button,
}


def _table(written: Sequence[Written]) -> Table:
    table = Table("customer", "account", "meter", box=None, pad_edge=False)
    table.add_column("readings", justify="right")
    table.add_column("file")
    for one in written:
        table.add_row(str(one.customer), one.account, one.meter, f"{one.readings:,}", one.file)
    return table
