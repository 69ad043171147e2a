"""Tables with a header that states all but the zone: starts and ends, and the unit.

Source: no portal: a convention of this project.
"""

from meterfarm.formats.tables.layout import (
    DELIVERED,
    ELECTRIC,
    GAS,
    NET,
    RECEIVED,
    Layout,
    Times,
    Value,
    What,
)

_STARTS = "start|start time|start date/time|interval start|interval start time|start datetime|start_time|from"
_ENDS = "end|end time|end date/time|interval end|interval end time|end datetime|end_time|to"
_UNIT = "({unit})"


def _named(words: str) -> str:
    return "|".join(f"{word} {_UNIT}" for word in words.split("|"))


def _value(words: str, what: What) -> Value:
    return Value(column=_named(words), what=what, optional=True)


def _layout(commodity: What, what: str) -> Layout:
    return Layout(
        id="plain",
        title="a table that names its columns in full",
        times=Times(start=_STARTS, end=_ENDS),
        values=(
            _value(f"{what}usage|{what}consumption|{what}delivered|{what}import", DELIVERED),
            _value(f"{what}received|{what}export|{what}generation", RECEIVED),
            _value(f"{what}net|{what}net usage|{what}net consumption", NET),
        ),
        what=commodity,
        meter=("meter", "meter number", "meter id", "account number"),
    )


LAYOUTS = (_layout(ELECTRIC, "electric "), _layout(ELECTRIC, "electricity "), _layout(GAS, "gas "))
