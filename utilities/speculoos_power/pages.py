"""What Speculoos Power's pages say, read from their HTML by what a person sees. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lxml.html import HtmlElement

from meterfarm.records import Account, Address, Commodity, ListedBill, Meter, Outcome
from meterfarm.scrapers.http.markup import root_of
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.utility import AvailableIntervals
from meterfarm.support.alike import alike

_COMMODITIES = {"electricity": Commodity.ELECTRIC, "gas": Commodity.GAS}
_BILL_KEY = re.compile(r"/bills/([0-9]{1,20})\b")
_DATE = re.compile(r"\b(\d\d)/(\d\d)/(\d{4})\b")
_DOLLARS = re.compile(r"(-?)\$([\d,]{1,15})\.(\d\d)\b")


@dataclass(frozen=True, slots=True)
class BillsPage:
    """One page of the billing history; ``older`` is the address of the next, "" on the last. ``total`` is how
    many bills there are on all pages, as the page says.
    """

    bills: Sequence[ListedBill]
    older: str
    total: int


def account_numbers(page: str) -> Sequence[str]:
    """The accounts that the picker offers; none when the page says that there are none."""
    root = root_of(page)
    found = [re.search(r"/accounts/([^/?#]+)$", str(where)) for where in root.xpath("//main//a/@href")]
    if numbers := list(dict.fromkeys(match[1] for match in found if match)):
        return numbers
    if _says(root, "no utility accounts linked to this profile"):
        return ()
    raise _lost("choice of accounts")


def account(page: str) -> Account:
    """An account's overview: number, customer, service address, meters."""
    root = root_of(page)
    title = _heading(root, "Account")
    name, line_1, place = _service_address(root)
    return Account(
        number=_words(title).split()[-1].rstrip("."),
        name=name,
        address=Address(line_1=line_1, city=place[1], state=place[2], postal_code=place[3]),
        meters=[_meter(row) for row in _rows(root, "Meters", "Meter", "Service", "Tariff", "Service number")],
    )


def _service_address(root: HtmlElement) -> tuple[str, str, re.Match[str]]:
    """Whose service it is, the street, and city, state and ZIP code: what stands below the heading."""
    heading = _heading(root, "Service address")
    part = heading.xpath("ancestor::*[.//address][1]")
    shown = [" ".join(text.split()) for text in part[0].itertext() if text.strip()] if part else []
    lines = shown[shown.index(_words(heading)) + 1 :] if _words(heading) in shown else []
    where = re.fullmatch(r"(.+), ([A-Z]{2}) ([0-9-]+)", lines[2]) if len(lines) > 2 else None
    if where is None:
        raise _lost("service address")
    return lines[0], lines[1], where


def _meter(row: Mapping[str, HtmlElement]) -> Meter:
    service = alike(_words(row["Service"])).split()
    commodity = _COMMODITIES.get(service[0] if service else "")
    if commodity is None:
        raise _lost("words for electricity and gas")
    return Meter(
        id=_words(row["Meter"]),
        commodity=commodity,
        tariff=_words(row["Tariff"]),
        additional_attributes={"service_number": _words(row["Service number"])},
    )


def bills_page(page: str) -> BillsPage:
    """One page of the billing history."""
    root = root_of(page)
    if _says(root, "You have no bills yet."):
        return BillsPage((), "", 0)
    bills = [_bill(row) for row in _rows(root, "Bills", "Billed on", "Amount", "Document")]
    total = re.search(r"(\d{1,6}) bills page", alike(root.text_content()))
    if total is None:
        raise _lost("number of bills")
    older = [link for link in root.iter("a") if link.get("rel") == "next"]
    return BillsPage(bills, older[0].get("href", "") if older else "", int(total[1]))


def _bill(row: Mapping[str, HtmlElement]) -> ListedBill:
    """Where there is a button and no link, the address is but the key behind a #."""
    controls = [one for one in row["Document"].iter("a", "button") if _is(one, "View bill (PDF)")]
    if not controls:
        raise _lost("“View bill (PDF)”")
    named = [found[1] for value in controls[0].attrib.values() if (found := _BILL_KEY.search(value))]
    billed_on, amount = _DATE.search(_words(row["Billed on"])), _DOLLARS.search(_words(row["Amount"]))
    if not named or billed_on is None or amount is None:
        raise _lost("dates, amounts and addresses of bills")
    month, day, year = map(int, billed_on.groups())
    cents = int(amount[2].replace(",", "")) * 100 + int(amount[3])
    return ListedBill(
        key=named[0],
        url=controls[0].get("href", "") if controls[0].tag == "a" else f"#{named[0]}",
        billed_on=date(year, month, day),
        total_amount=-cents if amount[1] else cents,
    )


def available_intervals(page: str) -> Sequence[AvailableIntervals]:
    """The meters for which “Download my data” offers readings, with the first and last day."""
    root = root_of(page)
    if _says(root, "No usage data is available yet."):
        return ()
    first = _one(root, "//input[@name='from']", "date field “from”").get("min", "")
    last = _one(root, "//input[@name='to']", "date field “to”").get("max", "")
    meters = _one(root, "//select[@name='meter']", "choice of meter").xpath(".//option/@value")
    # not caught: the next refresh brings these readings as well, only later
    more = re.search(r"New readings will be here in (\d{1,6}) seconds", _words(root))
    more_in = timedelta(seconds=int(more[1])) if more else None
    return [
        AvailableIntervals(str(meter), date.fromisoformat(first), date.fromisoformat(last), more_in=more_in)
        for meter in meters
    ]


def _rows(root: HtmlElement, caption: str, *columns: str) -> Sequence[Mapping[str, HtmlElement]]:
    """The rows of the table with this caption, by the heads of their columns, whichever their order."""
    captions = [element for element in root.iter("caption") if _is(element, caption)]
    table = captions[0].getparent() if captions else None
    if table is None:
        raise _lost(f"table “{caption}”")
    rows = [list(row.iterchildren("th", "td")) for row in table.iter("tr")]
    heads = [alike(_words(cell)) for cell in rows[0]] if rows else []
    if lacking := [column for column in columns if alike(column) not in heads]:
        raise _lost(f"column “{lacking[0]}” of the table “{caption}”")
    places = {column: heads.index(alike(column)) for column in columns}
    if any(len(row) != len(heads) for row in rows):
        raise _lost(f"even rows of the table “{caption}”")
    return [{column: row[place] for column, place in places.items()} for row in rows[1:]]


def _heading(root: HtmlElement, begin: str) -> HtmlElement:
    """The first heading that begins so."""
    for heading in root.iter("h1", "h2"):
        if f"{alike(_words(heading))} ".startswith(f"{alike(begin)} "):
            return heading
    raise _lost(f"heading “{begin}”")


def _says(root: HtmlElement, words: str) -> bool:
    return alike(words) in alike(root.text_content())


def _is(element: HtmlElement, words: str) -> bool:
    return alike(_words(element)) == alike(words)


def _words(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def _one(root: HtmlElement, xpath: str, what: str) -> HtmlElement:
    found: list[HtmlElement] = root.xpath(xpath)
    if not found:
        raise _lost(what)
    return found[0]


def _lost(what: str) -> Stop:
    return Stop(Outcome.LAYOUT_CHANGED, f"Speculoos Power's page no longer has its {what}.")
