"""What the `company` commands do: the tenants of a farm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from meterfarm.console.command_context import command_context
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.listing import Column, Facts, Listing
from meterfarm.console.terminal.output import print_json, print_line
from meterfarm.console.terminal.output import show as print_tables
from meterfarm.records import CustomerState
from meterfarm.services.companies import (
    CompanyDetails,
    add_company,
    company_details,
    find_company,
    list_companies,
)
from meterfarm.storage.store import Store


async def add(name: str, *, as_json: bool) -> int:
    """Add a company and print its number."""
    with _farm() as farm:
        company = await asyncio.to_thread(add_company, farm, name)
    if as_json:
        print_json({"company": company.id, "name": company.name})
    else:
        print_line(f"company {company.id} added: {company.name}")
    return OK


async def list_all(*, as_json: bool) -> int:
    """Print a row for each company."""
    with _farm() as farm:
        found = await asyncio.to_thread(list_companies, farm)
    if as_json:
        print_json(found)
        return OK
    table = Listing([Column("id", right=True), Column("name")], ("company", "name"))
    for company in found:
        table.add([str(company.id), company.name], {"company": company.id, "name": company.name})
    print_tables(table)
    return OK


async def show(name: str | None, *, as_json: bool) -> int:
    """Print a company and how many customers it has."""
    with _farm() as farm:
        company = await asyncio.to_thread(find_company, farm, name)
        details = await asyncio.to_thread(company_details, farm, company)
    if as_json:
        print_json(_document(details))
        return OK
    counted = ", ".join(f"{count:,} {state}" for state, count in sorted(details.customers.items()))
    facts = [
        ("company", f"{company.id}: {company.name}"),
        ("customers", counted or "none"),
        ("mailboxes", f"{details.mailboxes:,}"),
        ("phone numbers", f"{details.numbers:,}"),
    ]
    print_tables(Facts(facts))
    return OK


def _document(details: CompanyDetails) -> dict[str, object]:
    return {
        "id": details.company.id,
        "name": details.company.name,
        "customers": {state.value: details.customers.get(state, 0) for state in CustomerState},
        "mailboxes": details.mailboxes,
        "numbers": details.numbers,
    }


@contextmanager
def _farm() -> Iterator[Store]:
    with command_context() as context, Store.open(context.settings) as farm:
        yield farm
