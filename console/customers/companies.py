"""What the `company` commands do: the tenants of a farm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from meterfarm.console.command_context import command_context
from meterfarm.console.errors import UsageError
from meterfarm.console.exit_status import OK
from meterfarm.console.terminal.listing import Column, Facts, Listing
from meterfarm.console.terminal.output import print_json, print_line
from meterfarm.console.terminal.output import show as print_tables
from meterfarm.records import CustomerState
from meterfarm.services.branding import MOST_LOGO_BYTES, company_brand
from meterfarm.services.companies import (
    ChangeCompany,
    CompanyDetails,
    add_company,
    change_company,
    company_details,
    company_store,
    find_company,
    history,
    list_companies,
)
from meterfarm.services.links import open_form_link
from meterfarm.services.metering import amount_text, meter_prices, set_meter_price
from meterfarm.services.onboarding import utility_wishes
from meterfarm.storage.customers import Company, CompanyBrand, CompanySettings, MeterPreference
from meterfarm.storage.store import Store
from meterfarm.support.instants import instant, shown


async def add(name: str, *, as_json: bool) -> int:
    """Add a company and print its number."""
    with _farm() as farm:
        company = await asyncio.to_thread(add_company, farm, name)
        live = await asyncio.to_thread(partial(find_company, farm, company.name, live=True))
    if as_json:
        print_json({"id": company.id, "company": company.id, "name": company.name, "live_id": live.id})
    else:
        print_line(f"company {company.id} added: {company.name}; its live side is {live.id}")
    return OK


async def list_all(*, as_json: bool) -> int:
    """Print a row for each company."""
    with _farm() as farm:
        found = await asyncio.to_thread(list_companies, farm)
    live = {company.name: company.id for company in found if company.live}
    rows = [
        {"id": company.id, "name": company.name, "live_id": live[company.name]}
        for company in found
        if not company.live
    ]
    if as_json:
        print_json(rows)
        return OK
    columns = [Column("id", right=True), Column("name"), Column("live side", right=True)]
    table = Listing(columns, ("company", "name", "live_id"))
    for row in rows:
        table.add([str(row["id"]), str(row["name"]), str(row["live_id"])], {**row, "company": row["id"]})
    print_tables(table)
    return OK


async def change(
    name: str | None, request: ChangeCompany, *, logo: str | None, live: bool, as_json: bool
) -> int:
    """Change what a side of a company has chosen, and print that. ``logo`` is a file, "" takes it away."""
    if logo is not None:
        request = replace(request, brand=replace(request.brand, logo=_read_logo(logo)))
    with _farm() as farm:
        company = await asyncio.to_thread(partial(find_company, farm, name, live=live))
        chosen = await asyncio.to_thread(change_company, farm, company, request)
        brand = await asyncio.to_thread(company_brand, farm, company)
    if as_json:
        identity = {"id": company.id, "name": company.name, "live": company.live}
        print_json({**identity, **_settings(chosen), "brand": _branding(brand)})
    else:
        print_tables(Facts([("company", _called(company)), *_chosen(chosen), *_seen(brand, company)]))
    return OK


async def wishes(name: str | None, *, live: bool, as_json: bool) -> int:
    """Print which utilities its customers asked for, newest first."""
    with _farm() as farm:
        store = await asyncio.to_thread(partial(company_store, farm, name, live=live))
        found = await asyncio.to_thread(utility_wishes, store)
    rows = [{"utility": each.name, "customer": each.customer_id, "at": instant(each.at)} for each in found]
    if as_json:
        print_json(rows)
        return OK
    table = Listing(
        [Column("utility"), Column("customer", right=True), Column("asked")], ("utility", "customer", "at")
    )
    for row, each in zip(rows, found, strict=True):
        table.add([each.name, str(each.customer_id), shown(each.at)], row)
    print_tables(table)
    return OK


async def show(name: str | None, *, live: bool, as_json: bool) -> int:
    """Print a side of a company and how many customers it has."""
    with _farm() as farm:
        company = await asyncio.to_thread(partial(find_company, farm, name, live=live))
        details = await asyncio.to_thread(company_details, farm, company)
    if as_json:
        print_json(_document(details))
        return OK
    counted = ", ".join(f"{count:,} {state}" for state, count in sorted(details.customers.items()))
    facts = [
        ("company", _called(company)),
        ("customers", counted or "none"),
        ("mailboxes", f"{details.mailboxes:,}"),
        ("phone numbers", f"{details.numbers:,}"),
        *_chosen(details.settings),
        *_seen(details.brand, details.company),
    ]
    print_tables(Facts(facts))
    return OK


async def price(name: str | None, to: str | None, currency: str | None, *, unset: bool, as_json: bool) -> int:
    """Set what a meter costs, if that is asked for, and print what it costs every company."""
    if unset and to is not None:
        raise UsageError("A price is set or taken away; leave out --set or --unset.")
    if currency is not None and to is None:
        raise UsageError("A currency goes with a price; give --set, too.")
    with _farm() as farm:
        if unset or to is not None:
            await asyncio.to_thread(set_meter_price, farm, to, currency, name)
        elif name is not None:
            await asyncio.to_thread(find_company, farm, name)
        prices = await asyncio.to_thread(meter_prices, farm)
    if name is not None:
        prices = {name: prices.get(name, prices[""])}
    rows = [{"company": company, **asdict(each)} for company, each in prices.items()]
    if as_json:
        print_json(rows)
        return OK
    table = Listing([Column("company"), Column("a meter", right=True)], ("company", "cents", "currency"))
    for row, (company, each) in zip(rows, prices.items(), strict=True):
        table.add([company or "all others", f"{amount_text(each.cents)} {each.currency}"], row)
    print_tables(table)
    return OK


def _read_logo(name: str) -> bytes:
    """The bytes of a file, no more than show that it is too large; of "" none."""
    if not name:
        return b""
    try:
        with Path(name).open("rb") as file:
            content = file.read(MOST_LOGO_BYTES + 1)
    except OSError as exc:
        raise UsageError(f"The logo {name} cannot be read: {exc.strerror}.") from exc
    if not content:
        raise UsageError(f"The logo {name} is empty.")
    return content


def _document(details: CompanyDetails) -> dict[str, object]:
    return {
        "id": details.company.id,
        "name": details.company.name,
        "live": details.company.live,
        "customers": {state.value: details.customers.get(state, 0) for state in CustomerState},
        "mailboxes": details.mailboxes,
        "numbers": details.numbers,
        **_settings(details.settings),
        "brand": _branding(details.brand),
    }


def _called(company: Company) -> str:
    return f"{company.id}: {company.name}{', live' if company.live else ''}"


def _chosen(chosen: CompanySettings) -> Sequence[tuple[str, str]]:
    """For people. The policy is that of customers who are added from now on."""
    months = history(chosen)
    past = f"of the last {months} months" if months.isdigit() else months
    preference = chosen.meter_preference
    return [
        (
            "bills unlocked",
            f"{past}; {'each later bill too' if chosen.unlock_continuous else 'no later bill'}",
        ),
        ("meters charged", "electric and gas" if preference is MeterPreference.BOTH else preference.value),
        ("gas numbers", "text" if chosen.gas_as_text else "numbers"),
        ("news by mail to", chosen.notification_email or "nobody"),
        ("bills by mail from", ", ".join(chosen.mail_domains) or "nobody"),
    ]


def _settings(chosen: CompanySettings) -> dict[str, object]:
    return {
        "unlock_history": history(chosen),
        "unlock_continuous": chosen.unlock_continuous,
        "meter_preference": chosen.meter_preference.value,
        "gas_as_text": chosen.gas_as_text,
        "notification_email": chosen.notification_email,
        "mail_domains": list(chosen.mail_domains),
    }


def _seen(brand: CompanyBrand, company: Company) -> Sequence[tuple[str, str]]:
    """For people: what customers see, so far as it is set. The link is below the API's address."""
    facts = [
        ("shown name", brand.shown_name),
        ("colour", brand.colour),
        ("logo", f"{brand.logo_type}, {len(brand.logo):,} bytes" if brand.logo else ""),
        ("privacy policy", brand.policy_url),
        ("origins", ", ".join(brand.origins)),
        ("form for anybody", open_form_link("", company.id) if brand.open_form else "closed"),
    ]
    return [(name, value) for name, value in facts if value]


def _branding(brand: CompanyBrand) -> dict[str, object]:
    return {
        "shown_name": brand.shown_name,
        "colour": brand.colour,
        "logo_type": brand.logo_type,
        "logo_bytes": len(brand.logo),
        "policy_url": brand.policy_url,
        "origins": list(brand.origins),
        "open_form": brand.open_form,
    }


@contextmanager
def _farm() -> Iterator[Store]:
    with command_context() as context, Store.open(context.settings) as farm:
        yield farm
