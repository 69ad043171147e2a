"""Southern California Edison: a table for each day, times as ``<start> to <end>``.

Source: a sample of 2020-05 and one of the later form.
"""

from meterfarm.formats.tables.layout import (
    DELIVERED,
    ELECTRIC,
    KWH,
    RECEIVED,
    DateOrder,
    Layout,
    Times,
    Value,
    What,
)


def _layout(column: str, direction: What) -> Layout:
    return Layout(
        id="sce",
        title="Southern California Edison",
        zone="America/Los_Angeles",
        times=Times(span=column),
        values=(
            Value(
                column="usage(real energy in kilowatt-hours)|usage delivered(real energy in kilowatt-hours)"
                "(real energy in kilowatt-hours)|usage received(real energy in kilowatt-hours)"
                "(real energy in kilowatt-hours)|usage delivered(real energy in kilowatt-hours)"
                "|usage received(real energy in kilowatt-hours)",
                what=KWH,
            ),
        ),
        what=direction.over(ELECTRIC),
        place="for location",
        estimated="reading quality",
        estimates=("estimat",),
        has=("reading quality",),
        ends_bare=True,
    )


_OF_LATE = Layout(
    id="sce",
    title="Southern California Edison",
    zone="America/Los_Angeles",
    times=Times(
        start="energy consumption time period start",
        end="energy consumption time period end",
        order=DateOrder.MONTH_FIRST,
    ),
    values=(
        Value(column="delivered", what=DELIVERED.over(KWH)),
        Value(column="received", what=RECEIVED.over(KWH), optional=True),
    ),
    what=ELECTRIC,
    place="for location",
    above={"type of readings": "^(electricity|$)"},
    ignored=("date",),
)
LAYOUTS = (
    _OF_LATE,
    _layout("energy consumption time period", DELIVERED),
    _layout("energy delivered time period", DELIVERED),
    _layout("energy received time period", RECEIVED),
)
