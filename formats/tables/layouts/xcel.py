"""Xcel Energy's list of bills: amounts, each with the date of its bill alone.

Source: a sample of bills from 2021-10 on.
"""

from meterfarm.formats.tables.layout import (
    ELECTRIC,
    GAS,
    KWH,
    THERM,
    DateOrder,
    Layout,
    Times,
    Value,
    What,
    cost,
)
from meterfarm.records import Commodity, Direction, Unit

_USD = cost(Unit.USD)

LAYOUTS = (
    Layout(
        id="xcel_bills",
        title="Xcel Energy, list of bills",
        usual_zone="America/Denver",
        times=Times(start="bill date", order=DateOrder.MONTH_FIRST),
        values=(
            Value(column="electric usage (kwh)", what=ELECTRIC.over(KWH), optional=True),
            Value(column="gas usage (therms)", what=GAS.over(THERM), optional=True),
            Value(column="electric charges", what=ELECTRIC.over(_USD), optional=True),
            Value(column="gas charges", what=GAS.over(_USD), optional=True),
            Value(
                column="total charges",
                what=What(commodity=Commodity.OTHER, direction=Direction.UNKNOWN).over(_USD),
            ),
        ),
        what=What(instant=True),
        meter=("account number", "premise number"),
        doubt="each amount is of a bill, and the file does not state its period: read at the bill's date",
    ),
)
