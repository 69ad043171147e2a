"""All that is in store of a customer as one JSON document, written as it is read: memory stays flat."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from meterfarm.formats.bills.bayou import address_json, meter_type
from meterfarm.formats.readings_csv import plain
from meterfarm.formats.stamps import Stamps
from meterfarm.records import Account
from meterfarm.services.bayou import stored_bill_json
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import DatedReading, MeterReadings, ReadingChannel, StoredAccount, StoredBill
from meterfarm.storage.store import CompanyStore
from meterfarm.support.foreign_text import as_json

_PAGE = 4_000


def readings_of(store: CompanyStore, channel: ReadingChannel) -> Iterator[DatedReading]:
    """The readings of a channel that count, by start, a page at a time."""
    since = channel.first
    while since <= channel.last:
        page = store.intervals.page([channel], since, _PAGE)
        yield from page.readings[0]
        since = page.until


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """What a file holds. ``parts``: how many sheets of a workbook the readings take."""

    bills: int
    readings: int
    parts: int = 1


def write_document(store: CompanyStore, customer: Customer, file: BinaryIO) -> ExportCounts:
    """Write the customer's accounts, meters, bills and readings.

    Bills have Bayou's fields and ours. Quantities are written digit by digit, as exact as they are stored.
    """
    meters = store.intervals.meters(customer, every_measure=True)
    bills = readings = 0
    with io.TextIOWrapper(file, encoding="utf-8", newline="\n") as text:
        text.write(f'{{"customer": {_one(_customer(store, customer))},\n"accounts": [')
        for place, stored in enumerate(store.accounts.list(customer)):
            text.write("," if place else "")
            text.write(f"\n{_one(_account(stored.account))[:-1]},\n")
            kept = list(store.bills.of_account(stored.id).values())
            bills += len(kept)
            text.write(f'"bills": {_list(_bill(customer, stored, bill) for bill in kept)},\n"intervals": [')
            between = ""
            for meter in meters:
                for channel in meter.channels if meter.account_id == stored.id else ():
                    text.write(f"{between}\n")
                    between = ","
                    readings += _write_channel(text, store, meter, channel)
            text.write("]}")
        text.write("\n]}\n")
    return ExportCounts(bills, readings)


def _customer(store: CompanyStore, customer: Customer) -> dict[str, object]:
    record = store.customers.record(customer.id)
    return {
        "id": customer.id,
        "external_id": record.external_id if record else None,
        "utility": customer.utility or None,
    }


def _account(account: Account) -> dict[str, object]:
    return {
        "account_number": account.number,
        "name": account.name or None,
        "status": account.status.value,
        "address": address_json(account.address) if account.address else None,
        "additional_attributes": dict(account.additional_attributes),
        "meters": [
            {
                "id": meter.id,
                "type": meter_type(meter.commodity),
                "tariff": meter.tariff or None,
                "additional_attributes": dict(meter.additional_attributes),
            }
            for meter in account.meters
        ],
    }


def _bill(customer: Customer, stored: StoredAccount, bill: StoredBill) -> dict[str, object]:
    read = bill.bill
    return {
        **stored_bill_json(customer, stored, bill, None),
        "due_on": read.due_on.isoformat() if read and read.due_on else None,
        "layout": bill.layout or None,
        "problems": list(bill.problems),
        "sha256": bill.sha256,
    }


def _write_channel(text: TextIO, store: CompanyStore, meter: MeterReadings, channel: ReadingChannel) -> int:
    """Write what it is of and a line for each of its readings; how many there are."""
    head = {
        "meter": meter.meter_id,
        "commodity": channel.commodity.value,
        "measure": channel.measure.value,
        "direction": channel.direction.value,
        "unit": channel.unit.value,
    }
    text.write(f'{_one(head)[:-1]}, "readings": [')
    utc, exponent, count = Stamps().utc, channel.exponent, 0
    for start, seconds, mantissa, estimated, _, _ in readings_of(store, channel):
        text.write(
            f'{"," if count else ""}\n{{"start": "{utc(start)}Z", "end": "{utc(start + seconds)}Z", '
            f'"quantity": {plain(mantissa, exponent)}, "estimated": {"true" if estimated else "false"}}}'
        )
        count += 1
    text.write("]}")
    return count


def _one(value: object) -> str:
    return as_json(value)


def _list(values: Iterable[object]) -> str:
    found = ",\n".join(map(_one, values))
    return f"[\n{found}]" if found else "[]"
