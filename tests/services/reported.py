"""Accounts with bills and intervals of every kind that a report meets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from meterfarm.formats.local_time import LocalTime
from meterfarm.records import (
    Account,
    Address,
    Bill,
    BillMeter,
    Commodity,
    Direction,
    Document,
    ListedBill,
    Meter,
    Quantity,
    Reading,
    Series,
    Unit,
)
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import ReadBill
from meterfarm.storage.store import CompanyStore

CLOCK = LocalTime(ZoneInfo("America/New_York"))
ADDRESS = Address("1 <Waffle> & Way", "Ghent", "NY", "12075")
EXPORT = Document(b"<feed/>", "application/xml", "usage.xml")
UNITS = {Commodity.ELECTRIC: (Unit.WH, 0), Commodity.GAS: (Unit.THERM, -3)}


@dataclass(frozen=True, slots=True)
class Made:
    """An account to be: its meters and months, the first of which begins on ``first``.

    ``step`` is how long intervals are, in seconds.
    """

    number: str
    meters: Sequence[Meter]
    first: date
    months: int
    name: str = "Ada <b>Bold</b>"
    step: int = 3_600

    @property
    def bounds(self) -> Sequence[date]:
        """The first day of each month, and the one after the last."""
        found = [self.first]
        while len(found) <= self.months:
            found.append((found[-1].replace(day=1) + timedelta(days=32)).replace(day=self.first.day))
        return found

    def use(self, meter: Meter, day: date) -> int:
        """What an interval counts: more in winter, and in each year."""
        winter = day.month in (12, 1, 2)
        return (30 if meter.commodity is Commodity.GAS else 90) * (1 + winter) + 3 * (day.year - 2020)

    def bills(self) -> Iterator[Bill]:
        for number, (first, after) in enumerate(pairwise(self.bounds)):
            last = after - timedelta(days=1)
            rows = [self._row(meter, first, last, number) for meter in self.meters]
            electric, gas = (
                sum(50 * row.consumption.mantissa // 1000 for row in rows if row.commodity is commodity)
                if any(row.commodity is commodity for row in rows)
                else None
                for commodity in (Commodity.ELECTRIC, Commodity.GAS)
            )
            yield Bill(
                self.number,
                last + timedelta(days=3),
                last + timedelta(days=24),
                first,
                last,
                (electric or 0) + (gas or 0),
                0,
                electric,
                None if electric is None else electric - 900,
                None if electric is None else 900,
                gas_amount=gas,
                meters=rows,
                address=ADDRESS,
            )

    def _row(self, meter: Meter, first: date, last: date, number: int) -> BillMeter:
        unit, exponent = UNITS[meter.commodity]
        used = sum(
            self.use(meter, day) * (CLOCK.day(day).seconds // self.step)
            for day in (first + timedelta(days=each) for each in range((last - first).days + 1))
        )
        tariff = "Night <script>alert(1)</script>" if number >= self.months // 2 else "Home"
        return BillMeter(meter.id, meter.commodity, first, last, Quantity(used, exponent, unit), tariff)

    def series(self, meter: Meter) -> Series:
        """Intervals of all months."""
        unit, exponent = UNITS[meter.commodity]
        readings = [
            Reading(start, self.step, self.use(meter, day))
            for day in (
                self.first + timedelta(days=each) for each in range((self.bounds[-1] - self.first).days)
            )
            for start in range(CLOCK.day(day).start, CLOCK.day(day).start + CLOCK.day(day).seconds, self.step)
        ]
        return Series(meter.id, meter.commodity, Direction.DELIVERED, unit, exponent, readings)


def keep(
    store: CompanyStore,
    customer: Customer,
    made: Made,
    *,
    bills: Sequence[Bill | None] | None = None,
    intervals: bool = True,
) -> int:
    """Store an account; a bill that is None is one that nothing read. Returns the account's id."""
    account = store.accounts.save(customer, Account(made.number, made.name, ADDRESS, made.meters))
    kept = list(made.bills()) if bills is None else bills
    store.bills.save(
        account,
        [
            ReadBill(
                ListedBill(f"b{number}", "", bill.billed_on if bill else made.bounds[number]),
                Document(f"%PDF {made.number} {number}".encode(), "application/pdf", "bill.pdf"),
                bill,
                "made",
                1,
                () if bill is not None else ("the bill shows no <total>",),
            )
            for number, bill in enumerate(kept)
        ],
    )
    for meter in made.meters if intervals else ():
        store.readings.save(account, EXPORT, meter.id, [made.series(meter)])
    return account
