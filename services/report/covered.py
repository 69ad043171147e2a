"""What times of a meter are covered, as strips of a bounded number of pieces. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from meterfarm.formats.local_time import LocalTime
from meterfarm.formats.time_ranges import merged
from meterfarm.records import Direction
from meterfarm.services.report.report_facts import ReportedMeter
from meterfarm.support.foreign_text import one_line

_PIECES = 600
_STRIP = Markup('<svg class="strip" width="100%" height="14" role="img" aria-label="{}">{}</svg>')
_PIECE = Markup('<rect class="{}" x="{:.2f}%" y="0" width="{:.2f}%" height="14"/>')
_LABEL = Markup('<text x="{:.2f}%" y="12" text-anchor="{}">{}</text>')
_AXIS = Markup('<svg class="strip axis" width="100%" height="16" aria-hidden="true">{}</svg>')


@dataclass(frozen=True, slots=True)
class Strip:
    """What of a meter is there: bills or a kind of interval, since when, until when, with how many gaps."""

    meter: str
    what: str
    strip: Markup
    first: date
    last: date
    gaps: int


@dataclass(frozen=True, slots=True)
class Covered:
    """Strips over the same days, and the years below them."""

    strips: Sequence[Strip]
    axis: Markup


def covered(meters: Sequence[ReportedMeter], clock: LocalTime) -> Covered | None:
    """Of all meters of an account; None if nothing is there."""
    rows = [row for meter in meters for row in _rows(meter, clock)]
    if not rows:
        return None
    start = min(ranges[0][0] for *_, ranges in rows)
    end = max(ranges[-1][1] for *_, ranges in rows)
    strips = []
    for meter, what, kind, ranges in rows:
        first, last = clock.day_of(ranges[0][0]).date, clock.day_of(ranges[-1][1] - 1).date
        label = f"{what} of meter {meter} from {first} to {last}, {len(ranges) - 1} gaps"
        drawn = Markup("").join(_pieces(ranges, start, end, kind))
        strips.append(Strip(one_line(meter), what, _STRIP.format(label, drawn), first, last, len(ranges) - 1))
    return Covered(strips, _axis(clock.day_of(start).date, clock.day_of(end - 1).date))


_Row = tuple[str, str, str, Sequence[tuple[int, int]]]


def _rows(meter: ReportedMeter, clock: LocalTime) -> Iterator[_Row]:
    days = sorted(
        (
            clock.day(each.row.billing_period_from).start,
            clock.day(each.row.billing_period_to + timedelta(days=1)).start,
        )
        for each in meter.compared
    )
    if days:
        yield meter.id, "bills", "on-bills", merged(days)
    for series in meter.covered:
        if series.ranges:
            direction = "" if series.direction is Direction.DELIVERED else f", {series.direction}"
            yield meter.id, f"{series.measure}{direction}", "in-intervals", series.ranges


def _pieces(ranges: Sequence[tuple[int, int]], start: int, end: int, kind: str) -> Iterator[Markup]:
    """No more than can be told apart: what lies closer together is one."""
    least = max((end - start) // _PIECES, 1)
    for first, last in _joined(ranges, least):
        share = 100 / max(end - start, 1)
        yield _PIECE.format(kind, (first - start) * share, max((last - first) * share, 0.15))


def _joined(ranges: Sequence[tuple[int, int]], least: int) -> Iterable[tuple[int, int]]:
    """A gap that is narrower than a piece is shown as one, as long as there are few."""
    if len(ranges) <= _PIECES:
        return ranges
    rounded = [(first // least * least, -(-last // least) * least) for first, last in ranges]
    return merged(sorted(rounded))


def _axis(first: date, last: date) -> Markup:
    days = max((last - first).days, 1)
    years = range(first.year + 1, last.year + 1)
    step = max(1, len(years) // 8)
    starts = [date(year, 1, 1) for year in years if (year - years[0]) % step == 0]
    labels = [(100 * (day - first).days / days, f"{day.year}") for day in starts]
    shown = [_LABEL.format(at, "middle", text) for at, text in labels if 20 < at < 80]
    ends = [_LABEL.format(0, "start", f"{first:%b %Y}"), _LABEL.format(100, "end", f"{last:%b %Y}")]
    return _AXIS.format(Markup("").join([*ends, *(shown if len(shown) <= 8 else [])]))
