"""Hydro Ottawa, Ontario: an hour or a day a row, a column for each price period.

Source: public code that reads it; no sample was seen.
"""

from meterfarm.formats.tables.layout import DELIVERED, ELECTRIC, KWH, Layout, Times, Value, What, cost
from meterfarm.records import Unit

_PERIODS = (
    "off-peak",
    "mid-peak",
    "on-peak",
    "low-tier",
    "high-tier",
    "tou off-peak",
    "tou mid-peak",
    "tou on-peak",
    "tier 1",
    "tier 2",
    "ulo overnight",
    "ulo weekend off-peak",
    "ulo off-peak",
    "ulo mid-peak",
    "ulo on-peak",
)
_CAD = cost(Unit.CAD)


def _values(period: str) -> tuple[Value, Value]:
    register = What(register=period)
    return (
        Value(column=f"usage {period} (kwh)", what=register.over(KWH), optional=True),
        Value(column=f"cost {period} ($)", what=register.over(_CAD), optional=True),
    )


def _layout(times: Times) -> Layout:
    return Layout(
        id="hydro_ottawa",
        title="Hydro Ottawa",
        zone="America/Toronto",
        times=times,
        values=tuple(value for period in _PERIODS for value in _values(period)),
        what=DELIVERED.over(ELECTRIC),
        has=("usage .*",),
        meter=("meter number", "account number"),
        ignored=(".*temperature.*",),
    )


LAYOUTS = (
    _layout(Times(start="time", day_above=r".*hourly usage \((\d{4}-\d\d-\d\d)\).*", seconds=3600)),
    _layout(Times(start="date", daily=True)),
    _layout(Times(start="date + time", seconds=3600)),
)
