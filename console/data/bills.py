"""The `bill` commands: bills listed, shown, unlocked, uploaded, and their files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from meterfarm.console.command_context import open_store
from meterfarm.console.data.bill_tables import bill_card, bills_table
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.output import print_json, print_line, show, show_empty, warn
from meterfarm.records import BillStatus
from meterfarm.services import bills
from meterfarm.services.bayou_bill import BillRendering
from meterfarm.services.bill_history import bill_checks
from meterfarm.services.customers import find_customer
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import FoundBill
from meterfarm.storage.store import CompanyStore

LACKING = 3
_BY = "command line"
_READ = (BillStatus.LOCKED, BillStatus.UNLOCKED)


@dataclass(frozen=True, slots=True)
class BillFilters:
    """Which bills are to be listed, as the options have it."""

    customer: str | None
    account: str | None
    meter: str | None
    since: str | None
    until: str | None
    limit: int


async def list_all(wanted: BillFilters, *, as_json: bool) -> int:
    """The newest bills of a customer, or of the company."""
    first, last = _day(wanted.since, "--since"), _day(wanted.until, "--until")
    query = bills.BillQuery(wanted.account, wanted.meter, first, last, wanted.limit)
    rendering = BillRendering("")
    with open_store() as (_, store):
        customer = _holder(store, wanted.customer)
        if customer is not None:
            await asyncio.to_thread(
                bills.check_bills_of, store, customer, wanted.account, wanted.meter, rendering
            )
        found, has_more = await asyncio.to_thread(bills.list_bills, store, customer, query, rendering)
        shown = _shown(store, found, rendering)
    if as_json:
        print_json(shown)
    elif not found:
        show_empty("There are no such bills.", bills_table((), ()))
    else:
        show(bills_table(found, shown))
    if has_more:
        warn(f"There are more than {wanted.limit}: these are the newest; --limit takes a higher number.")
    return OK


async def show_one(reference: str, *, as_json: bool) -> int:
    """A bill, its meters, and how it agrees with other bills and with intervals."""
    with open_store() as (_, store):
        bill = bills.find_named_bill(store, reference)
        (shown,) = _shown(store, [bill], BillRendering(""))
        checks = await asyncio.to_thread(bill_checks, store, bill)
    if as_json:
        as_listed = [{"name": each.name, "verdict": each.verdict, "what": each.what} for each in checks]
        print_json({**shown, "history_checks": as_listed})
    else:
        show(*bill_card(bill, shown, checks))
    return OK


async def unlock(references: Sequence[str], meters: Sequence[str] | None, *, as_json: bool) -> int:
    """Unlock bills, all of them found first, or these meters of them."""
    done = []
    with open_store() as (_, store):
        for bill in [bills.find_named_bill(store, each) for each in references]:
            only = list(meters) if meters else None
            unlocking = partial(bills.unlock_bill, store, bill, _BY, meter_ids=only)
            is_new = await asyncio.to_thread(unlocking)
            done.append({"bill": bill.id, "meters": only, "changed": is_new})
            if not as_json:
                what = f"bill {bill.id}" + (f", meter {', '.join(only)}:" if only else "")
                print_line(f"{what} {'unlocked' if is_new else 'was unlocked before'}")
    if as_json:
        print_json(done)
    return OK


async def upload(file: Path, reference: str | None, external_id: str | None, *, as_json: bool) -> int:
    """Keep a PDF as a bill."""
    with open_store() as (_, store):
        customer = find_customer(store, reference) if reference is not None else None
        content = await asyncio.to_thread(_content, file)
        bill = await bills.upload_bill(store, bills.BillUpload(content, file.name, customer, external_id))
    if as_json:
        print_json({"bill": bill.id, "customer": bill.customer_id, "status": bill.status})
    else:
        owner = f"of customer {bill.customer_id}" if bill.customer_id is not None else "of no customer yet"
        print_line(f"bill {bill.id} {owner}, {bill.status}")
    if bill.status in _READ:
        return OK
    warn(f"No layout reads bill {bill.id} yet; `reread` tries again once there is one.")
    return LACKING


async def write_file(reference: str, out: Path | None, *, as_json: bool) -> int:
    """Write a bill's PDF to a new file that only its owner can read."""
    with open_store() as (_, store):
        bill = bills.find_named_bill(store, reference)
        content = await asyncio.to_thread(bills.read_file, store, bill)
    if content is None:
        warn(f"The file of bill {bill.id} is lost here; upload it again, or restore it from a backup.")
        return LACKING
    day = f"-{bill.billed_on.isoformat()}" if bill.billed_on is not None else ""
    target = out or Path(f"bill-{bill.id}{day}.pdf")
    await asyncio.to_thread(_write, target, content)
    if as_json:
        print_json({"bill": bill.id, "file": str(target), "bytes": len(content)})
    else:
        print_line(f"{target} has bill {bill.id}, {len(content):,} bytes")
    return OK


def _holder(store: CompanyStore, reference: str | None) -> Customer | None:
    """Who holds what is collected by the login of the customer who is named."""
    return None if reference is None else store.customers.holder(find_customer(store, reference))


def _shown(
    store: CompanyStore, found: Sequence[FoundBill], rendering: BillRendering
) -> Sequence[Mapping[str, Any]]:
    """As the API has them; the address of a file is the API's alone."""
    rendered = rendering.of_all(store, found)
    return [{name: value for name, value in bill.items() if name != "file_url"} for bill in rendered]


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise UsageError(f"{option} takes a day such as 2026-01-31, not “{text}”.") from None


def _content(file: Path) -> bytes:
    """No more of it than shows that it is too large."""
    try:
        with file.open("rb") as opened:
            return opened.read(bills.LARGEST_UPLOAD + 1)
    except OSError as exc:
        raise UsageError(f"{file} cannot be read: {exc.strerror or exc}.") from exc


def _write(target: Path, content: bytes) -> None:
    try:
        opened = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "wb") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError(f"{target} is there already; name another file with --out.") from None
    except OSError as exc:
        raise UsageError(f"{target} cannot be written: {exc.strerror or exc}.") from exc
