"""Local days, months and billing periods in New York, where a day may last 23, 24 or 25 hours."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
MONTHS_OF_READINGS = 25
BILLS = 24
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A billing period; `to` is its last day, included."""

    start: date
    to: date

    @property
    def end(self) -> date:
        """The day after the last; meters are read at its midnight."""
        return self.to + ONE_DAY


@lru_cache(maxsize=20_000)
def midnight(day: date) -> int:
    """The instant (seconds since 1970) at which a local day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp())


def hours_in(day: date) -> int:
    """Hours of a local day: 23, 24 or 25."""
    return (midnight(day + ONE_DAY) - midnight(day)) // 3600


def local_hours(day: date) -> tuple[int, ...]:
    """The wall clock at each hour that a day has: 2 is missing in March, 1 comes twice in November."""
    match hours_in(day):
        case 23:
            return (0, 1, *range(3, 24))
        case 25:
            return (0, 1, 1, *range(2, 24))
        case _:
            return tuple(range(24))


def add_months(first: date, months: int) -> date:
    """The same day of another month; `first` lies on a day that each month has."""
    years, month = divmod(first.month - 1 + months, 12)
    return first.replace(year=first.year + years, month=month + 1)


def days(start: date, to: date) -> list[date]:
    """Every day from `start` to `to`, both included."""
    return [start + timedelta(days=n) for n in range((to - start).days + 1)]


def readings_span(today: date) -> tuple[date, date]:
    """The first and the last day that readings exist for."""
    return add_months(today.replace(day=1), -MONTHS_OF_READINGS), today - ONE_DAY


def statement_date(period: Period) -> date:
    """The third day after the period's last, or the Monday after it at a weekend."""
    day = period.to + timedelta(days=3)
    return day + timedelta(days={5: 2, 6: 1}.get(day.weekday(), 0))


def billed_periods(read_day: int, today: date) -> list[Period]:
    """The billing periods with a statement not later than `today`, newest first."""
    start = today.replace(day=read_day)
    while statement_date(_period(start)) > today:
        start = add_months(start, -1)
    return [_period(add_months(start, -n)) for n in range(BILLS)]


def period_before(period: Period) -> Period:
    """The billing period before this one."""
    return _period(add_months(period.start, -1))


def _period(start: date) -> Period:
    return Period(start, add_months(start, 1) - ONE_DAY)


def long_date(day: date) -> str:
    """As in "March 5, 2026"."""
    return f"{day:%B} {day.day}, {day.year}"


def us_date(day: date) -> str:
    """As in "03/05/2026"."""
    return f"{day:%m/%d/%Y}"
