"""What Stroopwafel Energy's API answers, as records. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

from meterfarm.formats.errors import FormatError
from meterfarm.records import (
    Account,
    AccountStatus,
    Address,
    Commodity,
    ListedBill,
    Meter,
    Outcome,
)
from meterfarm.scrapers.http.response import HttpResponse
from meterfarm.scrapers.outcomes import Stop
from meterfarm.scrapers.utility import AvailableIntervals
from meterfarm.utilities.stroopwafel_energy.numbers import account_number

T = TypeVar("T")
LINK = "/current/link"
"""How the address of the newest bill ends, which is asked for a link."""
_STATUS = {"ACTIVE": AccountStatus.OPEN, "CLOSED": AccountStatus.CLOSED}
_DAYS = re.compile(r"_(\d{8})-(\d{8})\.csv$")
_COMMODITIES = {"ELECTRIC": Commodity.ELECTRIC, "GAS": Commodity.GAS}


def account(answer: HttpResponse) -> Account:
    """An account with its meters; its number is the ten digits, whatever the way it is written."""
    where = answer.at("/data/serviceAddress", dict)
    return Account(
        number=_number(answer),
        name=answer.at("/data/holder", str),
        address=Address(*(str(where.get(name, "")) for name in ("line1", "city", "state", "zip"))),
        meters=[
            _meter(answer, f"/data/meters/{place}") for place in range(len(answer.at("/data/meters", list)))
        ],
        key=answer.at("/data/id", str),
        status=_one_of(_STATUS, answer, "/data/status"),
    )


def _number(answer: HttpResponse) -> str:
    try:
        return account_number(answer.at("/data/accountNumber", str))
    except FormatError as exc:
        raise Stop(
            Outcome.LAYOUT_CHANGED, f"{answer.portal} writes account numbers in a new way: {exc}."
        ) from exc


def _meter(answer: HttpResponse, where: str) -> Meter:
    return Meter(
        id=answer.at(f"{where}/meterId", str),
        commodity=_one_of(_COMMODITIES, answer, f"{where}/commodity"),
        tariff=answer.at(f"{where}/rate", str),
        additional_attributes={"service_number": answer.at(f"{where}/servicePoint", str)},
    )


def bills(answer: HttpResponse) -> Sequence[ListedBill]:
    """The current bill and those of the history, which has payments in between.

    Each has an address of its own, below that of the list.
    """
    address, listed = answer.url, []
    if answer.at("/data/current", dict, {}):
        listed.append(_bill(answer, "/data/current", "amountDue", f"{address}{LINK}"))
    for place, item in enumerate(answer.at("/data/history", list)):
        where = f"/data/history/{place}"
        if answer.at(f"{where}/type", str) == "BILL":
            listed.append(_bill(answer, where, "amount", f"{address}/{item.get('id')}/document"))
    return listed


def _bill(answer: HttpResponse, where: str, amount: str, url: str) -> ListedBill:
    return ListedBill(
        key=answer.at(f"{where}/id", str),
        url=url,
        billed_on=_day(answer, f"{where}/date"),
        total_amount=_cents(answer, f"{where}/{amount}"),
    )


def available(answer: HttpResponse) -> Sequence[AvailableIntervals]:
    """The days of each meter that can be exported; null stands for no meter."""
    return [
        AvailableIntervals(
            answer.at(f"/meters/{place}/meterId", str),
            _day(answer, f"/meters/{place}/from"),
            _day(answer, f"/meters/{place}/to"),
            60 * answer.at(f"/meters/{place}/intervalMinutes", int),
        )
        for place in range(len(answer.at("/meters", list, [])))
    ]


def days_of(name: str) -> tuple[date, date] | None:
    """The first and last day in the name of an export's table."""
    found = _DAYS.search(name)
    try:
        return (date.fromisoformat(found[1]), date.fromisoformat(found[2])) if found else None
    except ValueError:
        return None


def _day(answer: HttpResponse, where: str) -> date:
    text = answer.at(where, str)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _changed(answer, where, "date") from None


def _cents(answer: HttpResponse, where: str) -> int:
    try:
        return int(Decimal(answer.at(where, str)).scaleb(2).to_integral_exact())
    except ArithmeticError:
        raise _changed(answer, where, "amount") from None


def _one_of(known: Mapping[str, T], answer: HttpResponse, where: str) -> T:
    found = known.get(answer.at(where, str))
    if found is None:
        raise _changed(answer, where, "word that its script knows")
    return found


def _changed(answer: HttpResponse, where: str, what: str) -> Stop:
    return Stop(
        Outcome.LAYOUT_CHANGED, f"{answer.portal} sends no {what} at {where}; the script needs mending."
    )
