"""Writes series as Green Button, in one of the shapes utilities use; for tests that read them back."""

from __future__ import annotations

from collections.abc import Sequence

from formats.readings_csv import plain
from records import Commodity, Direction, Reading, Series, Unit

_UNITS = {Unit.WH: (72, 0), Unit.THERM: (169, 0), Unit.CCF: (119, 2)}
_FLOWS = {Direction.DELIVERED: 1, Direction.RECEIVED: 19, Direction.NET: 4}
_COMMODITIES = {Commodity.ELECTRIC: (0, 1), Commodity.GAS: (1, 7)}


def green_button(
    series: Sequence[Series],
    *,
    prefix: str = "",
    linked: bool = True,
    decimals: bool = False,
    block: int = 96,
) -> bytes:
    """A feed of ``series`` (each a meter reading of one usage point) with ``block`` readings a block.

    With ``decimals`` values carry a decimal point, else a multiplier. Not ``linked``: only the order tells.
    """
    feed = _Feed(prefix, linked)
    kind, commodity = _COMMODITIES[series[0].commodity]
    category = feed.element("ServiceCategory", feed.element("kind", kind))
    feed.entry("UsagePoint/1", "UsagePoint/1/MeterReading", series[0].meter_id, "UsagePoint", category)
    for number, each in enumerate(series, 1):
        own = f"UsagePoint/1/MeterReading/{number}"
        feed.entry(own, f"ReadingType/{number}", "", "MeterReading", "")
        unit, shift = _UNITS[each.unit]
        exponent = 0 if decimals else each.exponent + shift
        codes = {"accumulationBehaviour": 4, "commodity": commodity, "flowDirection": _FLOWS[each.direction]}
        codes |= {"powerOfTenMultiplier": exponent, "uom": unit}
        kinds = "".join(feed.element(name, code) for name, code in codes.items())
        feed.entry(f"ReadingType/{number}", "", "", "ReadingType", kinds)
        for first in range(0, len(each.readings), block):
            readings = [
                feed.reading(reading, each.exponent + shift - exponent)
                for reading in each.readings[first : first + block]
            ]
            feed.entry(f"{own}/IntervalBlock/{first}", "", "", "IntervalBlock", "".join(readings))
    return feed.end()


class _Feed:
    def __init__(self, prefix: str, linked: bool) -> None:
        self._prefix = f"{prefix}:" if prefix else ""
        self._namespace = f' xmlns{":" if prefix else ""}{prefix}="http://naesb.org/espi"'
        self._linked = linked
        self._parts = ['<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">']

    def element(self, name: str, content: object) -> str:
        return f"<{self._prefix}{name}>{content}</{self._prefix}{name}>"

    def entry(self, own: str, related: str, title: str, name: str, content: str) -> None:
        up = own.rpartition("/")[0]
        links = (("self", own), ("up", up), ("related", related)) if self._linked else ()
        hrefs = "".join(f'<link rel="{rel}" href="{href}"/>' for rel, href in links)
        element = f"<{self._prefix}{name}{self._namespace}>{content}</{self._prefix}{name}>"
        self._parts.append(f"<entry>{hrefs}<title>{title}</title><content>{element}</content></entry>")

    def reading(self, reading: Reading, exponent: int) -> str:
        quality = self.element("ReadingQuality", self.element("quality", 8)) if reading.estimated else ""
        period = self.element("duration", reading.seconds) + self.element("start", reading.start)
        value = self.element("value", plain(reading.mantissa, exponent))
        return self.element("IntervalReading", quality + self.element("timePeriod", period) + value)

    def end(self) -> bytes:
        return ("".join(self._parts) + "</feed>").encode()
