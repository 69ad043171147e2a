"""San Diego Gas & Electric: meter by meter, with the minutes of each interval.

Source: a sample of 2021-03, and one of the other portal.
"""

from meterfarm.formats.tables.layout import (
    DELIVERED,
    ELECTRIC,
    GAS,
    KWH,
    NET,
    RECEIVED,
    THERM,
    DateOrder,
    Layout,
    Times,
    Value,
    What,
)

_COMMODITIES: dict[str, What] = {"electric": ELECTRIC, "gas": GAS}


def _layout(label: str, resource: str, unit: str, times: Times, *values: Value) -> Layout:
    return Layout(
        id="sdge",
        title="San Diego Gas & Electric",
        zone="America/Los_Angeles",
        times=times,
        values=values,
        what=_COMMODITIES[resource],
        meter=("meter number", "meter"),
        above={label: f"^{resource}", "uom": f"^{unit}s?$"},
    )


def _flows(unit: What) -> tuple[Value, ...]:
    return (
        Value(column="consumption|usage|consumed", what=DELIVERED.over(unit), optional=True),
        Value(column="generation", what=RECEIVED.over(unit), optional=True),
        Value(column="net", what=NET.over(unit), optional=True),
    )


_CLOCKS = Times(start="date + start time", length="duration", order=DateOrder.MONTH_FIRST)
_DAYS = Times(start="date", order=DateOrder.MONTH_FIRST, daily=True)

_BARE = Layout(
    id="sdge",
    title="San Diego Gas & Electric",
    zone="America/Los_Angeles",
    times=_CLOCKS,
    values=_flows(KWH),
    what=ELECTRIC,
    meter=("meter number",),
    has=("consumption", "generation", "net"),
    above={"resource": "^$", "service type": "^$", "uom": "^$"},
    doubt="the lines above the table are missing, which say the unit: taken for kWh, as in all such files",
)
"""Without the lines above its table: only of electricity does it have these columns."""

LAYOUTS = (
    *(
        _layout(label, resource, unit, times, *_flows(what))
        for label in ("resource", "service type")
        for resource, unit, what in (("electric", "kwh", KWH), ("gas", "therm", THERM))
        for times in (_CLOCKS, _DAYS)
    ),
    _BARE,
)
