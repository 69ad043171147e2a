"""NISC SmartHub, of hundreds of co-ops: tables one below the other, without anything to distinguish them.

Source: a sample of United Power's of 2025-10.
"""

from meterfarm.formats.tables.layout import ELECTRIC, GAS, KW, KWH, WATER, Layout, Times, Value

LAYOUTS = (
    Layout(
        id="smarthub",
        title="NISC SmartHub",
        times=Times(span="energy consumption time period"),
        values=(
            Value(column="usage(real energy in kilowatt-hours)", what=KWH, optional=True),
            Value(
                column="usage(real energy in kilowatts)|usage(real power in kilowatts)",
                what=KW,
                optional=True,
            ),
            Value(column="usage({unit})|usage ({unit})", optional=True),
        ),
        meter=("for",),
        above={"type of readings": ""},
        above_kinds={"type of readings": {"electric": ELECTRIC, "gas": GAS, "water": WATER}},
        several_above="type of readings",
        ignored=("events occurred",),
    ),
)
