"""A customer's data by a portal's own account, for who compares it with what was fetched."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from meterfarm.fake_utility.kit.accounts import Account, Direction, Meter
from meterfarm.fake_utility.kit.billing import Bill, MeterRead
from meterfarm.fake_utility.kit.charges import Line
from meterfarm.fake_utility.kit.restating import published

Figures: TypeAlias = Mapping[str, "Figures"] | str | int | None
"""By name, however deep."""
Reading = tuple[int, int, int, bool]
"""Start in seconds since 1970, seconds, watt-hours or thousandths of a therm, whether it was estimated."""

_COMMODITIES = {"electric": "electricity", "gas": "gas"}


@dataclass(frozen=True, slots=True)
class BillFigures:
    """A bill that can be had and read, by the portal's own key."""

    key: str
    billed_on: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class SeriesFigures:
    """A meter's readings in a direction: `days` are the first and last, `readings` gives those of some."""

    meter: str
    direction: str
    days: tuple[date, date]
    readings: Callable[[date, date], Iterable[Reading]]


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """An account: `facts` are its name, address, status and meters."""

    number: str
    facts: Mapping[str, Figures]
    bills: Sequence[BillFigures]
    series: Sequence[SeriesFigures]


def account_facts(account: Account) -> Mapping[str, Figures]:
    """Name, address, status and meters of an account."""
    return {
        "name": account.name,
        "address": str(account.address),
        "status": "closed" if account.closed else "open",
        "meters": {
            meter.id: {
                "commodity": _COMMODITIES[meter.commodity],
                "tariff": meter.tariff,
                "service": meter.service_number,
            }
            for meter in account.meters
        },
    }


def bill_figures(bill: Bill, key: str = "") -> BillFigures:
    """All that is printed on a bill."""
    charges = {charge.commodity: charge for charge in bill.charges}
    electric, gas = charges.get("electric"), charges.get("gas")
    figures: Figures = {
        "account": bill.account.number,
        "billed on": str(bill.billed_on),
        "due on": str(bill.due_on),
        "from": str(bill.period.start),
        "to": str(bill.period.to),
        "total": bill.total_cents,
        "listed": bill.total_cents,
        "last bill": bill.last_bill_cents,
        "payments": -bill.payments_cents,
        "balance": bill.previous_balance_cents,
        "electric": electric.cents if electric else None,
        "delivery": electric.delivery_cents if electric else None,
        "supply": electric.supply_cents if electric else None,
        "credit": sum(credit.cents for credit in bill.credits) if bill.credits else None,
        "gas": gas.cents if gas else None,
        "address": str(bill.account.address),
        "meters": {read.meter.id: _read(bill, read) for read in bill.reads if read.direction == "delivered"},
        "lines": "; ".join(_line(line) for line in bill.lines),
        "failed checks": "",
    }
    return BillFigures(key or bill.id, bill.billed_on, figures)


def _line(line: Line) -> str:
    """Its name and cents, and for what, where the line says so."""
    number, _, unit = line.detail.partition(" x ")[0].partition(" ")
    is_counted = number.replace(".", "").isdigit()
    counted = f" for {Decimal(number).normalize():f} {unit}" if is_counted else ""
    return f"{line.label} {line.cents}{counted}"


def _read(bill: Bill, read: MeterRead) -> Figures:
    period = read.period or bill.period
    return {
        "commodity": _COMMODITIES[read.meter.commodity],
        "service": read.meter.service_number,
        "tariff": read.meter.tariff,
        "from": str(period.start),
        "to": str(period.to),
        "previous": read.previous,
        "current": read.current,
        "usage": read.usage,
    }


def series_figures(
    meter: Meter, direction: Direction, span: tuple[date, date], *, is_current: bool = True
) -> SeriesFigures:
    """All that was published; of the newest day, of a meter that still counts, what is provisional."""

    def readings(first: date, last: date) -> Iterable[Reading]:
        for day in published(meter, direction, first, last, to_newest=is_current and last == span[1]):
            for place, value in enumerate(day.values):
                yield day.start + place * day.step, day.step, value, place in day.estimated

    return SeriesFigures(meter.id, direction, span, readings)
