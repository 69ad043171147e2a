"""How a table of readings is declared: a layout says what columns mean, and nothing about how they are read.

Column names are compared in small letters, with single spaces; ``a|b`` are names for the same column, and
the second column of a name is ``name#2``. In a value's name ``{unit}`` stands for a unit, which is then taken
from the header, and ``*`` for anything without brackets. A stamp in two columns is written ``date + time``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from meterfarm.records import Commodity, Direction, Measure, Unit


class DateOrder(StrEnum):
    """The order of a date's parts where the year doesn't come first; year first is always understood."""

    YEAR_FIRST = "ymd"
    MONTH_FIRST = "mdy"
    DAY_FIRST = "dmy"


@dataclass(frozen=True, slots=True, kw_only=True)
class What:
    """What a value is, as far as one place of the file shows; other places show the rest."""

    commodity: Commodity | None = None
    measure: Measure | None = None
    direction: Direction | None = None
    unit: Unit | None = None
    power: int | None = None
    """Of ten, by which a value is to be multiplied: 3 for kWh, which are read as Wh."""
    mean: bool | None = None
    """Whether the value is the mean power over its interval, to be read as energy."""
    instant: bool | None = None
    """Whether the value is of an instant and of no interval: a register's standing, a bill's amount."""
    register: str | None = None
    """Distinguishes what the same meter counts in several registers."""

    def over(self, other: What) -> What:
        """``other``, and what this says instead of it."""
        known = {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}
        return replace(other, **known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Where a row's interval stands: ``start``, ``end`` or both, or ``span``.

    What a row doesn't say of its length is taken from ``seconds``, or else from the steps between rows.
    """

    start: str = ""
    end: str = ""
    span: str = ""
    """A column of ``<start> to <end>``."""
    day_above: str = ""
    """A pattern of a line above the table that has the day of its clocks."""
    order: DateOrder = DateOrder.YEAR_FIRST
    end_inclusive: bool = False
    """Whether 00:14 ends the interval that 00:15 begins after."""
    tick: int = 0
    """Seconds by which starts are late: 1 for 00:00:01."""
    hours: bool = False
    """Whether clocks are the hours of a day: 1 to 24, each the hour that ends then."""
    length: str = ""
    """A column of minutes: ``15``, ``15min``."""
    seconds: int = 0
    daily: bool = False
    """Whether a date alone is a day; otherwise it is what the steps between rows make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A column of values."""

    column: str
    what: What = field(default_factory=What)
    optional: bool = False
    unit: str = ""
    """A column of units, for this one."""
    length: str = ""
    """A column of minutes, for this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """A day a row, and a column for each interval, with names that ``columns`` (a pattern) matches.

    Its groups are ``start`` and ``end``, clocks, or ``hour``, the hour that ends then, 1 to 24.
    """

    columns: str
    fewest: int = 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One shape of file that portals hand out."""

    id: str
    title: str
    """The portal's or utility's name, for people."""
    times: Times
    values: Sequence[Value]
    wide: Wide | None = None
    zone: str = ""
    """Where all who use it are; empty where the asker must say."""
    zone_holds: bool = False
    """Whether that zone is part of the format, whatever the asker says."""
    usual_zone: str = ""
    """Where it is known from; taken with a doubt where nobody says better."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """Zones by the first word of a file's name, where the portal names its files so."""
    states: bool = False
    """Whether an address above the table may give the zone, by its state of the USA."""
    what: What = field(default_factory=What)
    """What holds of all values, unless a column says otherwise."""
    meter: Sequence[str] = ()
    """Columns or lines above the table that name the meter: the first that isn't empty does."""
    place: str = ""
    """A line above the table that names a place, by which tables are of meters of their own; never shown."""
    kind: str = ""
    kinds: Mapping[str, What | None] = field(default_factory=dict)
    """What a row is, by a pattern of its cell in the column ``kind``; None for rows to leave out."""
    meters: Mapping[str, What] = field(default_factory=dict)
    """What a row is, by a pattern of its meter's number."""
    unit: str = ""
    """A column of units, for all values."""
    estimated: str = ""
    estimates: Sequence[str] = ()
    """Parts of a cell of the column ``estimated`` that mark a reading as estimated."""
    ignored: Sequence[str] = ()
    """Patterns of columns that are known and not read."""
    has: Sequence[str] = ()
    """Patterns of columns by which it differs from another layout."""
    above: Mapping[str, str] = field(default_factory=dict)
    """Patterns that lines above the table must match, by their label."""
    above_kinds: Mapping[str, Mapping[str, What]] = field(default_factory=dict)
    """What the values are by lines above the table: by the line's label, then by a pattern of its text."""
    several_above: str = ""
    """A label; if there are several such lines, each begins a table of unknown direction."""
    ends_bare: bool = False
    """Whether the portal leaves out the last line's end, which for others means that the file may be cut."""
    comma: bool = False
    """Whether decimals stand after a comma, and thousands after a point."""
    note: str = ""
    doubt: str = ""
    """Sentences that go with every such file, as a note and as a warning."""


ELECTRIC = What(commodity=Commodity.ELECTRIC, direction=Direction.DELIVERED)
DELIVERED = What(direction=Direction.DELIVERED)
RECEIVED = What(direction=Direction.RECEIVED)
NET = What(direction=Direction.NET)
GAS = What(commodity=Commodity.GAS, direction=Direction.DELIVERED)
WATER = What(commodity=Commodity.WATER, direction=Direction.DELIVERED)
KWH = What(measure=Measure.ENERGY, unit=Unit.WH, power=3)
WH = What(measure=Measure.ENERGY, unit=Unit.WH, power=0)
MEAN_KW = What(measure=Measure.ENERGY, unit=Unit.WH, power=3, mean=True)
KW = What(measure=Measure.DEMAND, unit=Unit.W, power=3)
KVAR = What(measure=Measure.DEMAND, unit=Unit.VAR, power=3)
KVA = What(measure=Measure.DEMAND, unit=Unit.VA, power=3)
KVARH = What(measure=Measure.OTHER, unit=Unit.VARH, power=3)
KVAH = What(measure=Measure.OTHER, unit=Unit.VAH, power=3)
M3 = What(measure=Measure.VOLUME, unit=Unit.M3, power=0)
THERM = What(measure=Measure.ENERGY, unit=Unit.THERM, power=0)


def cost(unit: Unit) -> What:
    """Costs in a currency."""
    return What(measure=Measure.COST, unit=unit, power=0)


UNITS: Mapping[str, What] = {
    "kwh": KWH,
    "kw-h": KWH,
    "kw/h": KWH,  # so misspelt by some; of the two it can only be energy
    "wh": WH,
    "mwh": What(measure=Measure.ENERGY, unit=Unit.WH, power=6),
    "kw": KW,
    "w": What(measure=Measure.DEMAND, unit=Unit.W, power=0),
    "mw": What(measure=Measure.DEMAND, unit=Unit.W, power=6),
    "kvarh": KVARH,
    "mvarh": What(measure=Measure.OTHER, unit=Unit.VARH, power=6),
    "varh": What(measure=Measure.OTHER, unit=Unit.VARH, power=0),
    "kvar": KVAR,
    "var": What(measure=Measure.DEMAND, unit=Unit.VAR, power=0),
    "vah": What(measure=Measure.OTHER, unit=Unit.VAH, power=0),
    "kvah": KVAH,
    "kva": KVA,
    "v": What(measure=Measure.OTHER, unit=Unit.V, power=0),
    "volts": What(measure=Measure.OTHER, unit=Unit.V, power=0),
    "therm": THERM,
    "therms": THERM,
    "thm": THERM,
    "ccf": What(measure=Measure.VOLUME, unit=Unit.CCF, power=0),
    "mcf": What(measure=Measure.VOLUME, unit=Unit.CCF, power=1),
    "cf": What(measure=Measure.VOLUME, unit=Unit.FT3, power=0),
    "ft3": What(measure=Measure.VOLUME, unit=Unit.FT3, power=0),
    "cubic feet": What(measure=Measure.VOLUME, unit=Unit.FT3, power=0),
    "m3": M3,
    "m³": M3,
    "cubic meters": M3,
    "cubic metres": M3,
    "gal": What(measure=Measure.VOLUME, unit=Unit.US_GALLON, power=0),
    "gallon": What(measure=Measure.VOLUME, unit=Unit.US_GALLON, power=0),
    "gallons": What(measure=Measure.VOLUME, unit=Unit.US_GALLON, power=0),
    "kgal": What(measure=Measure.VOLUME, unit=Unit.US_GALLON, power=3),
    "l": What(measure=Measure.VOLUME, unit=Unit.LITRE, power=0),
    "btu": What(measure=Measure.ENERGY, unit=Unit.BTU, power=0),
    "mj": What(measure=Measure.ENERGY, unit=Unit.JOULE, power=6),
    "°f": What(measure=Measure.TEMPERATURE, unit=Unit.FAHRENHEIT, power=0),
    "f": What(measure=Measure.TEMPERATURE, unit=Unit.FAHRENHEIT, power=0),
    "°c": What(measure=Measure.TEMPERATURE, unit=Unit.CELSIUS, power=0),
}
