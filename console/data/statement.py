"""The `statement` command: what a company, or each of the farm, is charged for a month."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from meterfarm.console.command_context import open_farm, open_store
from meterfarm.console.company_option import chosen_company
from meterfarm.console.errors import ReaderGone, UsageError
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.listing import Column, Listing
from meterfarm.console.terminal.output import print_json, show, show_empty
from meterfarm.services.metering import (
    StatementMonth,
    StatementTotal,
    amount_text,
    customer_charges,
    farm_totals,
    statement_csv,
    statement_lines,
    statement_totals,
)
from meterfarm.storage.customers import Company
from meterfarm.storage.data import CustomerCharge
from meterfarm.storage.store import CompanyStore

_COUNTED = (
    Column("bills", right=True),
    Column("electric", right=True),
    Column("gas", right=True),
    Column("amount", right=True),
)
_NAMES = ("bills", "electric_meters", "gas_meters", "amount", "currency")


async def show_statement(month: str | None, form: str, *, everybody: bool, as_json: bool) -> int:
    """Print that of a month, by default of the one that has begun: in sum by customer, as CSV by bill."""
    if form not in ("table", "csv"):
        raise UsageError(f"A statement is written as table or csv, not as “{form}”.")
    if form == "csv" and (everybody or as_json):
        raise UsageError("With --format csv leave out --all and --json.")
    now = StatementMonth.at(datetime.now(UTC))
    wanted = StatementMonth.named(month) if month is not None else now
    if everybody:
        return await _show_all(wanted, as_json=as_json)
    with open_store() as (_, store):
        if form == "csv":
            await asyncio.to_thread(_write_csv, store, wanted)
        elif as_json:
            print_json(await asyncio.to_thread(_document, store, wanted))
        else:
            charges = await asyncio.to_thread(lambda: list(customer_charges(store, wanted)))
            totals = await asyncio.to_thread(statement_totals, store, wanted)
            _show_one(_heading(store, wanted, now), wanted, charges, totals)
    return OK


def _write_csv(store: CompanyStore, month: StatementMonth) -> None:
    try:
        for part in statement_csv(store, month):
            sys.stdout.write(part)
        sys.stdout.flush()
    except BrokenPipeError as exc:
        raise ReaderGone from exc


def _heading(store: CompanyStore, month: StatementMonth, now: StatementMonth) -> str:
    company = store.farm.companies.get(store.company_id)
    name = f"{company.name}, {_side(company)}" if company is not None else ""
    so_far = ", so far" if month == now else ""
    return f"{name}: {month.first:%B %Y}{so_far}"


def _show_one(
    heading: str, month: StatementMonth, charges: Sequence[CustomerCharge], totals: Sequence[StatementTotal]
) -> None:
    columns = [Column("customer", right=True), Column("external id"), *_COUNTED]
    table = Listing(columns, ("customer", "customer_external_id", *_NAMES), heading)
    for each in charges:
        record = {**asdict(each), "customer": each.customer_id, **_counts(each)}
        table.add([str(each.customer_id), each.customer_external_id or "", *_cells(each)], record)
    if not charges:
        show_empty(f"Nothing was unlocked in {month} that is charged.", table)
        return
    if not sys.stdout.isatty():
        show(table)
        return
    for total in totals:
        table.add(["all", "", *_cells(total)], {})
    show(table)


async def _show_all(month: StatementMonth, *, as_json: bool) -> int:
    """A row for each side of a company that is charged something, and currency."""
    if chosen_company()[0] is not None:
        raise UsageError("With --all leave out --company and METERFARM_COMPANY.")
    with open_farm() as (_, farm):
        found = await asyncio.to_thread(lambda: list(farm_totals(farm, month)))
    rows = [(company, total) for company, totals in found for total in totals]
    if as_json:
        print_json(
            [
                {"month": str(month), "company": company.name, "live": company.live, **asdict(total)}
                for company, total in rows
            ]
        )
        return OK
    table = Listing(
        [Column("company"), Column("side"), *_COUNTED],
        ("company", "live", *_NAMES),
        f"All companies: {month.first:%B %Y}",
    )
    for company, total in rows:
        record = {"company": company.name, "live": company.live, **_counts(total)}
        table.add([company.name, _side(company).removesuffix(" side"), *_cells(total)], record)
    if rows:
        show(table)
    else:
        show_empty(f"Nothing was unlocked in {month} that is charged.", table)
    return OK


def _side(company: Company) -> str:
    return "live side" if company.live else "test side"


def _cells(counted: CustomerCharge | StatementTotal) -> Sequence[str]:
    counts = [f"{number:,}" for number in (counted.bills, counted.electric, counted.gas)]
    return [*counts, f"{amount_text(counted.amount)} {counted.currency}"]


def _counts(counted: CustomerCharge | StatementTotal) -> dict[str, object]:
    """A row of the tab-separated form; amounts are as in CSV."""
    return {
        "bills": counted.bills,
        "electric_meters": counted.electric,
        "gas_meters": counted.gas,
        "amount": amount_text(counted.amount),
        "currency": counted.currency,
    }


def _document(store: CompanyStore, month: StatementMonth) -> dict[str, object]:
    """All of it; amounts are in cents."""
    return {
        "month": str(month),
        "totals": [asdict(each) for each in statement_totals(store, month)],
        "customers": [asdict(each) for each in customer_charges(store, month)],
        "lines": [{**asdict(line), "amount": line.amount} for line in statement_lines(store, month)],
    }
