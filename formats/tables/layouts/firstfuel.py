"""First Fuel's export, as PG&E, SMUD and Pepco hand it out to businesses: usage, peak demand, the weather.

The header does not name the utility: the file's name does, or the caller's zone.

Source: public code that reads it; no sample was seen.
"""

from meterfarm.formats.tables.layout import ELECTRIC, GAS, DateOrder, Layout, Times, Value

LAYOUTS = (
    Layout(
        id="firstfuel",
        title="PG&E, SMUD, Pepco, for businesses (First Fuel)",
        usual_zone="America/Los_Angeles",
        zones={
            **dict.fromkeys(("pge", "smud"), "America/Los_Angeles"),
            **dict.fromkeys(("bge", "peco", "pepco"), "America/New_York"),
            "comed": "America/Chicago",
        },
        times=Times(start="start date time", end="end date time", order=DateOrder.MONTH_FIRST),
        values=(
            Value(column="usage", unit="usage unit"),
            Value(column="peak demand", unit="demand unit", optional=True),
        ),
        kind="usage unit",
        kinds={"[km]?wh": ELECTRIC, "therms?|thm|ccf": GAS},
        meter=("service agreement",),
        ignored=("avg. temperature", "temperature unit", "event flags"),
    ),
)
