"""Bills: 24 a account, each the exact sum of its period's readings and of its lines."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from meterfarm.fake_utility.kit.accounts import Account, Commodity, Direction, Meter, digits
from meterfarm.fake_utility.kit.calendar import ONE_DAY, Period, billed_periods, period_before, statement_date
from meterfarm.fake_utility.kit.charges import (
    Charges,
    Line,
    charges_for,
    community_solar_credit,
    solar_credit,
)
from meterfarm.fake_utility.kit.money import chance
from meterfarm.fake_utility.kit.readings import register

DUE_AFTER = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class MeterRead:
    """The dial at the first and at the last midnight, in watt-hours or thousandths of a therm.

    `period`: of which, if that is not the bill's.
    """

    meter: Meter
    direction: Direction
    previous: int
    current: int
    period: Period | None = None

    @property
    def usage(self) -> int:
        """What the meter counted."""
        return self.current - self.previous


@dataclass(frozen=True, slots=True)
class Bill:
    """`last_bill_cents - payments_cents` is what was left unpaid: the previous balance."""

    id: str
    account: Account
    period: Period
    billed_on: date
    reads: tuple[MeterRead, ...]
    charges: tuple[Charges, ...]
    credits: tuple[Line, ...]
    last_bill_cents: int
    payments_cents: int

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def due_on(self) -> date:
        """The day by which it is to be paid."""
        return self.billed_on + DUE_AFTER

    @property
    def previous_balance_cents(self) -> int:
        """What was left to pay of the bill before."""
        return self.last_bill_cents - self.payments_cents

    @property
    def lines(self) -> tuple[Line, ...]:
        """All that are printed, credits last."""
        charged = (line for charge in self.charges for line in (*charge.delivery, *charge.supply))
        return (*charged, *self.credits)

    @property
    def current_cents(self) -> int:
        """Charges less credits."""
        return sum(charge.cents for charge in self.charges) + sum(credit.cents for credit in self.credits)

    @property
    def total_cents(self) -> int:
        """What is to be paid."""
        return self.current_cents + self.previous_balance_cents

    def usage(self, commodity: Commodity, direction: Direction = "delivered") -> int:
        """What meters of a commodity counted in a direction."""
        return _usage(self.reads, commodity, direction)


@dataclass(frozen=True, slots=True)
class _Period:
    """What one period alone costs, before any balance."""

    reads: tuple[MeterRead, ...]
    charges: tuple[Charges, ...]
    credits: tuple[Line, ...]

    @property
    def cents(self) -> int:
        return sum(charge.cents for charge in self.charges) + sum(credit.cents for credit in self.credits)


@lru_cache(maxsize=2_000)
def bills(account: Account, today: date) -> tuple[Bill, ...]:
    """The account's bills by the given day, newest first."""
    if account.new:
        return ()
    return tuple(_bill(account, period) for period in billed_periods(account.read_day, today))


def corrected(bill: Bill) -> Bill:
    """The same period billed again, some days later: a little was charged too much."""
    first, *others = bill.charges
    line, *more = first.delivery
    less = replace(first, delivery=(replace(line, cents=line.cents - 125), *more))
    return replace(
        bill,
        id=digits(f"{bill.id}/corrected", 12),
        billed_on=bill.billed_on + timedelta(days=5),
        charges=(less, *others),
    )


def combined(later: Bill, earlier: Bill) -> Bill:
    """One bill of two periods, each with reads of its own."""
    charges = [
        replace(first, delivery=first.delivery + second.delivery, supply=first.supply + second.supply)
        for first, second in zip(earlier.charges, later.charges, strict=True)
    ]
    return replace(
        later,
        period=Period(earlier.period.start, later.period.to),
        reads=tuple(replace(read, period=bill.period) for bill in (earlier, later) for read in bill.reads),
        charges=tuple(charges),
        credits=earlier.credits + later.credits,
        last_bill_cents=earlier.last_bill_cents,
        payments_cents=earlier.payments_cents,
    )


def monthly_usage(bill: Bill, commodity: Commodity) -> list[tuple[date, int]]:
    """The bill's period and the 12 before it, oldest first: the last day, and the energy delivered."""
    periods = [bill.period]
    while len(periods) < 13:
        periods.append(period_before(periods[-1]))
    return [(period.to, _usage(_reads(bill.account, period), commodity)) for period in reversed(periods)]


@lru_cache(maxsize=24_000)
def _bill(account: Account, period: Period) -> Bill:
    this, last = _costs(account, period), _costs(account, period_before(period))
    last_bill = last.cents + _unpaid(account, period_before(period))
    return Bill(
        id=digits(f"{account.number}/{period.start}/bill", 12),
        account=account,
        period=period,
        billed_on=statement_date(period),
        reads=this.reads,
        charges=this.charges,
        credits=this.credits,
        last_bill_cents=last_bill,
        payments_cents=last_bill - _unpaid(account, period),
    )


def _unpaid(account: Account, period: Period) -> int:
    """What was not paid of the bill before this period's: mostly nothing, at most a third of its charges."""
    if chance(f"{account.number}/{period.start}/unpaid", 7):
        return 0
    percent = 8 + chance(f"{account.number}/{period.start}/share", 25)
    return max(0, _costs(account, period_before(period)).cents * percent // 100)


@lru_cache(maxsize=4_000)
def _costs(account: Account, period: Period) -> _Period:
    reads = _reads(account, period)
    commodities = dict.fromkeys(meter.commodity for meter in account.meters)
    charges = tuple(charges_for(commodity, _usage(reads, commodity), period) for commodity in commodities)
    credits = []
    if account.community_solar:
        electric = sum(charge.cents for charge in charges if charge.commodity == "electric")
        credits.append(community_solar_credit(account.number, period, electric))
    exported = _usage(reads, "electric", "received")
    if exported:
        credits.append(solar_credit(exported))
    return _Period(reads, charges, tuple(credits))


@lru_cache(maxsize=4_000)
def _reads(account: Account, period: Period) -> tuple[MeterRead, ...]:
    reads = []
    for meter in account.meters:
        start, end = meter.billed(period.start, period.end)
        if start >= end:
            continue
        part = None if (start, end) == (period.start, period.end) else Period(start, end - ONE_DAY)
        for direction in meter.directions:
            first, last = (register(meter, direction, day) for day in (start, end))
            reads.append(MeterRead(meter, direction, first, last, part))
    return tuple(reads)


def _usage(reads: tuple[MeterRead, ...], commodity: Commodity, direction: Direction = "delivered") -> int:
    return sum(
        read.usage for read in reads if (read.meter.commodity, read.direction) == (commodity, direction)
    )
