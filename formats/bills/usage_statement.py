"""National Grid's "Monthly Electric History": a statement with a row for each bill of an account.

Source: three statements of 2024 and 2025 that customers published. A row has account, customer, day of the
bill, day of the read, days, kWh, demand (kW), load factor, reactive demand (kVAr), amount, sales tax, amount
with tax, amount retracted, and the tax's factor; figures that lack a cell's room are printed over the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from meterfarm.formats.bills.words import PageText
from meterfarm.records import (
    Bill,
    BillCheck,
    BillReading,
    BillStatus,
    LineItem,
)

READER = "national_grid_usage_statement"
_TITLE = "Monthly Electric History"
_NUMBER = r"-?[\d,]*\.?\d+"
_MONEY = r"-?\$?-?[\d,]*\.?\d+"
_ROW = re.compile(
    r"^(?P<account>\d{6,}) (?P<customer>.+?) (?P<billed>\d{1,2}/\d{1,2}/\d{4}) ?"
    r"(?P<read>\d{1,2}/\d{1,2}/\d\d) "
    rf"(?P<days>\d+) (?P<kwh>{_NUMBER}) (?P<demand>{_NUMBER}) (?P<load>{_NUMBER}) (?P<rkva>{_NUMBER}) "
    rf"(?P<amount>{_MONEY}) (?P<tax>{_MONEY}) (?P<with_tax>{_MONEY}) (?P<retracted>{_MONEY}) "
    rf"(?P<factor>{_NUMBER})$"
)
_ANY_ROW = re.compile(r"^\d{6,} .+ \d{1,2}/\d{1,2}/\d{4}")


def is_usage_statement(pages: Sequence[PageText]) -> bool:
    """Whether these pages are such a statement."""
    return bool(pages) and any(line.text == _TITLE for line in pages[0].lines[:3])


def is_row(text: str) -> bool:
    """Whether a line is one of the rows, of each of which there is a reading."""
    return bool(_ROW.match(text) or _ANY_ROW.match(text))


_FIELD_OF = {
    "account_number": "account",
    "customer": "customer",
    "billed_on": "billed",
    "read_on": "read",
    "billing_period_to": "read",
    "days": "days",
    "electricity_consumption": "kwh",
    "demand": "demand",
    "load_factor": "load",
    "reactive_demand": "rkva",
    "electricity_amount": "amount",
    "taxes": "tax",
    "total_amount": "with_tax",
    "retracted_amount": "retracted",
    "sales_tax_factor": "factor",
}


def row_spans(text: str) -> Mapping[str, tuple[int, int]]:
    """Where in a row each field stands; nothing of one that is not written as others are."""
    match = _ROW.match(text)
    return {name: match.span(group) for name, group in _FIELD_OF.items()} if match else {}


def read_usage_statement(pages: Sequence[PageText]) -> list[BillReading]:
    """A reading for each row, in the statement's order."""
    found = []
    for page in pages:
        for line in page.lines:
            match = _ROW.match(line.text)
            if match is not None:
                found.append(_reading(match))
            elif _ANY_ROW.match(line.text):
                found.append(_unread(line.text))
    return _with_gaps(found)


def _reading(row: re.Match[str]) -> BillReading:
    billed, read = _day(row["billed"]), _day(row["read"])
    days, kwh = int(row["days"]), Decimal(row["kwh"].replace(",", ""))
    amount, tax, with_tax, retracted = (
        _cents(row[name]) for name in ("amount", "tax", "with_tax", "retracted")
    )
    first = read - timedelta(days=days) if days else None
    left_out = {}
    if first is None:
        left_out["billing_period_from"] = left_out["billing_period_to"] = "the row has no days of use"
    checks = [
        BillCheck(
            "amount with tax",
            amount + tax == with_tax,
            f"The amount, {amount} cents, and the tax, {tax}, are {amount + tax}; with tax it is {with_tax}.",
        )
    ]
    if first is not None:
        checks.append(
            BillCheck(
                "billed after the read", read <= billed, f"It was read on {read} and billed on {billed}."
            )
        )
    is_retracted = retracted != 0 or kwh < 0
    demand, load, rkva = (Decimal(row[name].replace(",", "")) for name in ("demand", "load", "rkva"))
    fields: dict[str, object] = {
        "account_number": row["account"],
        "billed_on": billed.isoformat(),
        "billing_period_from": first.isoformat() if first else None,
        "billing_period_to": read.isoformat() if first else None,
        "days": days,
        "electricity_consumption": int(kwh * 1000),
        "electricity_amount": amount,
        "total_amount": with_tax,
        "taxes": tax,
        "demand": float(demand),
        "load_factor": float(load),
        "reactive_demand": float(rkva),
        "retracted_amount": retracted,
        "sales_tax_factor": float(row["factor"]),
        "corrects": is_retracted,
        "currency": "USD",
        "read_on": read.isoformat(),
        "customer": row["customer"],
        "meters": [],
    }
    return BillReading(
        READER,
        BillStatus.UNLOCKED,
        fields,
        _bill(row["account"], billed, first, read, kwh, amount, with_tax),
        [LineItem("Electricity", amount, proved_by=("sum",)), LineItem("Sales tax", tax, proved_by=("sum",))],
        checks,
        left_out,
    )


def _bill(
    account: str, billed: date, first: date | None, last: date, kwh: Decimal, amount: int, total: int
) -> Bill | None:
    if first is None or kwh < 0:
        return None
    return Bill(account, billed, None, first, last, total, None, amount)


def _unread(text: str) -> BillReading:
    why = f"the row is not written as others are: “{text[:60]}”"
    return BillReading(READER, BillStatus.UNPARSED, {}, left_out={"row": why})


def _with_gaps(readings: list[BillReading]) -> list[BillReading]:
    """With a check of each whether its time begins where that of the row before ends."""
    checked: list[BillReading] = []
    last: str | None = None
    for reading in readings:
        first = reading.fields.get("billing_period_from")
        if isinstance(first, str) and last is not None:
            abut = first == last
            what = f"Its time begins on {first}; that of the row before ended on {last}."
            check = BillCheck("periods abut", abut, what)
            reading = BillReading(
                reading.reader,
                reading.status,
                reading.fields,
                reading.bill,
                reading.line_items,
                [*reading.checks, check],
                reading.left_out,
            )
        if isinstance(first, str):
            last = str(reading.fields["billing_period_to"])
        checked.append(reading)
    return checked


def _day(text: str) -> date:
    month, day, year = map(int, text.split("/"))
    return date(year if year > 99 else 2000 + year, month, day)


def _cents(text: str) -> int:
    return int(Decimal(text.replace(",", "").replace("$", "")) * 100)
