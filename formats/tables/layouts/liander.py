"""Liander, Netherlands: meters' standings day by day, and what was used between them.

The registers are those of Dutch meters in their order: taken at low and at normal tariff, sent back likewise.

Source: a sample of 2023-06.
"""

from meterfarm.formats.tables.layout import (
    DELIVERED,
    KWH,
    M3,
    RECEIVED,
    DateOrder,
    Layout,
    Times,
    Value,
    What,
)
from meterfarm.records import Commodity, Measure

_REGISTERS = (1, 2, 3, 4)
_TAKEN = (1, 2)


def _values(number: int) -> tuple[Value, Value]:
    flow = DELIVERED if number in _TAKEN else RECEIVED
    standing = What(measure=Measure.REGISTER, register=f"reading{number}", instant=True).over(flow)
    return (
        Value(column=f"usage{number}", what=What(register=f"usage{number}").over(flow), optional=number > 1),
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
            "e.*": What(commodity=Commodity.ELECTRIC).over(KWH),
            "g.*": What(commodity=Commodity.GAS).over(M3),
        },
        ignored=("eancodeasn",),
        doubt="nothing says what each register counts, nor the day of its usage: taken as usual",
    ),
)
