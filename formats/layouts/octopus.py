"""Octopus Energy: half hours with their offset."""

from formats.table import ELECTRIC, GAS, KWH, M3, Layout, Times, Value, What

_TIMES = Times(start="start", end="end")


def _layout(column: str, what: What) -> Layout:
    return Layout(
        id="octopus",
        title="Octopus Energy",
        zone="Europe/London",
        times=_TIMES,
        values=(Value(column=column, what=what),),
        ignored=("estimated cost.*", "standing charge.*"),
    )


LAYOUTS = (
    _layout("consumption (kwh)", ELECTRIC.over(KWH)),
    _layout("consumption (m³)|consumption (m3)", GAS.over(M3)),
)
