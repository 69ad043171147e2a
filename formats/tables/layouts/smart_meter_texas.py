"""Smart Meter Texas, for all of ERCOT's retail customers.

Source: a sample of 2022-03 to 2023-01.
"""

from meterfarm.formats.tables.layout import (
    DELIVERED,
    ELECTRIC,
    KWH,
    NET,
    RECEIVED,
    DateOrder,
    Layout,
    Times,
    Value,
)

_KINDS = {
    "consumption": DELIVERED,
    "surplus generation": RECEIVED,
    "generation": RECEIVED,
    "net": NET,
}


def _layout(times: Times, value: str) -> Layout:
    return Layout(
        id="smart_meter_texas",
        title="Smart Meter Texas",
        zone="America/Chicago",
        times=times,
        values=(Value(column=value, what=KWH),),
        what=ELECTRIC,
        meter=("esiid",),
        kind="consumption_surplusgeneration",
        kinds=_KINDS,
        estimated="estimated_actual",
        estimates=("e",),
        ignored=("revision_date", "start_read.*", "end_read.*"),
    )


LAYOUTS = (
    _layout(
        Times(
            start="usage_date + usage_start_time",
            end="usage_end_time",
            order=DateOrder.MONTH_FIRST,
        ),
        "usage_kwh",
    ),
    _layout(Times(start="usage_date", order=DateOrder.MONTH_FIRST, daily=True), "usage_kwh"),
)
