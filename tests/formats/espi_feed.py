"""Small Green Button feeds, written entry by entry, for what a writer of plausible ones never writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meterfarm.formats.espi.green_button import read_green_button
from meterfarm.records import IntervalData, Severity

DAY = 1_704_067_200
"""2024-01-01 00:00 UTC."""
ESPI = 'xmlns="http://naesb.org/espi"'


def feed(*entries: str, attributes: str = "") -> bytes:
    head = f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"{attributes}>'
    return f"{head}{''.join(entries)}</feed>".encode()


def entry(
    content: str, own: str = "", up: str = "", related: Iterable[str] = (), title: str = "", base: str = ""
) -> str:
    links = [("self", own), ("up", up), *(("related", each) for each in related)]
    hrefs = "".join(f'<link rel="{rel}" href="{href}"/>' for rel, href in links if href)
    attribute = f' xml:base="{base}"' if base else ""
    return f"<entry{attribute}>{hrefs}<title>{title}</title><content>{content}</content></entry>"


def usage_point(own: str, title: str = "", kind: int = 0, serial: str = "", base: str = "") -> str:
    number = f"<serialNumber>{serial}</serialNumber>" if serial else ""
    content = (
        f"<UsagePoint {ESPI}><ServiceCategory><kind>{kind}</kind></ServiceCategory>{number}</UsagePoint>"
    )
    return entry(content, own, own.rpartition("/")[0], [f"{own}/MeterReading"] if own else (), title, base)


def meter_reading(own: str, kind: str, up: str = "", base: str = "", more: Sequence[str] = ()) -> str:
    related = (f"{own}/IntervalBlock", kind, *more)
    return entry(f"<MeterReading {ESPI}/>", own, up or own.rpartition("/")[0], related, "", base)


def reading_type(own: str, **codes: int) -> str:
    known = {
        "accumulationBehaviour": 4,
        "commodity": 1,
        "flowDirection": 1,
        "intervalLength": 3600,
        "uom": 72,
    }
    elements = "".join(f"<{name}>{code}</{name}>" for name, code in (known | codes).items())
    return entry(f"<ReadingType {ESPI}>{elements}</ReadingType>", own, own.rpartition("/")[0], ())


def block(
    own: str,
    values: Iterable[object],
    start: int = DAY + 6 * 3600,
    seconds: int | None = 3600,
    up: str = "",
    related: Iterable[str] = (),
    base: str = "",
) -> str:
    """An entry of one block. ``own`` is its meter reading, unless it ends in a block's own number."""
    own = own if "IntervalBlock" in own else f"{own}/IntervalBlock/{start}"
    step = seconds or 3600
    length = "" if seconds is None else f"<duration>{seconds}</duration>"
    readings = "".join(
        f"<IntervalReading><timePeriod>{length}<start>{start + place * step}</start></timePeriod>"
        f"<value>{value}</value></IntervalReading>"
        for place, value in enumerate(values)
    )
    content = f"<IntervalBlock {ESPI}>{readings}</IntervalBlock>"
    return entry(content, own, up or own.rpartition("/")[0], related, "", base)


def sums(content: bytes) -> list[tuple[str, str, str, int]]:
    """Meter, direction, unit and sum of each series."""
    return [
        (each.meter_id, each.direction.value, each.unit.value, sum(one.mantissa for one in each.readings))
        for each in read_green_button(content).series
    ]


def told(read: IntervalData, severity: Severity = Severity.WARNING) -> list[str]:
    return [str(each) for each in read.issues if each.severity is severity]
