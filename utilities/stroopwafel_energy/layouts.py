"""The tables in Stroopwafel Energy's exports: a preamble, then local times with their ends included."""

from meterfarm.formats.tables.layout import ELECTRIC, GAS, RECEIVED, DateOrder, Layout, Times, Value

LAYOUTS = (
    Layout(
        id="stroopwafel",
        title="Stroopwafel Energy and its sister companies",
        zone="America/New_York",
        times=Times(start="usage date + from", end="to", end_inclusive=True, order=DateOrder.MONTH_FIRST),
        values=(Value(column="usage"),),
        unit="unit",
        kind="service",
        kinds={
            "electricity to grid": RECEIVED.over(ELECTRIC),
            "electricity": ELECTRIC,
            "natural gas": GAS,
        },
        meter=("meter number",),
        estimated="read",
        estimates=("estimated",),
        has=("read",),
    ),
)
