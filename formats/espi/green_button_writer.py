"""Series as a Green Button (ESPI) feed, valid by its schema, that any tool for such files can read.

ESPI has no code for some of what records can say (hundreds of cubic feet, a meter's own id, costs apart from
what they are of), so resources carry it in their ``extension`` too, where ``green_button`` finds it again.

Source of codes and of the order of elements: NAESB REQ.21, espi.xsd; of entries: Atom, RFC 4287.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.local_time import local_time
from meterfarm.formats.espi.resources import OURS
from meterfarm.formats.espi.units import COMMODITIES, CURRENCIES, DIRECTIONS, MONEY, SERVICES, UNITS
from meterfarm.records import Measure, Reading, Series, Unit

_UNIT_CODES = {unit: code for code, unit in reversed(UNITS.items())} | {Unit.CCF: "119"}
_CURRENCY_CODES = {unit: code for code, unit in reversed(CURRENCIES.items())}
_COMMODITY_CODES = {commodity: code for code, commodity in reversed(COMMODITIES.items())}
_SERVICE_CODES = {commodity: code for code, commodity in SERVICES.items()}
_FLOW_CODES = {direction: code for code, direction in DIRECTIONS.items()}
_KINDS = {  # ReadingType.kind: energy 12, volume 58, demand 8, temperature 46, currency 3
    Measure.ENERGY: 12,
    Measure.VOLUME: 58,
    Measure.DEMAND: 8,
    Measure.TEMPERATURE: 46,
    Measure.COST: 3,
}
# the same: voltage, current, frequency
_KINDS_OF_UNITS = {Unit.V: 54, Unit.A: 4, Unit.HZ: 15} | dict.fromkeys((Unit.WH, Unit.JOULE), 12)
# ReadingType.accumulationBehaviour: delta data 4, bulk quantity 1
_ACCUMULATIONS = {Measure.ENERGY: 4, Measure.VOLUME: 4, Measure.COST: 4, Measure.REGISTER: 1}
_NORMAL, _ESTIMATED = 12, 8  # ReadingType.dataQualifier normal; ReadingQuality.quality estimated
_EXPONENTS = range(-12, 13)
_LARGEST = 2**47 - 1  # Int48, the type of IntervalReading.value
_LONG, _LONG_ONES = 20 * 3600, 31  # readings of about a day or more, and how many of them a block holds
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" '
    'xmlns:espi="http://naesb.org/espi">\n'
)


@dataclass(frozen=True, slots=True)
class StreamedSeries:
    """A series of which the readings come later: ``series`` has none. ``seconds`` is their usual length.

    None where some have no length, since they would take the usual one for theirs.
    """

    series: Series
    seconds: int | None
    readings: Iterable[Reading]


def write_green_button(file: BinaryIO, series: Sequence[Series], zone: ZoneInfo) -> None:
    """Write series to ``file``, by meter; the same series always make the same bytes.

    ``zone`` is where the meters are: blocks of readings are its days.

    Raises:
        FormatError: The format cannot hold an amount or a meter's id.
    """
    meters: dict[str, list[Series]] = {}
    for one in series:
        if one.readings:
            meters.setdefault(one.meter_id, []).append(one)
    ends = [one.readings[-1].ends_at for of_meter in meters.values() for one in of_meter]
    streamed = [
        (meter_id, [StreamedSeries(one, _interval_length(one.readings), one.readings) for one in of_meter])
        for meter_id, of_meter in meters.items()
    ]
    for part in green_button_parts(streamed, max(ends, default=datetime.fromtimestamp(0, UTC)), zone):
        file.write(part.encode())


def green_button_parts(
    meters: Iterable[tuple[str, Sequence[StreamedSeries]]], newest: datetime, zone: ZoneInfo
) -> Iterator[str]:
    """The feed of series by meter, in parts: a block of readings is one. ``newest`` dates the entries.

    Raises:
        FormatError: The format cannot hold an amount or a meter's id.
    """
    entries = _Entries(newest)
    yield _HEAD
    yield f"<id>{_urn('feed')}</id><title>Usage</title><updated>{entries.stamp}</updated>\n"
    yield entries.entry("LocalTimeParameters/1", (), "Local time", _local_time(zone, newest.year))
    for number, (meter_id, of_meter) in enumerate(meters, 1):
        yield from _meter(entries, f"UsagePoint/{number}", meter_id, of_meter, zone)
    yield "</feed>\n"


class _Entries:
    """Atom entries, all of one instant: an export of the same readings stays the same."""

    def __init__(self, newest: datetime) -> None:
        self.stamp = newest.strftime("%Y-%m-%dT%H:%M:%SZ")

    def entry(self, own: str, related: Sequence[str], title: str, content: str) -> str:
        links = "".join(f'<link rel="related" href="{href}"/>' for href in related)
        return (
            f'<entry><id>{_urn(own)}</id><link rel="self" href="{own}"/>'
            f'<link rel="up" href="{own.rpartition("/")[0]}"/>{links}<title>{escape(title)}</title>'
            f"<published>{self.stamp}</published><updated>{self.stamp}</updated>"
            f'<content type="application/xml">{content}</content></entry>\n'
        )


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{OURS}/{name}')}"


def _local_time(zone: ZoneInfo, year: int) -> str:
    local = local_time(zone, year)
    return (
        f"<espi:LocalTimeParameters><espi:dstEndRule>{local.dst_end_rule}</espi:dstEndRule>"
        f"<espi:dstOffset>{local.dst_offset}</espi:dstOffset>"
        f"<espi:dstStartRule>{local.dst_start_rule}</espi:dstStartRule>"
        f"<espi:tzOffset>{local.tz_offset}</espi:tzOffset></espi:LocalTimeParameters>"
    )


def _meter(
    entries: _Entries, own: str, meter_id: str, series: Sequence[StreamedSeries], zone: ZoneInfo
) -> Iterator[str]:
    if _NO_XML.search(meter_id):
        raise FormatError("A meter's id has a character that XML cannot hold: it cannot be written.")
    service = _SERVICE_CODES.get(series[0].series.commodity)
    category = f"<espi:kind>{service}</espi:kind>" if service else ""
    category = f"<espi:ServiceCategory>{category}</espi:ServiceCategory>" if service else ""
    point = f"<espi:UsagePoint>{_extension(meter=meter_id)}{category}</espi:UsagePoint>"
    related = (f"{own}/MeterReading", "LocalTimeParameters/1")
    yield entries.entry(own, related, meter_id, point)
    for number, streamed in enumerate(series, 1):
        one = streamed.series
        reading, kind = f"{own}/MeterReading/{number}", f"ReadingType/{own.rpartition('/')[2]}-{number}"
        title = f"{one.commodity} {one.measure} {one.direction}"
        yield entries.entry(reading, (f"{reading}/IntervalBlock", kind), title, "<espi:MeterReading/>")
        yield entries.entry(kind, (), title, _reading_type(one, streamed.seconds))
        for block in _blocks(streamed.readings, zone):
            content = _interval_block(block, _scale(one))
            yield entries.entry(f"{reading}/IntervalBlock/{block[0].start}", (), "", content)


def _extension(**texts: str) -> str:
    attributes = "".join(f" {name}={quoteattr(text)}" for name, text in texts.items())
    return f'<espi:extension><series xmlns="{OURS}"{attributes}/></espi:extension>'


def _reading_type(series: Series, seconds: int | None) -> str:
    unit, measure = series.unit, series.measure
    money = unit in _CURRENCY_CODES or (measure is Measure.COST and unit is Unit.UNKNOWN)
    codes = {
        "accumulationBehaviour": _ACCUMULATIONS.get(measure, 0),
        "commodity": _COMMODITY_CODES.get(series.commodity, 0),
        "currency": _CURRENCY_CODES.get(unit, 0),
        "dataQualifier": _NORMAL,
        "flowDirection": _FLOW_CODES.get(series.direction, 0),
        "intervalLength": seconds,
        "kind": _KINDS.get(measure) or _KINDS_OF_UNITS.get(unit, 0),
        "powerOfTenMultiplier": _multiplier(series),
        "uom": MONEY if money else _UNIT_CODES.get(unit, 0),
    }
    ours = _extension(
        commodity=series.commodity,
        measure=measure,
        direction=series.direction,
        unit=unit,
        exponent=str(series.exponent),
    )
    elements = "".join(
        f"<espi:{name}>{code}</espi:{name}>" for name, code in codes.items() if code is not None
    )
    return f"<espi:ReadingType>{ours}{elements}</espi:ReadingType>"


def _interval_length(readings: Sequence[Reading]) -> int | None:
    """The usual one; none where some have none, since those would take it for theirs."""
    lengths = Counter(reading.seconds for reading in readings)
    return None if 0 in lengths else lengths.most_common(1)[0][0]


def _multiplier(series: Series) -> int:
    """The power of ten of the values as they are written."""
    shift = 2 if series.unit is Unit.CCF else 0  # in cubic feet
    return min(max(series.exponent + shift, _EXPONENTS.start), _EXPONENTS.stop - 1)


def _scale(series: Series) -> int:
    """What mantissas are multiplied by, where a multiplier cannot be as large as their exponent."""
    shift = 2 if series.unit is Unit.CCF else 0
    places = series.exponent + shift - _multiplier(series)
    if places < 0:
        raise FormatError(
            f"Amounts of 10^{series.exponent} are too fine for Green Button, which ends at 10^-12."
        )
    return int(10**places)


def _blocks(readings: Iterable[Reading], zone: ZoneInfo) -> Iterator[list[Reading]]:
    """Readings by local day, long ones some at a time."""
    block: list[Reading] = []
    first, end = 0, 0
    for reading in readings:
        full = not first <= reading.start < end
        if reading.seconds >= _LONG:
            full = len(block) >= _LONG_ONES
        elif full:
            first, end = _local_day(reading.start, zone)
        if full and block:
            yield block
            block = []
        block.append(reading)
    if block:
        yield block


def _local_day(instant: int, zone: ZoneInfo) -> tuple[int, int]:
    """When the local day of an instant begins and ends."""
    local = datetime.fromtimestamp(instant, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return int(local.timestamp()), int((local + timedelta(days=1)).timestamp())


def _interval_block(readings: Sequence[Reading], scale: int) -> str:
    start = min(reading.start for reading in readings)
    seconds = max(reading.start + reading.seconds for reading in readings) - start
    return (
        f"<espi:IntervalBlock><espi:interval><espi:duration>{seconds}</espi:duration>"
        f"<espi:start>{start}</espi:start></espi:interval>"
        f"{''.join(_reading(reading, scale) for reading in readings)}</espi:IntervalBlock>"
    )


def _reading(reading: Reading, scale: int) -> str:
    value = reading.mantissa * scale
    if abs(value) > _LARGEST:
        raise FormatError(f"The amount {value} is larger than Green Button can hold, which is {_LARGEST}.")
    quality = (
        f"<espi:ReadingQuality><espi:quality>{_ESTIMATED}</espi:quality></espi:ReadingQuality>"
        if reading.estimated
        else ""
    )
    return (
        f"<espi:IntervalReading>{quality}<espi:timePeriod><espi:duration>{reading.seconds}</espi:duration>"
        f"<espi:start>{reading.start}</espi:start></espi:timePeriod><espi:value>{value}</espi:value>"
        "</espi:IntervalReading>"
    )
