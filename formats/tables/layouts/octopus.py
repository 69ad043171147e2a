"""Octopus Energy: half hours with their offset.

Source: public code that reads it; no sample was seen.
"""

from meterfarm.formats.tables.layout import ELECTRIC, GAS, KWH, M3, Layout, Times, Value, What
from meterfarm.records import Measure, Unit

_TIMES = Times(start="start", end="end")


_EITHER = "the file does not state electricity or gas: read as electricity"
_PENCE = What(measure=Measure.COST, unit=Unit.GBP, power=-2)


def _layout(column: str, what: What, doubt: str = "") -> Layout:
    return Layout(
        id="octopus",
        title="Octopus Energy",
        zone="Europe/London",
        times=_TIMES,
        values=(
            Value(column=column, what=what),
            Value(column="estimated cost inc. tax (p)", what=_PENCE.over(what), optional=True),
        ),
        ignored=("standing charge.*",),
        doubt=doubt,
    )


LAYOUTS = (
    _layout(
        "consumption (kwh)",
        ELECTRIC.over(KWH),
        "the file does not state electricity or gas: read as electricity",
    ),
    _layout("consumption (m³)|consumption (m3)", GAS.over(M3)),
)
