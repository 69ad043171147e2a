"""Opower's export, as PG&E, ComEd, PECO, BGE, ConEd, AEP, SDG&E and more hand it out.

The header does not name the utility: the file's name does, or the address, or a zone asked for. Businesses
get more columns (ConEd), or starts alone (BGE).

Source: samples of PG&E's of old and of 2024-02 to 2025-01; forms for businesses as public code reads them.
"""

from meterfarm.formats.tables.layout import (
    DELIVERED,
    ELECTRIC,
    GAS,
    KVA,
    KVAR,
    KW,
    KWH,
    RECEIVED,
    WATER,
    DateOrder,
    Layout,
    Times,
    Value,
    What,
    cost,
)
from meterfarm.records import Direction, Unit

_ZONES = {
    "pge": "America/Los_Angeles",
    "pgec": "America/Los_Angeles",
    "sdge": "America/Los_Angeles",
    "scl": "America/Los_Angeles",
    "pse": "America/Los_Angeles",
    "smud": "America/Los_Angeles",
    "coned": "America/New_York",
    "cned": "America/New_York",
    "oru": "America/New_York",
    "peco": "America/New_York",
    "bge": "America/New_York",
    "bgec": "America/New_York",
    "pep": "America/New_York",
    "dpl": "America/New_York",
    "ace": "America/New_York",
    "comed": "America/Chicago",
    "cec": "America/Chicago",
    "cwe": "America/Chicago",
}
_KINDS = {
    "electric usage": ELECTRIC,
    "electric": ELECTRIC,
    "electricity usage": ELECTRIC,
    "electric sent to grid": RECEIVED.over(ELECTRIC),
    "electric net usage": What(direction=Direction.NET).over(ELECTRIC),
    "natural gas usage": GAS,
    "gas usage": GAS,
    "water usage": WATER,
    "electric billing": ELECTRIC,
    "natural gas billing|gas billing": GAS,
}
_BESIDE = (
    Value(column="cost|total import cost", what=cost(Unit.USD), optional=True),
    Value(column="demand (kw)", what=KW, optional=True),
    Value(column="reactive power (kvar)", what=KVAR, optional=True),
    Value(column="apparent power (kva)", what=KVA, optional=True),
)
_TIMES = Times(start="date + start time", end="end time", end_inclusive=True, order=DateOrder.MONTH_FIRST)
_STARTS = Times(start="date + start time", order=DateOrder.MONTH_FIRST)
_DAYS = Times(start="date", order=DateOrder.MONTH_FIRST, daily=True)
_BILLS = Times(start="start date", end="end date", order=DateOrder.MONTH_FIRST, end_inclusive=True)


def _layout(times: Times, *values: Value, unit: str = "") -> Layout:
    return Layout(
        id="opower",
        title="PG&E, ComEd, PECO, BGE, ConEd and others (Opower)",
        times=times,
        values=(*values, *_BESIDE),
        unit=unit,
        zones=_ZONES,
        states=True,
        kind="type",
        kinds=_KINDS,
        meter=("meter", "meter number", "service", "account number"),
        estimated="notes",
        estimates=("estimated",),
        ignored=("power factor.*",),
    )


LAYOUTS = (
    _layout(_TIMES, Value(column="usage"), unit="units"),
    _layout(_TIMES, Value(column="usage ({unit})")),
    _layout(
        _TIMES,
        Value(column="import (kwh)", what=DELIVERED.over(KWH)),
        Value(column="export (kwh)", what=RECEIVED.over(KWH)),
    ),
    _layout(_STARTS, Value(column="usage"), unit="usage unit"),
    _layout(_STARTS, Value(column="usage"), unit="units"),
    _layout(_STARTS, Value(column="usage ({unit})")),
    _layout(_DAYS, Value(column="usage"), unit="units"),
    _layout(_DAYS, Value(column="usage ({unit})")),
    _layout(_BILLS, Value(column="usage"), unit="units"),
    _layout(_BILLS, Value(column="usage ({unit})")),
)
