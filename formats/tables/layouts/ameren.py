"""Ameren: each row has the hour's value, on the hour, and the quarter-hour's beside it.

Source: a sample of hours and quarter-hours of 2024-03 to 2025-03.
"""

from meterfarm.formats.tables.layout import ELECTRIC, GAS, DateOrder, Layout, Times, Value


def _beside(number: str) -> Value:
    return Value(
        column=f"usage{number}",
        unit=f"units{number}",
        length=f"interval{number}",
        optional=bool(number),
    )


LAYOUTS = (
    Layout(
        id="ameren",
        title="Ameren",
        zone="America/Chicago",
        times=Times(start="start interval date/time", order=DateOrder.MONTH_FIRST),
        values=(_beside(""), _beside("#2"), _beside("#3")),
        meter=("meter id", "meter number"),
        above_kinds={"commodity": {"electric": ELECTRIC, "gas": GAS}},
    ),
)
