"""Intervals as JSON, as lines of JSON and as CSV, in pieces: each page of them is one."""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import ClassVar

from meterfarm.formats.readings_csv import plain
from meterfarm.formats.resolution import resolution
from meterfarm.formats.stamps import Stamps
from meterfarm.services.intervals import FoundIntervals, IntervalMeter
from meterfarm.services.intervals.fields import BAYOUS, GAS, OTHER_GAS, Columns, Values
from meterfarm.support.foreign_text import cell

CSV_COLUMNS = (
    *("account_number", "meter_id", "start", "end", *BAYOUS),
    *("created_at", "updated_at", "is_estimated", OTHER_GAS, "gas_unit"),
)


def as_json(
    found: FoundIntervals, *, gas_as_text: bool = False, updated_until: int | None = None
) -> Iterator[bytes]:
    """Bayou's object. Lengths come after the intervals that have them; with a grid each meter has its gaps.

    ``gas_as_text`` writes gas as strings. ``updated_until`` is what to ask for changes after, the next time.
    """
    stamps = Stamps()
    facts, every = found.facts, set[int]()
    first, last = (None, None) if facts is None else (_at(stamps, facts.first), _at(stamps, facts.last))
    head = {"first_interval_discovered": first, "last_interval_discovered": last}
    if updated_until is not None:
        head["updated_until"] = _at(stamps, updated_until)
    yield f'{_dumped(head)[:-1]},"meters":['.encode()
    for number, meter in enumerate(found.meters):
        names = _dumped({"id": meter.id, "account_number": meter.account_number})
        yield f'{"," if number else ""}{names[:-1]},"intervals":['.encode()
        rows, lengths = _JsonRows(meter, stamps, gas_as_text=gas_as_text), set[int]()
        between = ""
        for page in found.columns(meter):
            lengths |= set(map(int.__sub__, page.ends, page.starts))
            yield f"{between}{','.join(rows.of(page))}".encode()
            between = ","
        every |= lengths
        gaps = f',"gaps":{_dumped(_gaps(found, stamps))}' if found.query.minutes else ""
        yield f'],"granularities":{_granularities(lengths)}{gaps}}}'.encode()
    yield f'],"granularities":{_granularities(every)}}}'.encode()


def as_ndjson(found: FoundIntervals, *, gas_as_text: bool = False) -> Iterator[bytes]:
    """An interval a line, each with its meter and account."""
    stamps = Stamps()
    for meter in found.meters:
        names = _dumped({"account_number": meter.account_number, "meter_id": meter.id})[:-1]
        rows = _JsonRows(meter, stamps, f"{names},", gas_as_text=gas_as_text)
        for page in found.columns(meter):
            yield "".join(f"{row}\n" for row in rows.of(page)).encode()


def as_csv(found: FoundIntervals) -> Iterator[bytes]:
    """An interval a row, with a header. An id that a spreadsheet would run has an apostrophe before it."""
    stamps = Stamps()
    yield (",".join(CSV_COLUMNS) + "\n").encode()
    for meter in found.meters:
        rows = _CsvRows(meter, stamps)
        for page in found.columns(meter):
            yield "".join(rows.of(page)).encode()


def _dumped(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _at(stamps: Stamps, instant: int) -> str:
    return f"{stamps.utc(instant)}Z"


def _granularities(lengths: set[int]) -> str:
    """In minutes, the usual ones: local days are days."""
    return _dumped(sorted({max(resolution(length) // 60, 1) for length in lengths if length > 0}))


def _gaps(found: FoundIntervals, stamps: Stamps) -> Sequence[Mapping[str, str]]:
    return [
        {
            "field": name,
            "start": _at(stamps, gap.start),
            "end": _at(stamps, gap.end),
            "reason": gap.reason.value,
        }
        for name, gaps in found.gaps.items()
        for gap in gaps
    ]


class _Rows(ABC):
    """A meter's intervals as text: a template, and columns of what differs from row to row."""

    none: ClassVar[str]
    quote: ClassVar[str]

    def __init__(self, meter: IntervalMeter, stamps: Stamps, gas_quote: str = "") -> None:
        self._fields = meter.fields
        self._stamps = stamps
        self._gas_quote = gas_quote

    def of(self, page: Columns) -> Iterator[str]:
        """A text for each interval of a page."""
        present = [name for name in BAYOUS if name in page.values]
        others = self.others(page)
        texts = [
            *self._times(page),
            *(self.values(name, page.values[name]) for name in present),
            *self._dates(page),
            *others,
        ]
        template = self.template(present, len(others))
        return map(template.__mod__, zip(*texts, strict=True))

    @abstractmethod
    def template(self, present: Sequence[str], others: int) -> str:
        """With a ``%s`` for each column: start, end, the fields that are present, two dates, the others."""

    @abstractmethod
    def others(self, page: Columns) -> Sequence[Sequence[str]]:
        """Columns of what Bayou's intervals have not."""

    def values(self, name: str, values: Values) -> Sequence[str]:
        """The numbers of a field."""
        if name in (GAS, OTHER_GAS):
            return self._gas(self._fields[name].exponent, values)
        if None in values:
            return [self.none if value is None else str(value) for value in values]
        return list(map(str, values))

    def _times(self, page: Columns) -> tuple[Sequence[str], Sequence[str]]:
        utc = self._stamps.utc
        starts = list(map(utc, page.starts))
        if page.ends[:-1] == page.starts[1:]:
            return starts, [*starts[1:], utc(page.ends[-1])]
        return starts, list(map(utc, page.ends))

    def _dates(self, page: Columns) -> tuple[Sequence[str], Sequence[str]]:
        created = {at: _at(self._stamps, at) for at in set(page.created)}
        changed = dict.fromkeys(set(page.changed), self.none)
        changed |= {
            at: f"{self.quote}{_at(self._stamps, at)}{self.quote}" for at in changed if at is not None
        }
        return [created[at] for at in page.created], [changed[at] for at in page.changed]

    def _gas(self, exponent: int, values: Values) -> Sequence[str]:
        quote = self._gas_quote
        texts = dict.fromkeys(set(values), self.none)
        texts |= {value: f"{quote}{_decimal(value, exponent)}{quote}" for value in texts if value is not None}
        return [texts[value] for value in values]


class _JsonRows(_Rows):
    none, quote = "null", '"'

    def __init__(
        self, meter: IntervalMeter, stamps: Stamps, head: str = "{", *, gas_as_text: bool = False
    ) -> None:
        super().__init__(meter, stamps, '"' if gas_as_text else "")
        self._head = head.replace("%", "%%")

    def template(self, present: Sequence[str], others: int) -> str:
        fields = "".join(f'"{name}":{"%s" if name in present else "null"},' for name in BAYOUS)
        dates = f'"created_at":"%s","updated_at":%s{"%s" * others}'
        return f'{self._head}"start":"%sZ","end":"%sZ",{fields}{dates}}}'

    def others(self, page: Columns) -> Sequence[Sequence[str]]:
        """Nothing where there is nothing: an interval has then Bayou's fields alone."""
        found = []
        if OTHER_GAS in page.values:
            unit = _dumped(self._fields[OTHER_GAS].unit.value)
            numbers = self.values(OTHER_GAS, page.values[OTHER_GAS])
            found.append([f',"{OTHER_GAS}":{number},"gas_unit":{unit}' for number in numbers])
        if any(page.estimated):
            found.append([',"is_estimated":true' if flag else "" for flag in page.estimated])
        return found


class _CsvRows(_Rows):
    none = quote = ""

    def __init__(self, meter: IntervalMeter, stamps: Stamps) -> None:
        super().__init__(meter, stamps)
        names = StringIO(newline="")
        csv.writer(names, lineterminator=",").writerow([cell(meter.account_number), cell(meter.id)])
        self._head = names.getvalue().replace("%", "%%")

    def template(self, present: Sequence[str], others: int) -> str:
        fields = "".join("%s," if name in present else "," for name in BAYOUS)
        return f"{self._head}%sZ,%sZ,{fields}%s,%s,{','.join(['%s'] * others)}\n"

    def others(self, page: Columns) -> Sequence[Sequence[str]]:
        """Whether it is estimated, gas in another unit, and that unit."""
        flags = ["true" if flag else "false" for flag in page.estimated]
        if OTHER_GAS not in page.values:
            return [flags, [","] * len(flags)]
        unit = self._fields[OTHER_GAS].unit.value
        return [flags, [f"{each},{unit}" for each in self.values(OTHER_GAS, page.values[OTHER_GAS])]]


def _decimal(mantissa: int, exponent: int) -> str:
    """With a fraction, however short, as floating point numbers are written."""
    text = plain(mantissa, exponent)
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"
