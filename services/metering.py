"""What companies are charged: a price for each unlocked meter of a bill, and the statement of a month.

A month is one of UTC. What is unlocked in it is charged in it, once; docs/metering.md has the rules.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from meterfarm.services.companies import find_company, list_companies
from meterfarm.services.errors import InvalidRequest
from meterfarm.storage.customers import Company, MeterPrice
from meterfarm.storage.data import CustomerCharge, StatementLine
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.foreign_text import cell, one_line

_AT_ONCE, _CUSTOMERS_AT_ONCE = 2_000, 20_000
"""Lines, and sums of customers, that are asked of the store at a time; for the sums it reads the month."""
_MONTH = re.compile(r"([1-9]\d{3})-(0[1-9]|1[0-2])")
_LAST_YEAR, _MONTHS = 9999, 12
_PRICE = re.compile(r"(\d{1,6})(?:\.(\d{2}))?")
_CURRENCY = re.compile("[A-Z]{3}")
_HEAD = (
    *("customer_id", "customer_external_id", "utility", "bill_id", "billed_on"),
    *("billing_period_from", "billing_period_to", "electric_meters", "gas_meters"),
    *("price", "amount", "currency", "unlocked_at"),
)


@dataclass(frozen=True, slots=True)
class StatementMonth:
    """A calendar month of UTC, by its first day."""

    first: date

    @classmethod
    def at(cls, instant: datetime) -> StatementMonth:
        """The one that the instant is in."""
        return cls(instant.astimezone(UTC).date().replace(day=1))

    @classmethod
    def named(cls, text: str) -> StatementMonth:
        """The one that is written like 2026-10.

        Raises:
            InvalidRequest: it is not written so.
        """
        found = _MONTH.fullmatch(text.strip()) if text.isascii() else None
        if found is None or int(found[1]) == _LAST_YEAR:
            raise InvalidRequest(f"“{one_line(text, 20)}” is no month; write it like 2026-10.")
        return cls(date(int(found[1]), int(found[2]), 1))

    @property
    def start(self) -> datetime:
        """When it begins."""
        return datetime(self.first.year, self.first.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """When the next one begins."""
        year, month = divmod(self.first.year * _MONTHS + self.first.month, _MONTHS)
        return datetime(year, month + 1, 1, tzinfo=UTC)

    @property
    def before(self) -> StatementMonth:
        """The one before it."""
        year, month = divmod(self.first.year * _MONTHS + self.first.month - 2, _MONTHS)
        return StatementMonth(date(year, month + 1, 1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True)
class StatementTotal:
    """What is charged in one currency (ISO 4217); ``amount`` in hundredths of it."""

    currency: str
    bills: int = 0
    electric: int = 0
    gas: int = 0
    amount: int = 0


def statement_lines(store: CompanyStore, month: StatementMonth) -> Iterator[StatementLine]:
    """What was charged in the month, a line each time that a bill or meters of it were unlocked.

    In the order in which that happened, read from the store as it is asked for.
    """
    after, page = None, None
    while page is None or len(page) == _AT_ONCE:
        page = store.bills.charges(month.start, month.end, after, _AT_ONCE)
        yield from page
        after = (page[-1].unlocked_at, page[-1].bill_id) if page else None


def customer_charges(store: CompanyStore, month: StatementMonth) -> Iterator[CustomerCharge]:
    """The same in sum for each customer, by id; several of one if the currency was changed in the month."""
    after, page = (0, ""), None
    while page is None or len(page) == _CUSTOMERS_AT_ONCE:
        page = store.bills.charged_customers(month.start, month.end, after, _CUSTOMERS_AT_ONCE)
        yield from page
        after = (page[-1].customer_id, page[-1].currency) if page else after


def statement_totals(store: CompanyStore, month: StatementMonth) -> Sequence[StatementTotal]:
    """The same in sum, by currency; nothing of a month in which nothing was unlocked."""
    found: dict[str, StatementTotal] = {}
    for each in customer_charges(store, month):
        known = found.get(each.currency, StatementTotal(each.currency))
        found[each.currency] = StatementTotal(
            each.currency,
            known.bills + each.bills,
            known.electric + each.electric,
            known.gas + each.gas,
            known.amount + each.amount,
        )
    return [found[currency] for currency in sorted(found)]


def farm_totals(farm: Store, month: StatementMonth) -> Iterator[tuple[Company, Sequence[StatementTotal]]]:
    """Each side of each company, and what it is charged for the month, for the operator."""
    for company in list_companies(farm):
        yield company, statement_totals(farm.of(company), month)


def statement_csv(store: CompanyStore, month: StatementMonth) -> Iterator[str]:
    """The statement as CSV, in parts of some lines: its head, then a row for each line, no totals."""
    yield _rows([_HEAD])
    part: list[Sequence[object]] = []
    for line in statement_lines(store, month):
        part.append(_row(line))
        if len(part) == _AT_ONCE:
            yield _rows(part)
            part = []
    if part:
        yield _rows(part)


def _row(line: StatementLine) -> Sequence[object]:
    return (
        line.customer_id,
        cell(line.customer_external_id or ""),
        cell(line.utility),
        line.bill_id,
        *(line.billed_on, line.billing_period_from, line.billing_period_to),
        *(line.electric, line.gas, amount_text(line.price), amount_text(line.amount), line.currency),
        line.unlocked_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


def _rows(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def amount_text(cents: int) -> str:
    """An amount with two decimals: 2.00."""
    return f"{cents // 100}.{cents % 100:02}"


def meter_prices(farm: Store) -> Mapping[str, MeterPrice]:
    """What an unlocked meter of a bill costs, by the company's name; under "" what it costs all others."""
    return {"": MeterPrice(), **farm.companies.prices()}


def set_meter_price(
    farm: Store, price: str | None, currency: str | None = None, company: str | None = None
) -> MeterPrice | None:
    """Set what a meter costs that is unlocked from now on, such as 2.00, on both sides of the company.

    Without a company it is of all that have no price of their own. Without a currency it stays in the one
    that it is in. ``price`` None takes the company's own away; without a company meters cost nothing then.
    What it is afterwards; None if there is none of its own.

    Raises:
        InvalidRequest: the price or the currency cannot be used.
        NotFound: there is no such company.
    """
    name = find_company(farm, company).name if company is not None else ""
    new = _price(price, currency or _currency(farm, name)) if price is not None else None
    farm.companies.set_price(name, new)
    return new


def _currency(farm: Store, name: str) -> str:
    known = meter_prices(farm)
    return known.get(name, known[""]).currency


def _price(text: str, currency: str) -> MeterPrice:
    found = _PRICE.fullmatch(text.strip()) if text.isascii() else None
    if found is None:
        raise InvalidRequest(
            f"The price “{one_line(text, 20)}” cannot be used; write it like 2 or 2.00, without a currency."
        )
    if not _CURRENCY.fullmatch(currency.strip().upper()):
        raise InvalidRequest(
            f"The currency “{one_line(currency, 20)}” cannot be used; write three letters like USD."
        )
    return MeterPrice(int(found[1]) * 100 + int(found[2] or 0), currency.strip().upper())
