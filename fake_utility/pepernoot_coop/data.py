"""What the co-op shows of its members: 13 bills, and readings of 13 months, the newest day as zeros."""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from meterfarm.fake_utility.kit.accounts import Account, Direction, Meter
from meterfarm.fake_utility.kit.billing import Bill, bills
from meterfarm.fake_utility.kit.calendar import ONE_DAY, ZONE, add_months, days
from meterfarm.fake_utility.kit.readings import DayOfReadings, day_of_readings
from meterfarm.fake_utility.pepernoot_coop.customers import Member

BILLS = 13
MONTHS = 13
NEW_METER_DAYS = 35
"""Of members with exports that take hours: more than one export has, and few."""
HOME = "https://pepernoot.smarthub.example"
NET_METERING = "Net metering credit"
"""How energy that went to the grid is called."""


def listed_bills(account: Account, today: date) -> Sequence[Bill]:
    """The bills in the history, newest first; they are for electricity alone."""
    electric = tuple(meter for meter in account.meters if meter.commodity == "electric")
    return bills(replace(account, meters=electric), today)[:BILLS]


def usage_span(member: Member, today: date) -> tuple[date, date]:
    """The first and the last day that usage can be exported for."""
    first = add_months(today.replace(day=1), -MONTHS)
    if member.exports == "hours":
        first = today - NEW_METER_DAYS * ONE_DAY
    return first, today - ONE_DAY


def usage(meter: Meter, direction: Direction, start: date, to: date, today: date) -> Sequence[DayOfReadings]:
    """The readings shown for some days; those of yesterday are not there yet and shown as zeros."""
    return [_shown(day_of_readings(meter, direction, day), today) for day in days(start, to)]


def local_epoch(instant: int) -> int:
    """Milliseconds since 1970 as if the local clock were UTC's."""
    local = datetime.fromtimestamp(instant, ZONE).replace(tzinfo=UTC)
    return int(local.timestamp()) * 1000


def day_of(epoch: int) -> date:
    """The day of such milliseconds. Raises ValueError, OverflowError."""
    return datetime.fromtimestamp(epoch // 1000, UTC).date()


def _shown(readings: DayOfReadings, today: date) -> DayOfReadings:
    if readings.day < today - ONE_DAY:
        return readings
    return replace(readings, values=array("H", bytes(2 * len(readings.values))), estimated=())
