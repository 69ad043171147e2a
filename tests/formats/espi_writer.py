"""Writes series as Green Button, in one of the shapes utilities use; for tests that read them back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from meterfarm.formats.readings_csv import plain
from meterfarm.records import Commodity, Direction, Measure, Reading, Series, Unit

UNITS = {
    Measure.ENERGY: {Unit.WH: 72, Unit.JOULE: 31, Unit.BTU: 132, Unit.THERM: 169},
    Measure.VOLUME: {
        Unit.M3: 42,
        Unit.FT3: 119,
        Unit.US_GALLON: 128,
        Unit.IMPERIAL_GALLON: 130,
        Unit.LITRE: 134,
    },
    Measure.DEMAND: {Unit.W: 38, Unit.VA: 61},
    Measure.TEMPERATURE: {Unit.CELSIUS: 23, Unit.FAHRENHEIT: 279, Unit.KELVIN: 6},
    Measure.OTHER: {Unit.VARH: 73, Unit.VAH: 71, Unit.VAR: 63, Unit.V: 29, Unit.A: 5, Unit.HZ: 33},
}
_CODES = {unit: code for units in UNITS.values() for unit, code in units.items()}
_FLOWS = {Direction.DELIVERED: 1, Direction.RECEIVED: 19, Direction.NET: 4, Direction.UNKNOWN: 0}
_COMMODITIES = {Commodity.ELECTRIC: (0, 1), Commodity.GAS: (1, 7), Commodity.WATER: (2, 9)}

LinkStyle = Literal["both", "up", "related", "none"]


@dataclass(frozen=True)
class Shape:
    """How a feed is built. ``host`` comes before every second href, ``query`` after it."""

    prefix: str = ""
    links: LinkStyle = "both"
    decimals: bool = False
    block: int = 96
    blocks_an_entry: int = 1
    types_last: bool = False
    lengths_in_type: bool = False
    start_first: bool = False
    atom: bool = True
    host: str = ""
    query: str = ""
    gap: str = ""


def green_button(series: Sequence[Series], shape: Shape | None = None) -> bytes:
    """A feed of ``series``, each a meter reading of one usage point."""
    return "".join(_Feed(shape or Shape()).parts(series)).encode()


class _Feed:
    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._prefix = f"{shape.prefix}:" if shape.prefix else ""
        self._namespace = f' xmlns{":" if shape.prefix else ""}{shape.prefix}="http://naesb.org/espi"'
        self._hrefs = 0

    def parts(self, series: Sequence[Series]) -> Iterator[str]:
        atom = self._shape.atom
        yield '<?xml version="1.0" encoding="UTF-8"?>'
        yield '<feed xmlns="http://www.w3.org/2005/Atom">' if atom else "<export>"
        kind, _ = _COMMODITIES[series[0].commodity]
        point = self.element("ServiceCategory", self.element("kind", kind))
        serial = "" if atom else self.element("serialNumber", series[0].meter_id)
        own = "User/9/UsagePoint/1"
        yield self.entry(
            own, f"{own}/MeterReading", series[0].meter_id, self.outer("UsagePoint", point + serial)
        )
        for number, each in enumerate(series, 1):
            yield from self.meter_reading(f"{own}/MeterReading/{number}", f"ReadingType/{number}", each)
        yield "</feed>" if atom else "</export>"

    def meter_reading(self, own: str, kind: str, series: Series) -> Iterator[str]:
        yield self.entry(own, kind, "", self.outer("MeterReading", ""))
        exponent = 0 if self._shape.decimals else series.exponent
        type_entry = self.entry(kind, "", "", self.outer("ReadingType", self.codes(series, exponent)), up=own)
        if not self._shape.types_last:
            yield type_entry
        step = self._shape.block * self._shape.blocks_an_entry
        for first in range(0, len(series.readings), step):
            blocks = [
                series.readings[start : start + self._shape.block]
                for start in range(first, min(first + step, len(series.readings)), self._shape.block)
            ]
            content = "".join(
                self.outer(
                    "IntervalBlock", "".join(self.reading(each, series.exponent - exponent) for each in block)
                )
                for block in blocks
            )
            yield self.entry(f"{own}/IntervalBlock/{first}", "", "", content)
        if self._shape.types_last:
            yield type_entry

    def codes(self, series: Series, exponent: int) -> str:
        length = {"intervalLength": series.readings[0].seconds} if self._shape.lengths_in_type else {}
        codes = {
            "accumulationBehaviour": 1 if series.measure is Measure.REGISTER else 4,
            "commodity": _COMMODITIES[series.commodity][1],
            "flowDirection": _FLOWS[series.direction],
            **length,
            "powerOfTenMultiplier": exponent,
            "uom": _CODES[series.unit],
        }
        return "".join(self.element(name, code) for name, code in codes.items())

    def element(self, name: str, content: object) -> str:
        return f"{self._shape.gap}<{self._prefix}{name}>{content}</{self._prefix}{name}>"

    def outer(self, name: str, content: str) -> str:
        return f"<{self._prefix}{name}{self._namespace}>{content}</{self._prefix}{name}>"

    def entry(self, own: str, related: str, title: str, content: str, up: str = "") -> str:
        if not self._shape.atom:
            return content
        links = {"self": own}
        if self._shape.links in ("both", "up"):
            links["up"] = up if self._shape.links == "up" and up else own.rpartition("/")[0]
        if self._shape.links in ("both", "related") and related:
            links["related"] = related
        if self._shape.links == "none":
            links = {}
        hrefs = "".join(f'<link rel="{rel}" href="{self.href(href)}"/>' for rel, href in links.items())
        return f"<entry>{hrefs}<title>{title}</title><content>{content}</content></entry>"

    def href(self, path: str) -> str:
        self._hrefs += 1
        return f"{self._shape.host if self._hrefs % 2 else ''}/{path}{self._shape.query}"

    def reading(self, reading: Reading, exponent: int) -> str:
        quality = self.element("ReadingQuality", self.element("quality", 8)) if reading.estimated else ""
        duration = "" if self._shape.lengths_in_type else self.element("duration", reading.seconds)
        start = self.element("start", reading.start)
        period = start + duration if self._shape.start_first else duration + start
        value = self.element("value", plain(reading.mantissa, exponent))
        return self.element("IntervalReading", quality + self.element("timePeriod", period) + value)
