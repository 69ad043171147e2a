"""Liander, Netherlands: meters' standings day by day, and what was used between them.

Which register is which, low tariff or high, delivered or sent back, the file doesn't say.
"""

from formats.table import KWH, M3, DateOrder, Layout, Times, Value, What
from records import Commodity, Direction, Measure

_REGISTERS = (1, 2, 3, 4)


def _values(number: int) -> tuple[Value, Value]:
    standing = What(measure=Measure.REGISTER, register=f"reading{number}", instant=True)
    return (
        Value(column=f"usage{number}", what=What(register=f"usage{number}"), optional=number > 1),
        Value(column=f"reading{number}", what=standing, optional=True),
    )


LAYOUTS = (
    Layout(
        id="liander",
        title="Liander",
        zone="Europe/Amsterdam",
        times=Times(start="meterreadingdate", order=DateOrder.DAY_FIRST, daily=True),
        values=tuple(value for number in _REGISTERS for value in _values(number)),
        meter=("meternummer",),
        meters={
            "e.*": What(commodity=Commodity.ELECTRIC, direction=Direction.UNKNOWN).over(KWH),
            "g.*": What(commodity=Commodity.GAS, direction=Direction.DELIVERED).over(M3),
        },
        ignored=("eancodeasn",),
        doubt="usage is told on the day of the reading that closes it; the file doesn't name its registers",
    ),
)
