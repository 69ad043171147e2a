"""From readings to the fields of an interval: Bayou's five, and what of gas has none of them.

Electricity is in whole Wh and W. Gas is in therms where it was measured in therms; in any other unit it is
never converted, and stands in ``gas_quantity`` with its ``gas_unit``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from meterfarm.records import Commodity, Direction, Measure, Unit
from meterfarm.storage.data import DatedReading, ReadingChannel

CONSUMPTION = "electricity_consumption"
NET = "net_electricity_consumption"
GENERATED = "generated_electricity"
DEMAND = "electricity_demand"
GAS = "gas_consumption"
BAYOUS = (CONSUMPTION, NET, GENERATED, DEMAND, GAS)
"""In the order in which an interval has them."""
OTHER_GAS = "gas_quantity"
_USED = (Direction.DELIVERED, Direction.UNKNOWN)
_KEY, _SEEN, _UPDATED = itemgetter(0, 1), itemgetter(4), itemgetter(5)

Values = Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Columns:
    """Intervals of a meter, a list for each field, by start; instants in epoch seconds.

    Electricity is in Wh and W; gas is a mantissa of the channel's exponent. ``changed`` is None until an
    interval has changed since it was ``created``.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    values: Mapping[str, Values]
    created: Sequence[int]
    changed: Values
    estimated: Sequence[bool]


def sources(channels: Sequence[ReadingChannel]) -> Mapping[str, ReadingChannel]:
    """The channel that each field is taken from, for those fields that the meter has."""
    wanted = {
        CONSUMPTION: (Measure.ENERGY, Unit.WH, _USED),
        NET: (Measure.ENERGY, Unit.WH, (Direction.NET,)),
        GENERATED: (Measure.ENERGY, Unit.WH, (Direction.RECEIVED,)),
        DEMAND: (Measure.DEMAND, Unit.W, (*_USED, Direction.NET)),
    }
    found = {
        field: channel
        for field, (measure, unit, directions) in wanted.items()
        for channel in _by_direction(channels, directions)
        if (channel.commodity, channel.measure, channel.unit) == (Commodity.ELECTRIC, measure, unit)
    }
    for channel in _by_direction(channels, (*_USED, Direction.NET)):
        if channel.commodity is Commodity.GAS:
            found[GAS if channel.unit is Unit.THERM else OTHER_GAS] = channel
    return found


def _by_direction(
    channels: Sequence[ReadingChannel], directions: Sequence[Direction]
) -> Sequence[ReadingChannel]:
    """The preferred one last."""
    chosen = [channel for channel in channels if channel.direction in directions]
    return sorted(chosen, key=lambda channel: -directions.index(channel.direction))


def columns(
    fields: Mapping[str, ReadingChannel], parts: Sequence[Sequence[DatedReading]], updated_after: int | None
) -> Columns:
    """Readings of one start and length made one interval; ``parts`` are by field, in the order of ``fields``.

    With ``updated_after`` only intervals that are new or changed since.
    """
    complete = _aligned(parts)
    if complete is not None:
        keys = list(map(_KEY, complete[0]))
        created = _each(min, [list(map(_SEEN, part)) for part in complete])
        updated = _each(max, [list(map(_UPDATED, part)) for part in complete])
        estimated = [
            any(flags) for flags in zip(*([row[3] for row in part] for part in complete), strict=True)
        ]
        values = [[row[2] for row in part] for part in complete]
        return _made(fields, keys, values, (created, updated, estimated), updated_after)
    by_key = [dict(zip(map(_KEY, part), part, strict=True)) for part in parts]
    keys = sorted(set[tuple[int, int]]().union(*by_key))
    rows = [[found[key] for found in by_key if key in found] for key in keys]
    dates = (
        [min(map(_SEEN, group)) for group in rows],
        [max(map(_UPDATED, group)) for group in rows],
        [any(row[3] for row in group) for group in rows],
    )
    sparse = [[found[key][2] if key in found else None for key in keys] for found in by_key]
    return _made(fields, keys, sparse, dates, updated_after)


_Dates = tuple[Sequence[int], Sequence[int], Sequence[bool]]


def _made(
    fields: Mapping[str, ReadingChannel],
    keys: Sequence[tuple[int, int]],
    mantissas: Sequence[Values],
    dates: _Dates,
    updated_after: int | None,
) -> Columns:
    created, updated, estimated = dates
    values: dict[str, Values] = {
        field: mantissas_of if field in (GAS, OTHER_GAS) else _whole(mantissas_of, channel.exponent)
        for (field, channel), mantissas_of in zip(fields.items(), mantissas, strict=True)
    }
    if NET not in values and CONSUMPTION in values and GENERATED in values:
        both = zip(values[CONSUMPTION], values[GENERATED], strict=True)
        values[NET] = [None if taken is None or given is None else taken - given for taken, given in both]
    changed = [later if later > first else None for first, later in zip(created, updated, strict=True)]
    starts = [start for start, _ in keys]
    ends = [start + seconds for start, seconds in keys]
    found = Columns(starts, ends, values, created, changed, estimated)
    if updated_after is None:
        return found
    return picked(found, [place for place, later in enumerate(updated) if later > updated_after])


def picked(columns: Columns, places: Sequence[int]) -> Columns:
    """Of the intervals those at these places."""
    return Columns(
        [columns.starts[place] for place in places],
        [columns.ends[place] for place in places],
        {field: [values[place] for place in places] for field, values in columns.values.items()},
        [columns.created[place] for place in places],
        [columns.changed[place] for place in places],
        [columns.estimated[place] for place in places],
    )


def _aligned(parts: Sequence[Sequence[DatedReading]]) -> Sequence[Sequence[DatedReading]] | None:
    """The parts, if all have readings of the same starts and lengths, as most meters do."""
    keys = list(map(_KEY, parts[0]))
    return parts if all(list(map(_KEY, part)) == keys for part in parts[1:]) else None


def _each(choose: Callable[..., int], numbers: Sequence[Sequence[int]]) -> Sequence[int]:
    return numbers[0] if len(numbers) == 1 else list(map(choose, *numbers))


def _whole(mantissas: Values, exponent: int) -> Values:
    """Whole numbers; halves go to the even one, so that many of them add up to what they were."""
    if exponent == 0:
        return mantissas
    if exponent > 0:
        factor = 10**exponent
        return [None if mantissa is None else mantissa * factor for mantissa in mantissas]
    unit = 10**-exponent
    return [None if mantissa is None else _rounded(mantissa, unit) for mantissa in mantissas]


def _rounded(mantissa: int, unit: int) -> int:
    whole, rest = divmod(mantissa, unit)
    return whole + (2 * rest > unit or (2 * rest == unit and whole % 2 == 1))
