"""Southern California Edison: a table for each day, times as ``<start> to <end>``."""

from formats.table import DELIVERED, ELECTRIC, KWH, RECEIVED, Layout, Times, Value, What


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
        meter=("for location",),
        estimated="reading quality",
        estimates=("estimat",),
        has=("reading quality",),
    )


LAYOUTS = (
    _layout("energy consumption time period", DELIVERED),
    _layout("energy delivered time period", DELIVERED),
    _layout("energy received time period", RECEIVED),
)
