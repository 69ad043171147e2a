"""The CSV download: a preamble, then a row a reading in local time, its end included ("00:14")."""

import csv
import io
from datetime import date

from meterfarm.fake_utility.kit.accounts import Account, Direction, Meter
from meterfarm.fake_utility.kit.calendar import local_hours
from meterfarm.fake_utility.kit.charges import UNITS
from meterfarm.fake_utility.kit.money import quantity
from meterfarm.fake_utility.kit.readings import DayOfReadings
from meterfarm.fake_utility.kit.restating import published

COLUMNS = "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,NOTES"
_TYPES: dict[tuple[str, Direction], str] = {
    ("electric", "delivered"): "Electric usage",
    ("electric", "received"): "Electric sent to grid",
    ("gas", "delivered"): "Natural gas usage",
}


def interval_csv(account: Account, meter: Meter, start: date, to: date, *, to_newest: bool = False) -> bytes:
    """A solar meter's second series follows the first. `to_newest` as for Green Button."""
    preamble = io.StringIO()
    csv.writer(preamble, lineterminator="\r\n").writerows(
        (
            ("Name", account.name),
            ("Address", str(account.address)),
            ("Account Number", account.number),
            ("Meter", meter.id),
            (),
        )
    )
    rows = [
        row
        for direction in meter.directions
        for readings in published(meter, direction, start, to, to_newest=to_newest)
        for row in _rows(meter, direction, readings)
    ]
    return (preamble.getvalue() + COLUMNS + "\r\n" + "".join(rows)).encode()


def _rows(meter: Meter, direction: Direction, readings: DayOfReadings) -> list[str]:
    day = readings.day
    per_hour = 3600 // readings.step
    minutes = readings.step // 60
    kind, unit, hours = _TYPES[meter.commodity, direction], UNITS[meter.commodity], local_hours(day)
    return [
        f"{kind},{day},{hours[place // per_hour]:02d}:{place % per_hour * minutes:02d},"
        f"{hours[place // per_hour]:02d}:{place % per_hour * minutes + minutes - 1:02d},"
        f"{quantity(value)},{unit},{'Estimated' if place in readings.estimated else ''}\r\n"
        for place, value in enumerate(readings.values)
    ]
