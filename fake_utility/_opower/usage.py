"""Readings as Opower hands them out: of an account, between two instants, by the quarter-hour and coarser."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from meterfarm.fake_utility._opower.customers import Household
from meterfarm.fake_utility.kit.accounts import Meter
from meterfarm.fake_utility.kit.calendar import ONE_DAY
from meterfarm.fake_utility.kit.calendar import ZONE as WRITTEN_IN
from meterfarm.fake_utility.kit.readings import day_of_readings

SECONDS: Mapping[str, int] = {"quarter_hour": 900, "half_hour": 1800, "hour": 3600}
_CENTS_A_KWH = Decimal("23.45")
_WITHOUT_COST = 4
"""Of ``some`` costs one reading in so many has none."""


@dataclass(frozen=True, slots=True)
class Read:
    """`imported` and `exported` are watt-hours, of gas thousandths of a therm; times are epoch seconds."""

    start: int
    end: int
    imported: int
    exported: int
    estimated: bool

    @property
    def net(self) -> Decimal:
        """In kWh or therms."""
        return Decimal(self.imported - self.exported).scaleb(-3)


@dataclass(frozen=True, slots=True)
class Window:
    """What was asked for: from an instant to another, by the quarter-hour or coarser."""

    start: datetime
    end: datetime
    aggregate: str


def first_day(household: Household, today: date) -> date:
    """The first day of which there is anything."""
    return today - timedelta(days=household.history_days)


def reads(household: Household, meter: Meter, window: Window, zone: ZoneInfo, today: date) -> list[Read]:
    """In their order; nothing of today, nor of what the household lacks."""
    fine = list(_fine(household, meter, window, zone, today))
    step = SECONDS.get(window.aggregate)
    if step:
        grouped = groupby(fine, key=lambda read: read.start // step)
    else:
        grouped = groupby(fine, key=lambda read: _local(read.start, zone).toordinal())
    return [_together(list(group)) for _, group in grouped]


def _fine(household: Household, meter: Meter, window: Window, zone: ZoneInfo, today: date) -> Iterator[Read]:
    start, end = int(window.start.timestamp()), int(window.end.timestamp())
    day = window.start.astimezone(WRITTEN_IN).date()
    last = window.end.astimezone(WRITTEN_IN).date()
    while day <= last:
        imported = day_of_readings(meter, "delivered", day)
        exported = day_of_readings(meter, "received", day) if len(meter.directions) > 1 else None
        for place, value in enumerate(imported.values):
            begins = imported.start + place * imported.step
            if start <= begins < end and _is_there(household, _local(begins, zone), today):
                yield Read(
                    begins,
                    begins + imported.step,
                    value,
                    exported.values[place] if exported else 0,
                    place in imported.estimated,
                )
        day += ONE_DAY


def _is_there(household: Household, day: date, today: date) -> bool:
    if not first_day(household, today) <= day < today:
        return False
    if household.empty_days is None:
        return True
    first, last = household.empty_days
    return not first >= (today - day).days >= last


def _local(instant: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(instant, zone).date()


def _together(group: list[Read]) -> Read:
    return Read(
        group[0].start,
        group[-1].end,
        sum(read.imported for read in group),
        sum(read.exported for read in group),
        any(read.estimated for read in group),
    )


def cost_of(household: Household, read: Read) -> Decimal | None:
    """In dollars, to a thousandth of a cent; None where the household's readings have none."""
    if household.costs in {"none", "refused"}:
        return None
    if household.costs == "some" and read.start // 900 % _WITHOUT_COST == 0:
        return None
    return (read.net * _CENTS_A_KWH / 100).quantize(Decimal("0.00001"))


def as_cost(household: Household, read: Read, zone: ZoneInfo) -> dict[str, Any]:
    """As the addresses of costs write a reading."""
    cost = cost_of(household, read)
    return _times(read, zone) | {
        "readType": "ESTIMATED" if read.estimated else "ACTUAL",
        "value": read.net,
        **({"providedCost": cost} if cost is not None else {}),
        "readComponents": None,
    }


def as_usage(read: Read, zone: ZoneInfo) -> dict[str, Any]:
    """As the addresses of usage do."""
    kind = "ESTIMATED" if read.estimated else "ACTUAL"
    return _times(read, zone) | {"consumption": {"value": read.net, "type": kind}}


def as_interval(read: Read, value: int, zone: ZoneInfo) -> dict[str, Any]:
    """As read streams do."""
    times = _times(read, zone)
    return {
        "timeInterval": f"{times['startTime']}/{times['endTime']}",
        "measuredAmount": {"value": Decimal(value).scaleb(-3)},
    }


def _times(read: Read, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "startTime": datetime.fromtimestamp(read.start, zone).isoformat(timespec="milliseconds"),
        "endTime": datetime.fromtimestamp(read.end, zone).isoformat(timespec="milliseconds"),
    }


def instant(text: str, zone: ZoneInfo) -> datetime:
    """An instant or a day, as requests write it.

    Raises:
        ValueError: it is neither.
    """
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
