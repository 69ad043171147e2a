"""The export: a ZIP with a CSV for each direction; a preamble, local times, ends included ("00:14")."""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from meterfarm.fake_utility.kit.accounts import Account, Direction, Meter
from meterfarm.fake_utility.kit.calendar import local_hours, us_date
from meterfarm.fake_utility.kit.charges import UNITS
from meterfarm.fake_utility.kit.money import quantity
from meterfarm.fake_utility.kit.readings import DayOfReadings
from meterfarm.fake_utility.kit.restating import published
from meterfarm.fake_utility.stroopwafel_energy.numbers import zeroed

LONGEST = 366
HEADER = "Service,Usage date,From,To,Usage,Unit,Read"
_SERVICES: dict[tuple[str, Direction], str] = {
    ("electric", "delivered"): "Electricity",
    ("electric", "received"): "Electricity to grid",
    ("gas", "delivered"): "Natural gas",
}


@dataclass(frozen=True, slots=True)
class Export:
    """`start` and `to` are local days, both included. `to_newest`: `to` is the newest day there is."""

    account: Account
    meter: Meter
    start: date
    to: date
    to_newest: bool = False

    def content(self, company: str) -> bytes:
        """The ZIP."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for direction in self.meter.directions:
                name = f"usage_{self.meter.id}_{direction}_{self.start:%Y%m%d}-{self.to:%Y%m%d}.csv"
                member = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
                archive.writestr(member, self._csv(company, direction), zipfile.ZIP_DEFLATED)
        return buffer.getvalue()

    def _csv(self, company: str, direction: Direction) -> bytes:
        preamble = io.StringIO()
        csv.writer(preamble, lineterminator="\r\n").writerows(
            (
                (f"{company} usage export",),
                ("Account number", zeroed(self.account)),
                ("Meter number", self.meter.id),
                ("Service address", str(self.account.address)),
                (),
            )
        )
        days = published(self.meter, direction, self.start, self.to, to_newest=self.to_newest)
        service, unit = _SERVICES[self.meter.commodity, direction], UNITS[self.meter.commodity]
        rows = [row for readings in days for row in _rows(service, unit, readings)]
        return (preamble.getvalue() + HEADER + "\r\n" + "".join(rows)).encode()


def _rows(service: str, unit: str, readings: DayOfReadings) -> Iterator[str]:
    """In November an hour comes twice, in March one is missing, as on a clock."""
    day, hours = us_date(readings.day), local_hours(readings.day)
    per_hour, minutes = 3600 // readings.step, readings.step // 60
    for place, value in enumerate(readings.values):
        hour, minute = hours[place // per_hour], place % per_hour * minutes
        read = "Estimated" if place in readings.estimated else "Actual"
        yield (
            f"{service},{day},{hour:02d}:{minute:02d},{hour:02d}:{minute + minutes - 1:02d},"
            f"{quantity(value)},{unit},{read}\r\n"
        )
