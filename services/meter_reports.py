"""What of each meter is in store, what is not and why, and how fresh it is: "none" is not "not yet"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from meterfarm.formats.time_ranges import merged
from meterfarm.records import Commodity, CustomerState, Direction, LedgerItem, Measure, Outcome, Part, RunKind
from meterfarm.services.customers import find_utility
from meterfarm.services.errors import NotFound
from meterfarm.storage.customers import Customer, CustomerInfo
from meterfarm.storage.data import PendingExport, SeriesCoverage, StoredAccount, StoredBill
from meterfarm.storage.runs import RunInfo
from meterfarm.storage.store import CompanyStore
from meterfarm.support.instants import lasted

_LOOKED = {Outcome.COMPLETE, Outcome.PARTIAL, Outcome.PENDING, Outcome.NO_DATA_YET}
_NEWEST_RUNS = 50
_MOST_NOTES = 20
_BY_WORTH = (Direction.DELIVERED, Direction.UNKNOWN, Direction.NET, Direction.RECEIVED)


@dataclass(frozen=True, slots=True)
class Freshness:
    """When the portal was last looked at, when a value last was new, and when it is looked at next.

    None is never, or not known; ``next_look`` is None while nobody looks by itself.
    """

    last_looked: datetime | None
    last_new_value: datetime | None
    next_look: datetime | None


@dataclass(frozen=True, slots=True)
class MeterReport:
    """A meter: ``main`` is what its intervals are counted by, None without any; ``series`` is all there is.

    ``bill_coverage`` are days, both included; ``notes`` are sentences.
    """

    account_number: str
    id: str
    commodity: Commodity
    main: SeriesCoverage | None
    series: Sequence[SeriesCoverage]
    bill_coverage: Sequence[tuple[date, date]]
    bills: int
    freshness: Freshness
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Background:
    """What is the same for all meters of a customer."""

    info: CustomerInfo
    offers_intervals: bool | None
    lag: timedelta | None
    looked: RunInfo | None
    ledger: Sequence[LedgerItem]


def meter_reports(store: CompanyStore, customer: Customer) -> Sequence[MeterReport]:
    """By account and meter, with those that only bills or exports name."""
    background = _background(store, customer)
    newest = store.intervals.newest(customer)
    return [
        report
        for stored in store.accounts.list(customer)
        for report in _of_account(store, stored, background, newest)
    ]


def _background(store: CompanyStore, customer: Customer) -> _Background:
    runs = store.runs.list(limit=_NEWEST_RUNS, customer_id=customer.id)
    looked = next((run for run in runs if _looked_at_intervals(run)), None)
    story = None if looked is None else store.runs.story(looked.id)
    offers, lag = None, None
    try:
        capabilities = find_utility(customer.utility).capabilities
        offers, lag = capabilities.intervals, capabilities.expected_lag
    except NotFound:
        pass
    ledger = () if story is None else story.ledger
    return _Background(store.customers.info(customer), offers, lag, looked, ledger)


def _looked_at_intervals(run: RunInfo) -> bool:
    return (
        run.outcome in _LOOKED
        and run.kind is not RunKind.CONNECT
        and Part.INTERVALS.value in run.parts.split()
    )


def _of_account(
    store: CompanyStore,
    stored: StoredAccount,
    background: _Background,
    newest: Mapping[tuple[int, str], int],
) -> Iterator[MeterReport]:
    covered: dict[str, list[SeriesCoverage]] = {}
    for series in store.readings.coverage_by_series(stored.id):
        covered.setdefault(series.meter_id, []).append(series)
    bills = list(store.bills.of_account(stored.id).values())
    pending = store.pending_exports.list(stored.id)
    for meter in stored.account.meters:
        series_of = covered.get(meter.id, [])
        main = _main(series_of)
        periods = _periods(bills, meter.id)
        notes = _notes(meter.id, main, background, [each for each in pending if each.meter_id == meter.id])
        yield MeterReport(
            stored.account.number,
            meter.id,
            meter.commodity,
            main,
            series_of,
            _joined(periods),
            len(periods),
            _freshness(background, newest.get((stored.id, meter.id))),
            list(notes)[:_MOST_NOTES],
        )


def _main(series: Sequence[SeriesCoverage]) -> SeriesCoverage | None:
    """Of energy or volume, else of demand; what the customer took before what they gave."""
    amounts = [one for one in series if one.measure in (Measure.ENERGY, Measure.VOLUME)]
    amounts = amounts or [one for one in series if one.measure is Measure.DEMAND]
    return min(amounts, key=lambda one: _BY_WORTH.index(one.direction), default=None)


def _periods(bills: Sequence[StoredBill], meter_id: str) -> Sequence[tuple[date, date]]:
    return [
        (meter.billing_period_from, meter.billing_period_to)
        for bill in bills
        for meter in (bill.bill.meters if bill.bill else ())
        if meter.id == meter_id
    ]


def _joined(periods: Sequence[tuple[date, date]]) -> Sequence[tuple[date, date]]:
    days = sorted((first.toordinal(), last.toordinal() + 1) for first, last in periods)
    return [(date.fromordinal(first), date.fromordinal(end - 1)) for first, end in merged(days)]


def _freshness(background: _Background, newest: int | None) -> Freshness:
    info = background.info
    return Freshness(
        background.looked.ended_at if background.looked else None,
        None if newest is None else datetime.fromtimestamp(newest, UTC),
        info.intervals_due_at if info.state is CustomerState.ACTIVE and background.offers_intervals else None,
    )


def _notes(
    meter_id: str, main: SeriesCoverage | None, background: _Background, pending: Sequence[PendingExport]
) -> Iterator[str]:
    if main is None:
        yield _why_none(background)
    else:
        end = datetime.fromtimestamp(main.ranges[-1][1], UTC)
        later = (
            f"; the utility shows them about {lasted(background.lag.total_seconds())} later"
            if background.lag
            else ""
        )
        yield f"Intervals are stored up to {end:%Y-%m-%d %H:%M} UTC{later}."
        if main.gaps:
            first, last = max(main.gaps, key=lambda gap: gap[1] - gap[0])
            count = "One gap is" if len(main.gaps) == 1 else f"{len(main.gaps):,} gaps are"
            yield f"{count} in them, the longest from {_minute(first)} to {_minute(last)} UTC."
    for export in pending:
        yield f"The portal is still making the export of {export.first} to {export.last}."
    head = f"intervals {meter_id} "
    for item in background.ledger:
        if item.item.startswith(head) and not item.stored and not item.pending:
            yield f"Of {item.item.removeprefix(head)} something is missing: {item.reason.removesuffix('.')}."
    if background.info.state is CustomerState.MUST_REAUTHENTICATE:
        yield "The customer has to sign in again; until then nothing new comes."


def _why_none(background: _Background) -> str:
    if background.offers_intervals is False:
        return "The utility publishes no intervals."
    if background.looked is None:
        return "No intervals are stored yet: they have not been looked for."
    return "No intervals are stored: the portal showed none of this meter."


def _minute(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
