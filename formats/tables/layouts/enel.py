"""e-distribuzione (Enel), Italy: a day a row, a column for each quarter-hour, kWh.

Source: a sample of 2024-09.
"""

from meterfarm.formats.tables.layout import ELECTRIC, KWH, DateOrder, Layout, Times, Value, Wide

_CLOCKS = r"(?P<start>\d\d:\d\d) ?- ?(?P<end>\d\d:\d\d)"


LAYOUTS = (
    Layout(
        id="enel",
        title="e-distribuzione (Enel)",
        zone="Europe/Rome",
        times=Times(start="giorno", order=DateOrder.DAY_FIRST),
        values=(Value(column="kwh", what=ELECTRIC.over(KWH)),),
        wide=Wide(columns=_CLOCKS),
        meter=("pod",),
        comma=True,
    ),
)
