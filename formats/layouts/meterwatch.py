"""MeterWatch (MV-WEB), as Seattle City Light runs it: intervals that begin a second late."""

from formats.table import ELECTRIC, KVARH, KWH, DateOrder, Layout, Times, Value, cost
from records import Unit

LAYOUTS = (
    Layout(
        id="meterwatch",
        title="MeterWatch / MV-WEB (Seattle City Light)",
        usual_zone="America/Los_Angeles",
        times=Times(
            start="starting date + starting time",
            end="ending date + ending time",
            order=DateOrder.MONTH_FIRST,
            tick=1,
        ),
        values=(
            Value(column="kwh usage", what=KWH),
            Value(column="kvarh|kvarh usage", what=KVARH, optional=True),
            Value(column="kwh cost", what=cost(Unit.USD), optional=True),
        ),
        what=ELECTRIC,
        meter=("meter", "meter id"),
    ),
)
