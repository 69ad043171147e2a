"""The `export` command: what is in store, as files that other tools read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.terminal.listing import Column, Listing
from meterfarm.console.terminal.output import print_json, print_line, show, warn
from meterfarm.formats.xlsx_sheets import MOST_ROWS
from meterfarm.services.customers import find_customer, list_customers
from meterfarm.services.exports import (
    ExportedBills,
    ExportedCustomer,
    ExportedMeter,
    ExportFormat,
    RefusedMeter,
    export_bills,
    export_customer,
    export_readings,
)
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore

REFUSED = 3


async def export(
    reference: str | None, *, everybody: bool, bills: bool, to: str | None, out: Path, as_json: bool
) -> int:
    """Write a file for each meter that has readings, or a customer; with ``bills`` each account's bills.

    3 if something could not be written: a format cannot hold it, or a bill's file is lost.

    Raises:
        UsageError: the options do not fit each other.
        NotFound: there is no such customer.
    """
    if to is not None and to not in list(ExportFormat):
        raise UsageError(f"There is no format “{to}”; there are {', '.join(ExportFormat)}.")
    if bills and to is not None:
        raise UsageError("Bills have no format to choose: leave --format or --bills out.")
    if (reference is None) is not everybody:
        raise UsageError("Name a customer, or say --all for everybody.")
    with open_store() as (_, store):
        references = (
            [reference] if reference is not None else [str(customer.id) for customer in list_customers(store)]
        )
        customers = [find_customer(store, each) for each in references]
        if bills:
            return _bills(store, customers, out, as_json=as_json)
        form = ExportFormat(to or ExportFormat.CSV)
        if form.is_of_all:
            return _everything(store, customers, form, out, as_json=as_json)
        return _readings(store, customers, form, out, as_json=as_json)


def _everything(
    store: CompanyStore, customers: Sequence[Customer], form: ExportFormat, out: Path, *, as_json: bool
) -> int:
    found = [each for customer in customers if (each := export_customer(store, customer, form, out))]
    if as_json:
        print_json({"format": form, "out": str(out), "written": found})
    elif found:
        show(_customers_table(found))
    else:
        print_line("There is nothing in store to export.")
    for each in found:
        if each.sheets > 1:
            warn(
                f"The readings of customer {each.customer} take {each.sheets} sheets, intervals and "
                f"intervals 2 to {each.sheets}: Excel has {MOST_ROWS:,} rows a sheet."
            )
    return 0


def _bills(store: CompanyStore, customers: Sequence[Customer], out: Path, *, as_json: bool) -> int:
    found = [exported for customer in customers for exported in export_bills(store, customer, out)]
    if as_json:
        print_json({"out": str(out), "written": found})
    elif found:
        show(_bills_table(found))
    else:
        print_line("There are no bills in store to export.")
    lost = [sentence for exported in found for sentence in exported.missing]
    for sentence in lost:
        warn(sentence)
    return REFUSED if lost else 0


def _readings(
    store: CompanyStore, customers: Sequence[Customer], form: ExportFormat, out: Path, *, as_json: bool
) -> int:
    found = [exported for customer in customers for exported in export_readings(store, customer, form, out)]
    written = [exported for exported in found if isinstance(exported, ExportedMeter)]
    refused = [exported for exported in found if isinstance(exported, RefusedMeter)]
    if as_json:
        print_json({"format": form, "out": str(out), "written": written, "refused": refused})
    elif written:
        show(_table(written))
    elif not refused:
        print_line("There are no readings in store to export.")
    for meter in refused:
        warn(f"{meter.account} {meter.meter} of customer {meter.customer}: {meter.why}")
    return REFUSED if refused else 0


def _customers_table(written: Sequence[ExportedCustomer]) -> Listing:
    names = ("customer", "accounts", "bills", "readings")
    table = Listing([Column(name, right=True) for name in names], (*names, "file"))
    for each in written:
        cells = [str(each.customer), *(f"{count:,}" for count in (each.accounts, each.bills, each.readings))]
        record = {name: getattr(each, name) for name in (*names, "file")}
        table.add(cells, record, [each.file])
    return table


def _bills_table(written: Sequence[ExportedBills]) -> Listing:
    columns = [Column("customer", right=True), Column("account"), Column("bills", right=True)]
    table = Listing(columns, ("customer", "account", "bills", "folder"))
    for exported in written:
        record = {
            "customer": exported.customer,
            "account": exported.account,
            "bills": exported.bills,
            "folder": exported.folder,
        }
        table.add(
            [str(exported.customer), exported.account, f"{exported.bills:,}"], record, [exported.folder]
        )
    return table


def _table(written: Sequence[ExportedMeter]) -> Listing:
    columns = [
        Column("customer", right=True),
        Column("account"),
        Column("meter"),
        Column("readings", right=True),
    ]
    table = Listing(columns, ("customer", "account", "meter", "series", "readings", "file"))
    for meter in written:
        cells = [str(meter.customer), meter.account, meter.meter, f"{meter.readings:,}"]
        table.add(cells, {name: getattr(meter, name) for name in ExportedMeter.__slots__}, [meter.file])
    return table
