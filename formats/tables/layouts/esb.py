"""ESB Networks' harmonised download file (HDF): half hours by their end, newest first.

Source: a sample of 2022-11 to 2023-02; registers as public code reads them.
"""

from meterfarm.formats.tables.layout import (
    DELIVERED,
    ELECTRIC,
    KWH,
    MEAN_KW,
    RECEIVED,
    DateOrder,
    Layout,
    Times,
    Value,
    What,
)
from meterfarm.records import Measure


def _register(name: str, flow: What) -> What:
    return What(measure=Measure.REGISTER, register=name, instant=True).over(flow.over(KWH))


LAYOUTS = (
    Layout(
        id="esb_hdf",
        title="ESB Networks (HDF)",
        zone="Europe/Dublin",
        times=Times(end="read date and end time", seconds=1800, order=DateOrder.DAY_FIRST),
        values=(Value(column="read value"),),
        what=ELECTRIC,
        meter=("meter serial number", "mprn"),
        kind="read type",
        kinds={
            r"active import interval \(kw\)": DELIVERED.over(MEAN_KW),
            r"active export interval \(kw\)": RECEIVED.over(MEAN_KW),
            r"active import interval.*\(kwh\)": DELIVERED.over(KWH),
            r"active export interval.*\(kwh\)": RECEIVED.over(KWH),
            r"24 hr active import register \(kwh\)": _register("import", DELIVERED),
            r"24 hr active export register \(kwh\)": _register("export", RECEIVED),
            r"day peak import register \(kwh\)": _register("import peak", DELIVERED),
            r"day off-peak import register \(kwh\)": _register("import off-peak", DELIVERED),
            r"(active import register day|day import register) \(kwh\)": _register("import day", DELIVERED),
            r"(active import register night|night import register) \(kwh\)": _register(
                "import night", DELIVERED
            ),
        },
        ignored=("mprn",),
        ends_bare=True,
    ),
)
