"""MeterWatch (MV-WEB): of Seattle City Light, starts a second late; of others, the labels of ends.

Those others are Los Angeles and Hawaii, with a column for each channel of a meter.

Source: a sample of Seattle City Light's of 2020-11, and one of MV-WEB's.
"""

from meterfarm.formats.tables.layout import (
    ELECTRIC,
    KVAH,
    KVARH,
    KW,
    KWH,
    DateOrder,
    Layout,
    Times,
    Value,
    cost,
)
from meterfarm.records import Unit

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
    Layout(
        id="meterwatch",
        title="MV-WEB (Los Angeles, Hawaii)",
        usual_zone="America/Los_Angeles",
        times=Times(end="date / time", order=DateOrder.MONTH_FIRST),
        values=(
            Value(column="kwh(ch:*)|kwh", what=KWH, optional=True),
            Value(column="kw(ch:*)|kw", what=KW, optional=True),
            Value(column="kvarh(ch:*)|kvarh", what=KVARH, optional=True),
            Value(column="kvah(ch:*)|kvah", what=KVAH, optional=True),
        ),
        what=ELECTRIC,
        meter=("meter id",),
        has=("meter id",),
        ignored=("pf", r"pf\(.*"),
    ),
)
