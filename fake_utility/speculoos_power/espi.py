"""Green Button: an Atom feed of ESPI resources (NAESB REQ.21) with one IntervalBlock a day."""

from datetime import UTC, date, datetime
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape

from meterfarm.fake_utility.kit.accounts import Account, Direction, Meter
from meterfarm.fake_utility.kit.calendar import ONE_DAY, midnight
from meterfarm.fake_utility.kit.readings import DayOfReadings
from meterfarm.fake_utility.kit.restating import published

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<feed xmlns="http://www.w3.org/2005/Atom" xsi:schemaLocation="http://naesb.org/espi espiDerived.xsd" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
)
_LOCAL_TIME = (
    '<LocalTimeParameters xmlns="http://naesb.org/espi"><dstEndRule>B40E2000</dstEndRule>'
    "<dstOffset>3600</dstOffset><dstStartRule>360E2000</dstStartRule><tzOffset>-18000</tzOffset>"
    "</LocalTimeParameters>"
)
_ESTIMATED = "<ReadingQuality><quality>8</quality></ReadingQuality>"
_FLOWS: dict[Direction, tuple[int, str]] = {
    "delivered": (1, "Energy delivered"),
    "received": (19, "Energy received"),
}


def green_button(account: Account, meter: Meter, start: date, to: date, *, to_newest: bool = False) -> bytes:
    """All of a meter's readings of the local days `start` to `to`; a solar meter has two series.

    `to_newest`: the last day is the newest available, so that some of its readings are provisional.
    """
    feed = _Feed(meter, to)
    feed.begin(account)
    for number, direction in enumerate(meter.directions, 1):
        feed.series(number, direction, published(meter, direction, start, to, to_newest=to_newest))
    return feed.end()


class _Feed:
    """Entries are dated by the end of the last day: once final, an export of the same days stays the same."""

    def __init__(self, meter: Meter, to: date) -> None:
        self._meter = meter
        self._stamp = datetime.fromtimestamp(midnight(to + ONE_DAY), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._point = f"/espi/1_1/resource/Subscription/{meter.service_number}/UsagePoint/{meter.id}"
        self._parts: list[str] = []

    def begin(self, account: Account) -> None:
        zone = "/espi/1_1/resource/LocalTimeParameters/1"
        self._parts.append(
            f"{_HEAD}<id>{_urn(self._point + '/feed' + self._stamp)}</id>"
            f"<title>Green Button Usage Feed</title><updated>{self._stamp}</updated>"
            f'<link rel="self" href="{self._point}/feed"/>\n'
        )
        kind = 1 if self._meter.commodity == "gas" else 0
        point = (
            f'<UsagePoint xmlns="http://naesb.org/espi"><ServiceCategory><kind>{kind}</kind></ServiceCategory>'
            f"<ServiceDeliveryPoint><name>{escape(str(account.address))}</name>"
            f"<tariffProfile>{escape(self._meter.tariff)}</tariffProfile>"
            f"<customerAgreement>{account.number}</customerAgreement></ServiceDeliveryPoint></UsagePoint>"
        )
        self._entry(self._point, self._meter.id, point, f"{self._point}/MeterReading", zone)
        self._entry(zone, "DST For North America", _LOCAL_TIME)

    def series(self, number: int, direction: Direction, readings: list[DayOfReadings]) -> None:
        flow, title = _FLOWS[direction]
        reading, kind = f"{self._point}/MeterReading/{number}", f"/espi/1_1/resource/ReadingType/{number}"
        blocks = f"{reading}/IntervalBlock"
        self._entry(reading, title, '<MeterReading xmlns="http://naesb.org/espi"/>', blocks, kind)
        self._entry(kind, f"Type of {title.lower()}", _reading_type(self._meter, flow, readings[0].step))
        for day in readings:
            self._entry(f"{blocks}/{day.day:%Y%m%d}", "", _interval_block(day))

    def end(self) -> bytes:
        self._parts.append("</feed>\n")
        return "".join(self._parts).encode()

    def _entry(self, itself: str, title: str, content: str, *related: str) -> None:
        links = "".join(f'<link rel="related" href="{link}"/>' for link in related)
        self._parts.append(
            f'<entry><id>{_urn(itself)}</id><link rel="self" href="{itself}"/>'
            f'<link rel="up" href="{itself.rpartition("/")[0]}"/>{links}<title>{title}</title>'
            f"<content>{content}</content><published>{self._stamp}</published>"
            f"<updated>{self._stamp}</updated></entry>\n"
        )


def _reading_type(meter: Meter, flow: int, step: int) -> str:
    commodity, power, unit = (7, -3, 169) if meter.commodity == "gas" else (1, 0, 72)
    return (
        '<ReadingType xmlns="http://naesb.org/espi"><accumulationBehaviour>4</accumulationBehaviour>'
        f"<commodity>{commodity}</commodity><currency>840</currency><dataQualifier>12</dataQualifier>"
        f"<flowDirection>{flow}</flowDirection><intervalLength>{step}</intervalLength><kind>12</kind>"
        f"<phase>0</phase><powerOfTenMultiplier>{power}</powerOfTenMultiplier><timeAttribute>0</timeAttribute>"
        f"<uom>{unit}</uom></ReadingType>"
    )


def _interval_block(day: DayOfReadings) -> str:
    step, start = day.step, day.start
    readings = [
        f"<IntervalReading>{_ESTIMATED if place in day.estimated else ''}"
        f"<timePeriod><duration>{step}</duration><start>{start + place * step}</start></timePeriod>"
        f"<value>{value}</value></IntervalReading>"
        for place, value in enumerate(day.values)
    ]
    return (
        '<IntervalBlock xmlns="http://naesb.org/espi"><interval>'
        f"<duration>{step * len(readings)}</duration><start>{start}</start></interval>"
        f"{''.join(readings)}</IntervalBlock>"
    )


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, 'https://speculoos.example' + name)}"
