"""What readings are by their reading type, or by all of several that they may have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from meterfarm.formats.espi.reading import ESTIMATED, LENGTH_LIMIT, price_period
from meterfarm.formats.espi.resources import ReadingType
from meterfarm.formats.espi.stream import Stream
from meterfarm.formats.espi.units import ReadingKind, kind_of, shown
from meterfarm.records import Commodity, Direction, Measure, Unit

_SCALE = {"uom", "powerOfTenMultiplier"}
_ADDING_UP = {"accumulationBehaviour", "dataQualifier"}
_PLAIN = {"uom", "powerOfTenMultiplier", "commodity", "flowDirection", "currency", *_ADDING_UP}


def stream_of(meter_id: str, service_kind: str, types: Sequence[ReadingType]) -> Stream:
    """A stream without readings; of several types it is what they agree on."""
    if not types:
        return Stream(meter_id, kind_of(None, service_kind))
    codes = types[0].codes if len(types) == 1 else _agreed(types)
    length = codes.get("intervalLength", "")
    seconds = int(length) if re.fullmatch(r"[0-9]{1,9}", length) else 0
    kind = kind_of(codes, service_kind)
    stream = Stream(
        meter_id,
        kind if len(types) == 1 else _without_what_differs(kind, types),
        seconds if seconds <= LENGTH_LIMIT else 0,
        codes.get("defaultQuality", "") in ESTIMATED,
        price_period(codes.get("tou", "")),
    )
    return _as_ours(stream, types[0].ours) if len(types) == 1 and types[0].ours else stream


def _agreed(types: Sequence[ReadingType]) -> Mapping[str, str]:
    differ = _differing(types)
    return {name: code for name, code in types[0].codes.items() if name not in differ}


def _differing(types: Sequence[ReadingType]) -> set[str]:
    names = {name for each in types for name in each.codes}
    return {name for name in names if len({each.codes.get(name, "") for each in types}) > 1}


def _without_what_differs(kind: ReadingKind, types: Sequence[ReadingType]) -> ReadingKind:
    differ = _differing(types)
    doubts = kind.doubts
    if differ & _SCALE:
        kind = replace(kind, unit=Unit.UNKNOWN, measure=Measure.OTHER, exponent=0)
        doubts = ()
    if differ & _ADDING_UP:
        kind = replace(kind, measure=Measure.OTHER)
    if "commodity" in differ:
        kind = replace(kind, commodity=Commodity.OTHER)
    codes = "; ".join(
        f"{name} {' or '.join(dict.fromkeys(shown(each.codes.get(name, '')) for each in types))}"
        for name in sorted(differ & _PLAIN)
    )
    what = f"the file does not show which of {len(types)} reading types is theirs" + (
        f" ({codes})" if codes else ""
    )
    return replace(kind, doubts=(*doubts, what))


def _as_ours(stream: Stream, ours: Mapping[str, str]) -> Stream:
    """With what our own writer added, for which ESPI has no codes."""
    with suppress(KeyError, ValueError):
        kind = replace(
            stream.kind,
            commodity=Commodity(ours["commodity"]),
            measure=Measure(ours["measure"]),
            direction=Direction(ours["direction"]),
            unit=Unit(ours["unit"]),
            doubts=(),
        )
        exponent = int(ours["exponent"][:8])
        by_hundreds = kind.unit is Unit.CCF and stream.kind.unit is Unit.FT3
        if by_hundreds:
            kind = replace(kind, exponent=kind.exponent - 2)
        if by_hundreds or kind.unit is stream.kind.unit or stream.kind.unit is Unit.UNKNOWN:
            return replace(stream, kind=kind, exponent=exponent)
    return stream
