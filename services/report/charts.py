"""Charts over time as inline SVG: bars, steps and dots in panels that share their days. Pure.

Colours are classes of ``report.css``. A chart is drawn twice, for a desk and for a phone, so that its text is
of a size that can be read at both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import ceil, floor, log10

from markupsafe import Markup

WIDTHS = {"wide": 960, "narrow": 358}
_LEFT, _RIGHT, _TITLE, _GAP, _AXIS = 52, 10, 22, 18, 36
_MARKS = 20
_MONTH_ROOM, _YEAR_ROOM = 34, 40
_STEPS = (1, 2, 3, 6, 12, 24, 60)
_DAY = timedelta(days=1)
_Height = Callable[[float], float]
_SVG = Markup(
    '<svg class="chart {}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">{}</svg>'
)
_LINE = Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
_TEXT = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
_RECT = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
_WITH_TIP = Markup("<g><title>{}</title>{}</g>")
_PATH = Markup('<path class="{}" d="{}"/>')
_RING = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3"/>')
_DIAMOND = Markup('<path class="dot differ" d="M{:.1f} {:.1f}l6 6l-6 6l-6 -6z"/>')
_BADGE = Markup(
    '<circle class="badge" cx="{0:.1f}" cy="9" r="8.5"/>'
    '<text class="number" x="{0:.1f}" y="13" text-anchor="middle">{1}</text>'
)
_NOTHING = Markup("")


@dataclass(frozen=True, slots=True)
class BarPart:
    """A part of a bar: its value, and the class that colours it. Negative ones hang below zero."""

    value: float
    kind: str


@dataclass(frozen=True, slots=True)
class ChartBar:
    """A bar over some days, both included, of parts on top of each other; ``tip`` says what it is."""

    first: date
    last: date
    parts: Sequence[BarPart]
    tip: str


@dataclass(frozen=True, slots=True)
class ChartDot:
    """A value in the midst of some days; ``kind`` is its class and form: agree, differ or open."""

    first: date
    last: date
    value: float | None
    kind: str
    tip: str


@dataclass(frozen=True, slots=True)
class ChartPanel:
    """A chart above the shared days: ``title`` has its unit. ``steps`` draws bars as a line of steps."""

    title: str
    bars: Sequence[ChartBar]
    dots: Sequence[ChartDot] = ()
    steps: bool = False
    height: int = 120
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class DayMark:
    """A day that something changes on, numbered as in the list below the chart."""

    day: date
    number: int
    what: str


@dataclass(frozen=True, slots=True)
class DayBand:
    """Days, both included, that are talked about elsewhere; with a word above them."""

    first: date
    last: date
    word: str


def chart(
    panels: Sequence[ChartPanel], what: str, marks: Sequence[DayMark] = (), bands: Sequence[DayBand] = ()
) -> Markup:
    """Panels one above the other at each width; ``what`` is read out instead of them."""
    days = [day for panel in panels for bar in panel.bars for day in (bar.first, bar.last)]
    if not days:
        return Markup()
    return Markup("").join(
        _Drawing(width, min(days), max(days) + _DAY).draw(panels, what, marks, bands, name)
        for name, width in WIDTHS.items()
    )


@dataclass(slots=True)
class _Drawing:
    """One SVG under way; ``end`` is the day after the last."""

    width: int
    first: date
    end: date
    _parts: list[Markup] = field(default_factory=list)

    def draw(
        self,
        panels: Sequence[ChartPanel],
        what: str,
        marks: Sequence[DayMark],
        bands: Sequence[DayBand],
        name: str,
    ) -> Markup:
        top = _MARKS if marks else 0
        places = []
        for panel in panels:
            places.append(top + _TITLE)
            top += _TITLE + panel.height + _GAP
        bottom = top - _GAP
        for band in bands:
            left, right = self._x(max(band.first, self.first)), self._x(min(band.last + _DAY, self.end))
            drawn = _RECT.format("band", left, places[0] - 4, right - left, bottom - places[0] + 4)
            self._parts.append(_WITH_TIP.format(band.word, drawn))
        for panel, place in zip(panels, places, strict=True):
            self._panel(panel, place)
        self._months_below(bottom)
        self._marked(marks, bottom)
        height = bottom + _AXIS
        drawn = _NOTHING.join(self._parts)
        return _SVG.format(name, self.width, height, self.width, height, what, drawn)

    def _x(self, day: date) -> float:
        span = max((self.end - self.first).days, 1)
        return _LEFT + (day - self.first).days / span * (self.width - _LEFT - _RIGHT)

    def _panel(self, panel: ChartPanel, top: int) -> None:
        lowest, ticks = _scale(panel)
        highest = max(ticks[-1], lowest)
        span = highest - lowest or 1

        def y(value: float) -> float:
            return top + panel.height - (value - lowest) / span * panel.height

        self._text(_LEFT, top - 8, panel.title, "title", "start")
        for tick in ticks:
            self._line(_LEFT, y(tick), self.width - _RIGHT, y(tick), "zero" if tick == 0 else "grid")
            self._text(_LEFT - 6, y(tick) + 4, _tick(tick, ticks, panel.symbol), "tick", "end")
        if panel.steps:
            self._steps(panel, y)
        else:
            for bar in panel.bars:
                self._bar(bar, y)
        for dot in panel.dots:
            self._dot(dot, y, top + panel.height)

    def _bar(self, bar: ChartBar, y: _Height) -> None:
        left, right = self._x(bar.first), self._x(bar.last + _DAY)
        gap = min(2.0, (right - left) / 5)
        above = below = 0.0
        drawn = []
        for part in bar.parts:
            start = above if part.value >= 0 else below
            high, low = sorted((y(start), y(start + part.value)))
            if part.value >= 0:
                above += part.value
            else:
                below += part.value
            drawn.append(_RECT.format(part.kind, left + gap / 2, high, right - left - gap, low - high))
        self._parts.append(_WITH_TIP.format(bar.tip, _NOTHING.join(drawn)))

    def _steps(self, panel: ChartPanel, y: _Height) -> None:
        path, after = "", None
        for bar in panel.bars:
            value = sum(part.value for part in bar.parts)
            start, end = self._x(bar.first), self._x(bar.last + _DAY)
            path += f"{'L' if after == bar.first else 'M'}{start:.1f} {y(value):.1f}H{end:.1f}"
            after = bar.last + _DAY
            catch = _RECT.format("catch", start, y(value) - 8, end - start, 16)
            self._parts.append(_WITH_TIP.format(bar.tip, catch))
        kind = next((part.kind for bar in panel.bars for part in bar.parts), "")
        self._parts.append(_PATH.format(f"steps {kind}", path))

    def _dot(self, dot: ChartDot, y: _Height, bottom: float) -> None:
        """A ring where both agree, a filled diamond where they differ; a dash at the bottom if it is open."""
        middle = (self._x(dot.first) + self._x(dot.last + _DAY)) / 2
        if dot.value is None:
            drawn = _PATH.format(f"dot {dot.kind}", f"M{middle - 4:.1f} {bottom - 5:.1f}h8")
        elif dot.kind == "differ":
            drawn = _DIAMOND.format(middle, y(dot.value) - 6)
        else:
            drawn = _RING.format(dot.kind, middle, y(dot.value))
        self._parts.append(_WITH_TIP.format(dot.tip, drawn))

    def _months(self) -> Iterator[tuple[float, str, str]]:
        """Where a month begins that is named, its name, and its year where that is new."""
        months = (self.end.year - self.first.year) * 12 + self.end.month - self.first.month + 1
        room = (self.width - _LEFT - _RIGHT) / max(months, 1)
        step = next((each for each in _STEPS if each * room >= _MONTH_ROOM), _STEPS[-1])
        at, year = self.first.replace(day=1), 0
        while at <= self.end:
            if at >= self.first and (at.month - 1) % min(step, 12) == 0 and at.year % max(1, step // 12) == 0:
                is_new = at.year != year
                yield self._x(at), f"{at:%b}" if step < 12 else f"{at.year}", f"{at.year}" if is_new else ""
                year = at.year
            at = (at + timedelta(days=31)).replace(day=1)

    def _months_below(self, bottom: float) -> None:
        last_year = -_YEAR_ROOM * 1.0
        for x, month, year in self._months():
            if x > self.width - 24:
                continue
            self._line(x, bottom, x, bottom + 4, "zero")
            self._text(x, bottom + 16, month, "tick", "middle" if x > 20 else "start")
            if year and year != month and x - last_year >= _YEAR_ROOM:
                self._text(x, bottom + 30, year, "tick year", "middle" if x > 20 else "start")
                last_year = x

    def _marked(self, marks: Sequence[DayMark], bottom: float) -> None:
        taken = -99.0
        for mark in sorted(marks, key=lambda each: each.day):
            x = self._x(min(max(mark.day, self.first), self.end))
            self._line(x, _MARKS - 3, x, bottom, "mark")
            at = min(max(x, taken + 20), self.width - 9)
            taken = at
            self._parts.append(_WITH_TIP.format(mark.what, _BADGE.format(at, mark.number)))

    def _line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self._parts.append(_LINE.format(kind, x1, y1, x2, y2))

    def _text(self, x: float, y: float, text: str, kind: str, anchor: str) -> None:
        self._parts.append(_TEXT.format(kind, x, y, anchor, text))


def _scale(panel: ChartPanel) -> tuple[float, Sequence[float]]:
    """The lowest value shown, and round ones to name; zero is among them."""
    above = [sum(part.value for part in bar.parts if part.value > 0) for bar in panel.bars]
    below = [sum(part.value for part in bar.parts if part.value < 0) for bar in panel.bars]
    dots = [dot.value for dot in panel.dots if dot.value is not None]
    highest, lowest = max([0.0, *above, *dots]), min([0.0, *below, *dots])
    step = _round_step((highest - lowest) / 3 or 1)
    first, last = floor(lowest / step), max(ceil(highest / step), 1)
    ticks = [number * step for number in range(first, last + 1)]
    return ticks[0], ticks


def _round_step(about: float) -> float:
    size = 10.0 ** floor(log10(about))
    return next(each * size for each in (1, 2, 2.5, 5, 10) if each * size >= about * 0.999)


def _tick(value: float, ticks: Sequence[float], symbol: str) -> str:
    step = abs(ticks[1] - ticks[0])
    decimals = next((each for each in range(4) if abs(round(step, each) - step) < step / 1_000), 4)
    return f"{'-' if value < 0 else ''}{symbol}{abs(value):,.{decimals}f}"
