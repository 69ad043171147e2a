"""What last winter cost and why, in sentences, and what of it is not certain. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from markupsafe import Markup

from meterfarm.formats.bills.bill_figures import money
from meterfarm.services.report.bill_charts import span_text
from meterfarm.services.report.billed_span import BilledSpan
from meterfarm.services.report.winter import CostComparison, CostReason

_BAR = Markup(
    '<svg class="effect" width="100%" height="14" aria-hidden="true">'
    '<line class="zero" x1="50%" y1="0" x2="50%" y2="14"/>'
    '<rect class="{}" x="{:.1f}%" y="2" width="{:.1f}%" height="10" rx="2"/></svg>'
)
_WIDEST = 100.0


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """A reason for a change of cost: how much, in words, from what to what, and a bar of some percent."""

    amount: str
    words: str
    detail: str
    bar: Markup


@dataclass(frozen=True, slots=True)
class CostStory:
    """What the last winter cost, how that compares, and why."""

    title: str
    about: str
    compared: str
    mostly: str
    reasons: Sequence[ReasonRow]
    bands: str


def cost_story(found: CostComparison, symbol: str) -> CostStory:
    """The story of a time and the one before it; money is written with ``symbol``."""
    reasons = found.reasons
    largest = max((abs(each.cents) for each in reasons), default=0)
    return CostStory(
        _title(found, symbol),
        _about(found),
        _compared(found, symbol),
        _mostly(found, reasons),
        [_reason(each, largest, symbol) for each in reasons],
        f"{_name(found)} and {found.before_name}",
    )


def doubts_of(span: BilledSpan, of: str = "") -> Iterator[str]:
    """Why a sum of bills, ``of`` some time, may be too high: parts of a sentence."""
    if span.unknown:
        bills = "one bill" if span.unknown == 1 else f"{span.unknown} bills"
        yield f"what was still owed of earlier bills is not known of {bills}{of}"
    if span.twice is not None:
        yield f"{span_text(*span.twice)} is on two bills"


def _name(found: CostComparison) -> str:
    return f"{found.name[0].upper()}{found.name[1:]}"


def _title(found: CostComparison, symbol: str) -> str:
    cents = found.now.cents
    if any(doubts_of(found.now)):
        which = "The bills so far" if not found.before_name else f"The bills of {found.name}"
        return f"{which} ask for {money(cents, symbol)} in all"
    does = f"cost {money(cents, symbol)}"
    if found.before_name:
        return f"{_name(found)} {does if cents >= 0 else f'was a credit of {money(-cents, symbol)}'}"
    return f"The bills so far {does if cents >= 0 else f'are a credit of {money(-cents, symbol)}'}"


def _compared(found: CostComparison, symbol: str) -> str:
    now, before = found.now, found.before
    if before is None:
        if found.before_days:
            whole = "which is no whole winter, so there is no comparison"
            return f"The bills of {found.before_name} are of {_days(found.before_days)}, {whole}."
        return f"There are no bills of {found.before_name} to compare it with." if found.before_name else ""
    doubts = [*doubts_of(now), *doubts_of(before, f" of {found.before_name}")]
    if doubts:
        return f"It is not compared with {found.before_name}: {doubts[0]}."
    if not found.is_comparable:
        each_day = [money(round(Fraction(span.cents, span.days)), symbol) for span in (now, before)]
        return (
            f"{_days(now.days)} against {before.days} of {found.before_name}, so the sums are not compared: "
            f"a day cost {each_day[0]}, and {each_day[1]} then."
        )
    was = (
        f"was a credit of {money(-before.cents, symbol)}"
        if before.cents < 0
        else (f"cost {money(before.cents, symbol)}")
    )
    percent = round(Fraction(100 * found.change, before.cents)) if before.cents > 0 else None
    if not found.change or percent == 0:
        return f"As much as {found.before_name}, which {was}."
    share = f" ({abs(percent)} %)" if percent is not None and now.cents >= 0 else ""
    more = "more" if found.change > 0 else "less"
    return f"{money(abs(found.change), symbol)}{share} {more} than {found.before_name}, which {was}."


def _mostly(found: CostComparison, reasons: Sequence[CostReason]) -> str:
    before = found.before
    if before is None or not found.is_comparable:
        return ""
    if not found.now.is_split or not before.is_split:
        return "Why is not known: not every bill has an amount for each commodity."
    as_much = before.cents > 0 and not round(Fraction(100 * found.change, before.cents))
    same_way = [each for each in reasons if each.cents * found.change > 0]
    return f"Mostly because {same_way[0].words}." if same_way and not as_much else ""


def _days(count: int) -> str:
    return "One day" if count == 1 else f"{count} days"


def _about(found: CostComparison) -> str:
    now, before = found.now, found.before
    bills = f"{now.bills} bills" if now.bills > 1 else "One bill"
    about = f"{bills}, {span_text(now.first, now.last)}, {now.days} days"
    if before is not None and before.days != now.days:
        about += f" ({before.days} days before)"
    doubts = list(doubts_of(now))
    if not now.unknown:
        about += "; without what was still owed of earlier bills"
    return f"{'; '.join([about, *doubts])}."


def _reason(reason: CostReason, largest: int, symbol: str) -> ReasonRow:
    half = _WIDEST / 2 * abs(reason.cents) / (largest or 1)
    bar = _BAR.format("up" if reason.cents > 0 else "down", 50 - (half if reason.cents < 0 else 0), half)
    sign = "+" if reason.cents > 0 else "−"  # noqa: RUF001 - a minus as wide as the plus
    words = f"{reason.words[0].upper()}{reason.words[1:]}"
    return ReasonRow(f"{sign}{money(abs(reason.cents), symbol)}", words, _detail(reason, symbol), bar)


def _detail(reason: CostReason, symbol: str) -> str:
    if reason.now is None or reason.before is None:
        return ""
    if reason.kind == "use":
        return f"{float(reason.now):,.0f} instead of {float(reason.before):,.0f} {reason.unit}"
    now, before = (f"{symbol}{float(each) / 100:,.3f}" for each in (reason.now, reason.before))
    unit = "therm" if reason.unit == "therms" else reason.unit
    return f"{now} instead of {before} a {unit}, all charges included"
