"""What the XML parser comes upon in an ESPI file, element by element, put together to resources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from xml.parsers import expat  # document types are refused; depth, names and lengths are bounded

from meterfarm.formats.errors import FormatError
from meterfarm.formats.espi.entries import Entries
from meterfarm.formats.espi.href import joined
from meterfarm.formats.espi.links import Links
from meterfarm.formats.espi.reading import raw_reading
from meterfarm.formats.espi.resources import (
    FACTS,
    OURS,
    WITHOUT_READINGS,
    Fact,
    Item,
    MeterReading,
    ReadingType,
    UsagePoint,
)
from meterfarm.formats.espi.runs import MARK, Cutter, is_wide
from meterfarm.formats.espi.xml_faults import (
    DECLARATION,
    JUNK,
    Entities,
    refusal,
    refuse_document_type,
    too_deep,
    too_long,
    undeclared,
)

_BASE = "xml:base"
_DEEPEST = 100
_IN_A_READING = 2
"""How deep a plain reading goes."""
_MOST_NAMES = 5_000
_LONGEST_TOKEN = 2 * 1024 * 1024
_LONGEST_TEXT = 10_000
_MOST_TEXTS = 50
_AROUND = {  # the texts that are read: an element's name, and what it must stand in ("" anywhere)
    "start": "timePeriod",
    "duration": "timePeriod",
    "value": "IntervalReading",
    "cost": "IntervalReading",
    "tou": "IntervalReading",
    "quality": "ReadingQuality",
    "kind": "ServiceCategory",
    "title": "entry",
    "serialNumber": "",
}
_MOST_FACTS, _LONGEST_FACT = 20, 40
_PARTS = frozenset({"LocalTimeParameters", "billingPeriod", "overallConsumptionLastPeriod"})
_ALL_OF = _PARTS | {"ReadingType"}
"""What all texts are read of that stand in it."""


@dataclass(slots=True)
class _Reading:
    fields: dict[str, str] = field(default_factory=dict)
    qualities: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Point:
    kind: str = ""
    serial: str = ""
    meter: str | None = None


@dataclass(slots=True)
class _Type:
    codes: dict[str, str] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)


class Elements:
    """Is fed XML in chunks, and hands ``entries`` the resources in it."""

    def __init__(self, keep: bool, far: dict[int, Links], others: set[str]) -> None:
        self.known = False
        self.others = others
        self._keep = keep
        self._cutter = Cutter()
        self._entities = Entities()
        self._wide: bool | None = None
        self._path: list[str] = []
        self._names: dict[str, str] = {}
        self._bases: list[tuple[int, str]] = []
        """Depths of the open elements that have an ``xml:base``, and those."""
        self._text: list[str] | None = None
        self.entries = Entries(keep, far)
        self._readings: list[_Reading | None] = []
        self._point: _Point | None = None
        self._type: _Type | None = None
        self._fact: dict[str, dict[str, str]] | None = None
        self._ended = 0
        """The line on which the outermost element ended, that is where the file should."""
        self._fed = 0
        self._level = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = refuse_document_type
        self._look()

    def feed(self, chunk: bytes, last: bool) -> None:
        """Parse a further chunk, or the last. Raises FormatError where reading has to stop."""
        if self._wide is None:
            self._wide = is_wide(chunk)
        plain = chunk if self._wide else self._entities.replace(chunk, last)
        xml = self._cutter.cut(plain, last)
        try:
            self._parser.Parse(xml, last)
        except expat.ExpatError as exc:
            rest = xml[max(0, self._parser.ErrorByteIndex - self._fed) :]
            code = JUNK if self._ended else exc.code
            raise refusal(code, self._line(exc), self._path, rest, last) from exc
        except FormatError:
            raise
        except (LookupError, ValueError) as exc:  # no codec of that name, or none for single bytes
            raise undeclared() from exc
        self._fed += len(xml)
        if self._fed - self._parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise too_long(self._parser.CurrentLineNumber)

    def _line(self, exc: expat.ExpatError) -> int:
        """Where what is damaged begins; how far in the parser made sense of it hangs on what it is."""
        return 1 if exc.code == DECLARATION else self._ended or exc.lineno

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = self._names.get(name) or self._local(name)
        parent = self._path[-1] if self._path else ""
        self._path.append(local)
        if len(self._path) > _DEEPEST:
            raise too_deep()
        if attributes:
            for each in attributes:
                if each not in self._names:
                    self._local(each)
            if _BASE in attributes:
                outer = self._bases[-1][1] if self._bases else ""
                self._bases.append((len(self._path), joined(outer, attributes[_BASE][:_LONGEST_TEXT])))
        around = _AROUND.get(local)
        self._text = [] if around == parent or parent in _ALL_OF or around == "" else None
        opening = _OPENING.get(local)
        if opening is not None:
            opening(self, attributes)

    def _local(self, name: str) -> str:
        """A name without its prefix. The parser keeps every name there is, so they are bounded."""
        if len(self._names) >= _MOST_NAMES:
            raise FormatError(
                "The XML file has more names than an export: check that it is Green Button data."
            )
        local = self._names[name] = name.rpartition(":")[2]
        return local

    def _characters(self, text: str) -> None:
        if self._text is not None and len(self._text) < _MOST_TEXTS:
            self._text.append(text[:_LONGEST_TEXT])

    def _end(self, _: str) -> None:
        local = self._path.pop()
        if self._bases and self._bases[-1][0] > len(self._path):
            self._bases.pop()
        if self._text is not None:
            text, self._text = "".join(self._text).strip(), None
            self._take(local, self._path[-1] if self._path else "", text)
        closing = _CLOSING.get(local)
        if closing is not None:
            closing(self)
        if not self._path:
            self._ended = self._parser.CurrentLineNumber

    def _take(self, local: str, parent: str, text: str) -> None:
        """The text of an element that is read."""
        if self._readings and parent in ("timePeriod", "IntervalReading", "ReadingQuality"):
            reading = self._readings[-1]
            if reading is not None and local == "quality":
                reading.qualities.append(text)
            elif reading is not None:
                reading.fields[local] = text
        elif self._fact is not None and parent in _PARTS:
            texts = self._fact.setdefault(parent, {})
            if len(texts) < _MOST_FACTS:
                texts[local] = text[:_LONGEST_FACT]
        elif self._type is not None and parent == "ReadingType":
            self._type.codes[local] = text
        elif self._point is not None and local == "serialNumber":
            self._point.serial = self._point.serial or text
        elif self._point is not None and parent == "ServiceCategory":
            self._point.kind = text
        elif parent == "entry":
            self.entries.title(text)

    def _link(self, attributes: dict[str, str]) -> None:
        if len(self._path) > 1 and self._path[-2] == "entry":
            base = self._bases[-1][1] if self._bases else ""
            self.entries.link(attributes.get("rel", ""), attributes.get("href", ""), base)

    def _start_reading(self, attributes: dict[str, str]) -> None:
        self.known = True
        run = self._cutter.run(attributes[MARK]) if MARK in attributes else None
        if run and len(self._path) + _IN_A_READING > _DEEPEST:
            raise too_deep()
        if not run and not self._keep:
            self._pass_over()
            return
        self._readings.append(None if run else _Reading())
        if run:
            self.entries.reading(run)

    def _end_reading(self) -> None:
        reading = self._readings.pop()
        if reading is None:
            return
        raw = raw_reading(reading.fields, reading.qualities, self.entries.raw_batch.oddities)
        if raw is not None:
            self.entries.reading(raw)

    def _pass_over(self) -> None:
        """Only look for the end of a reading of which nothing is kept, and for what else may stand in it."""
        self._readings.append(None)
        self.entries.reading(None)
        self._level = len(self._path)
        self._parser.StartElementHandler = self._pass_start
        self._parser.EndElementHandler = self._pass_end
        self._parser.CharacterDataHandler = None

    def _pass_start(self, name: str, attributes: dict[str, str]) -> None:
        local = self._names.get(name) or self._local(name)
        if attributes or local in _OPENING or len(self._path) >= _DEEPEST:
            self._look()
            self._start(name, attributes)
        else:
            self._path.append(local)

    def _pass_end(self, _: str) -> None:
        self._path.pop()
        if len(self._path) < self._level:
            self._readings.pop()
            self._look()

    def _look(self) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def _start_point(self, _: dict[str, str]) -> None:
        self._point = _Point()

    def _end_point(self) -> None:
        point, self._point = self._point or _Point(), None
        self._resource(partial(UsagePoint, point.kind, point.serial, point.meter))

    def _end_fact(self, name: str) -> None:
        texts, self._fact = self._fact, None
        if texts:
            self._resource(partial(Fact, name, texts))

    def _start_type(self, _: dict[str, str]) -> None:
        self._type = _Type()

    def _end_type(self) -> None:
        kind, self._type = self._type or _Type(), None
        self._resource(partial(ReadingType, kind.codes, kind.ours))

    def _end_meter_reading(self) -> None:
        self._resource(MeterReading)

    def _resource(self, make: Callable[[Links], Item]) -> None:
        self.known = True
        self.entries.resource(make)

    def _start_ours(self, attributes: dict[str, str]) -> None:
        if attributes.get("xmlns") != OURS:
            return
        if self._type is not None:
            self._type.ours.update(attributes)
        elif self._point is not None:
            self._point.meter = attributes.get("meter")


def _other(name: str) -> Callable[[Elements, dict[str, str]], None]:
    def seen(elements: Elements, _: dict[str, str]) -> None:
        elements.known = True
        elements.others.add(name)
        if name in FACTS:
            elements._fact = {}

    return seen


def _start_block(elements: Elements, _: dict[str, str]) -> None:
    elements.known = True
    elements.entries.start_block()


def _end_fact(name: str) -> Callable[[Elements], None]:
    return lambda elements: elements._end_fact(name)


_OPENING: dict[str, Callable[[Elements, dict[str, str]], None]] = {
    "entry": lambda elements, _: elements.entries.start(),
    "link": Elements._link,
    "IntervalReading": Elements._start_reading,
    "UsagePoint": Elements._start_point,
    "ReadingType": Elements._start_type,
    "IntervalBlock": _start_block,
    "series": Elements._start_ours,
} | {name: _other(name) for name in WITHOUT_READINGS}
_CLOSING: dict[str, Callable[[Elements], None]] = {
    "entry": lambda elements: elements.entries.end(),
    "IntervalReading": Elements._end_reading,
    "IntervalBlock": lambda elements: elements.entries.end_block(),
    "UsagePoint": Elements._end_point,
    "ReadingType": Elements._end_type,
    "MeterReading": Elements._end_meter_reading,
} | {name: _end_fact(name) for name in FACTS}
