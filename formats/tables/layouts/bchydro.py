"""BC Hydro: flows in and out, hour by hour or day by day.

Source: a sample of 2026-03.
"""

from meterfarm.formats.tables.layout import DELIVERED, ELECTRIC, KW, KWH, NET, RECEIVED, Layout, Times, Value

LAYOUTS = (
    Layout(
        id="bchydro",
        title="BC Hydro",
        zone="America/Vancouver",
        times=Times(start="interval start date/time"),
        values=(
            Value(column="inflow (kwh)", what=DELIVERED.over(KWH), optional=True),
            Value(column="outflow (kwh)", what=RECEIVED.over(KWH), optional=True),
            Value(column="net consumption (kwh)", what=NET.over(KWH), optional=True),
            Value(column="peak demand (kw)|demand (kw)", what=KW, optional=True),
        ),
        what=ELECTRIC,
        meter=("meter number", "account number"),
        estimated="estimated usage",
        estimates=("x", "y", "est"),
        ignored=("account holder", "time of day period", "power factor.*", "service address", "city"),
    ),
)
