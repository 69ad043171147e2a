"""A streaming walk over ESPI (Green Button) XML: the resources of a feed in document order, still unlinked.

Namespaces and prefixes do not matter, nor whether a resource sits in an Atom entry or stands bare. Elements
are dropped as soon as they are read, so memory grows with the readings and not with the file. No document
type, entity or network is ever followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO

from lxml import etree

from formats.errors import FormatError
from formats.espi_reading import RawReading
from formats.espi_runs import Runs
from formats.sniff import looks_like_html

_HOST = re.compile(r"^\w+://[^/]*")
_READ = ("entry", "IntervalReading", "IntervalBlock", "UsagePoint", "MeterReading", "ReadingType")
_KNOWN = ("UsageSummary", "ElectricPowerUsageSummary", "ElectricPowerQualitySummary", "LocalTimeParameters")
_TAGS = tuple(f"{{*}}{name}" for name in _READ + _KNOWN)


@dataclass(frozen=True, slots=True)
class Links:
    """An entry's title and hrefs, each a path without host and outer slashes; empty for a bare resource."""

    title: str = ""
    own: str = ""
    up: str = ""
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UsagePoint:
    service_kind: str
    serial: str
    links: Links


@dataclass(frozen=True, slots=True)
class MeterReading:
    links: Links


@dataclass(frozen=True, slots=True)
class ReadingType:
    """The codes as the file has them, by element name."""

    codes: Mapping[str, str]
    links: Links


@dataclass(frozen=True, slots=True)
class IntervalBlock:
    """``unreadable`` counts its readings without a usable start, length or value."""

    readings: list[RawReading]
    unreadable: int
    links: Links


Resource = UsagePoint | MeterReading | ReadingType | IntervalBlock


def walk(content: bytes) -> Iterator[Resource]:
    """Yield the resources of a Green Button file.

    Raises FormatError if it is empty, a web page, damaged, declares a document type or holds nothing of ESPI.
    """
    if not content.strip():
        raise FormatError("The Green Button file is empty: download it again.")
    if looks_like_html(content):
        raise FormatError("The Green Button file is a web page (HTML) instead of XML: download it again.")
    found = _quickly(content)
    try:
        yield from _resources(content, Runs(b"")) if found is None else found
    except etree.XMLSyntaxError as exc:
        line = exc.lineno or 1
        raise FormatError(
            f"The Green Button file is cut short or damaged at line {line}: download it again."
        ) from exc


def _quickly(content: bytes) -> list[Resource] | None:
    """The resources, found with the runs taken out; None if the file must be read as it is to tell."""
    runs = Runs(content)
    with suppress(etree.XMLSyntaxError, FormatError):
        found = list(_resources(runs.xml, runs))
        return None if runs.left else found
    return None


def _resources(xml: bytes, runs: Runs) -> Iterator[Resource]:
    events = etree.iterparse(
        BytesIO(xml),
        tag=_TAGS,
        remove_comments=True,
        remove_pis=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    waiting: list[Callable[[Links], Resource]] = []
    readings: list[RawReading] = []
    unreadable = 0
    known = False
    for _, element in events:
        if not known:
            _refuse_document_type(element)
        name = str(element.tag).rpartition("}")[2]
        known = known or name != "entry"
        if name == "IntervalReading":
            run = runs.read(element)
            readings += run.readings
            unreadable += run.unreadable
        elif name == "IntervalBlock":
            waiting.append(partial(IntervalBlock, readings, unreadable))
            readings, unreadable = [], 0
        elif name == "entry":
            links = _links(element)
            yield from (make(links) for make in waiting)
            waiting.clear()
        elif name in _MAKERS:
            waiting.append(_MAKERS[name](element))
            continue
        element.clear()
    yield from (make(Links()) for make in waiting)
    if events.root is not None:
        _refuse_document_type(events.root)
    if not known:
        raise FormatError("The XML file holds no Green Button data: check that it is a Green Button export.")


def _refuse_document_type(element: etree._Element) -> None:
    if element.getroottree().docinfo.doctype:
        raise FormatError(
            "The Green Button file declares a document type (DTD), which is refused: get a plain export."
        )


def _usage_point(element: etree._Element) -> Callable[[Links], Resource]:
    kind = element.findtext("{*}ServiceCategory/{*}kind") or ""
    serial = next(element.itertext("{*}serialNumber"), "")
    return partial(UsagePoint, kind.strip(), str(serial).strip())


def _reading_type(element: etree._Element) -> Callable[[Links], Resource]:
    return partial(
        ReadingType,
        {etree.QName(part).localname: (part.text or "").strip() for part in element.iterchildren("*")},
    )


def _meter_reading(_: etree._Element) -> Callable[[Links], Resource]:
    return MeterReading


_MAKERS: dict[str, Callable[[etree._Element], Callable[[Links], Resource]]] = {
    "UsagePoint": _usage_point,
    "MeterReading": _meter_reading,
    "ReadingType": _reading_type,
}


def _links(entry: etree._Element) -> Links:
    """The entry's links; the entries before it are let go, which the feed would keep as empty shells."""
    hrefs: dict[str, list[str]] = {"self": [""], "up": [""], "related": []}
    for link in entry.iterchildren("{*}link"):
        hrefs.get(link.get("rel", ""), []).append(_path(link.get("href", "")))
    parent = entry.getparent()
    if parent is not None:
        del parent[: parent.index(entry)]
    title = " ".join((entry.findtext("{*}title") or "").split())
    return Links(title, hrefs["self"][-1], hrefs["up"][-1], tuple(hrefs["related"]))


def _path(href: str) -> str:
    return _HOST.sub("", href.strip()).strip("/")
