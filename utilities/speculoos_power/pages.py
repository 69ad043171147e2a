"""What Speculoos Power's pages say, read from their HTML. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lxml.html import HtmlElement

from meterfarm.records import Account, Address, Commodity, ListedBill, Meter, Outcome
from meterfarm.scrapers.http.markup import root_of
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.utility import AvailableIntervals

_COMMODITIES = {"electric": Commodity.ELECTRIC, "gas": Commodity.GAS}


@dataclass(frozen=True, slots=True)
class BillsPage:
    """One page of the billing history; ``older`` is the address of the next, "" on the last."""

    bills: Sequence[ListedBill]
    older: str


def account_numbers(page: str) -> Sequence[str]:
    """The accounts that the picker offers; none when the page says that there are none."""
    return [link.get("data-account", "") for link in root_of(page).xpath("//a[@data-account]")]


def account(page: str) -> Account:
    """An account's overview: number, customer, service address, meters."""
    root = root_of(page)
    title = " ".join(
        _one(root, "//h1[starts-with(normalize-space(), 'Account ')]", "title").text_content().split()
    )
    where = _one(root, "//address[@data-line1]", "service address")
    return Account(
        number=title.removeprefix("Account "),
        name=where.xpath("string(preceding-sibling::p[1])"),
        address=Address(
            line_1=where.get("data-line1", ""),
            city=where.get("data-city", ""),
            state=where.get("data-state", ""),
            postal_code=where.get("data-zip", ""),
        ),
        meters=[_meter(row) for row in _table(root, "Meters").xpath(".//tr[@data-meter]")],
    )


def _meter(row: HtmlElement) -> Meter:
    return Meter(
        id=row.get("data-meter", ""),
        commodity=_COMMODITIES[row.get("data-commodity", "")],
        tariff=row.get("data-tariff", ""),
        additional_attributes={"service_number": row.get("data-service-number", "")},
    )


def bills_page(page: str) -> BillsPage:
    """One page of the billing history."""
    root = root_of(page)
    if "You have no bills yet." in root.text_content():
        return BillsPage((), "")
    rows = _table(root, "Bills").xpath(".//tr[@data-bill]")
    older = root.xpath("//a[@rel='next']/@href")
    return BillsPage([_bill(row) for row in rows], str(older[0]) if older else "")


def _bill(row: HtmlElement) -> ListedBill:
    """Where there is a button and no link, the address is but the key behind a #."""
    key = row.get("data-bill", "")
    control = _one(row, ".//*[self::a or self::button][contains(., 'View bill (PDF)')]", "“View bill (PDF)”")
    return ListedBill(
        key=key,
        url=control.get("href", "") if control.tag == "a" else f"#{key}",
        billed_on=date.fromisoformat(row.get("data-billed-on", "")),
        total_amount=int(row.get("data-amount-cents", "")),
    )


def available_intervals(page: str) -> Sequence[AvailableIntervals]:
    """The meters for which “Download my data” offers readings, with the first and last day."""
    root = root_of(page)
    if "No usage data is available yet." in root.text_content():
        return ()
    first = _one(root, "//input[@name='from']", "date field “from”").get("min", "")
    last = _one(root, "//input[@name='to']", "date field “to”").get("max", "")
    meters = _one(root, "//select[@name='meter']", "choice of meter").xpath(".//option/@value")
    more = re.search(r"New readings will be here in (\d{1,6}) seconds", root.text_content())
    more_in = timedelta(seconds=int(more[1])) if more else None
    return [
        AvailableIntervals(str(meter), date.fromisoformat(first), date.fromisoformat(last), more_in=more_in)
        for meter in meters
    ]


def _table(root: HtmlElement, caption: str) -> HtmlElement:
    return _one(root, f"//table[caption[normalize-space()='{caption}']]", f"table “{caption}”")


def _one(root: HtmlElement, xpath: str, what: str) -> HtmlElement:
    found: list[HtmlElement] = root.xpath(xpath)
    if not found:
        raise Stop(Outcome.LAYOUT_CHANGED, f"Speculoos Power's page no longer has its {what}.")
    return found[0]
