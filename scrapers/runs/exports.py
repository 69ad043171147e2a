"""One export: asked for, or fetched that an earlier run asked for; read and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from meterfarm.formats.errors import FormatError
from meterfarm.records import Account, Document, Meter, Severity
from meterfarm.scrapers.outcomes import ExportFailed, ExportPending, ItemFailed, NothingThere
from meterfarm.scrapers.reader_errors import reader_errors
from meterfarm.scrapers.runs.authenticator import Authenticator
from meterfarm.scrapers.runs.reader import read_and_store
from meterfarm.scrapers.runs.spans import days
from meterfarm.scrapers.script_calls import current_call
from meterfarm.scrapers.visit import Visit
from meterfarm.storage.data import PendingExport, ReadingCounts
from meterfarm.storage.store import CompanyStore
from meterfarm.support.instants import shown
from meterfarm.support.tracing import span

METHOD = "export_intervals"
_RESUME = "resume_export"
_ATTEMPTS = 3
"""So often a run asks for an export that the portal fails at making."""
_GIVEN_UP_AFTER = timedelta(days=7)
"""What the portal has not made by then it is asked for anew."""


@dataclass(frozen=True, slots=True)
class ExportEnd:
    """What became of an export: why it is not in store, "" if it is, and what of it is in doubt.

    ``is_pending``: the portal is still making it, and is to be asked again at ``again_at``, if it gave one.
    ``absent``: days that the portal says it has nothing of.
    """

    missing: str = ""
    doubt: str = ""
    is_pending: bool = False
    again_at: datetime | None = None
    absent: frozenset[date] = frozenset()


@dataclass(slots=True)
class ExportJob:
    """An export of a meter's days, both included. ``key`` is what the portal calls it, "" before it is asked.

    ``requested_at`` and ``not_before`` are of one that an earlier run asked for.
    """

    account: Account
    account_id: int
    meter: Meter
    first: date
    last: date
    key: str = ""
    requested_at: datetime | None = None
    not_before: datetime | None = None

    @property
    def name(self) -> str:
        """As its document is called in the store."""
        return f"{self.meter.id} {self.first} {self.last}"

    def still_pending(self) -> ExportEnd:
        """That the portal is still making it, since when, and when it is asked again."""
        since = f", asked for on {shown(self.requested_at)}" if self.requested_at else ""
        then = f" after {shown(self.not_before)}" if self.not_before else ""
        return ExportEnd(
            missing=f"the portal is still making the export{since}; the next run{then} fetches it",
            is_pending=True,
            again_at=self.not_before,
        )


class Exporter:
    """Fetches exports of one visit."""

    def __init__(self, visit: Visit, authenticator: Authenticator, store: CompanyStore) -> None:
        self._visit = visit
        self._authenticator = authenticator
        self._store = store

    async def pending(self, account_id: int) -> Sequence[PendingExport]:
        """The account's exports that the portal is still making; those that took too long are given up."""
        kept = []
        for one in await read_and_store(self._store.pending_exports.list, account_id):
            if datetime.now(UTC) - one.requested_at < _GIVEN_UP_AFTER:
                kept.append(one)
                continue
            self._visit.note("export.given_up", meter=one.meter_id, first=one.first, last=one.last)
            await read_and_store(
                self._store.pending_exports.forget, account_id, one.meter_id, (one.first, one.last)
            )
        return kept

    async def fetch(self, job: ExportJob) -> ExportEnd:
        """Ask for the export, unless the portal was asked already; then read and store it."""
        if job.not_before is not None and datetime.now(UTC) < job.not_before:
            return job.still_pending()
        try:
            document = await self._document(job)
            end = await self._stored(job, document)
        except ExportPending as exc:
            return await self._left_pending(job, exc)
        except NothingThere as exc:
            await self._forget(job)
            self._visit.note("export.empty", item=f"intervals {job.name}", reason=str(exc))
            return ExportEnd(absent=frozenset(days(job.first, job.last)))
        except (ItemFailed, FormatError) as exc:
            self._visit.note(
                "export.missing", meter=job.meter.id, first=job.first, last=job.last, reason=str(exc)
            )
            return ExportEnd(missing=str(exc))
        return end

    async def _document(self, job: ExportJob) -> Document:
        """The file. What the portal fails at making it is asked for anew, a few times."""
        attempts = 0
        while True:
            attempts += not job.key
            try:
                return await self._authenticator.in_session(METHOD, lambda: self._called(job))
            except ExportFailed as exc:
                await self._forget(job)
                self._visit.note("export.failed", item=f"intervals {job.name}", reason=str(exc))
                if attempts >= _ATTEMPTS:
                    raise

    async def _called(self, job: ExportJob) -> Document:
        """The script's call: to ask for the export, or to fetch what the portal was asked for before."""
        utility, visit, call = self._authenticator.utility, self._visit, current_call()
        both = (job.first, job.last)
        if not utility.implements(_RESUME):
            return await utility.export_intervals(visit, job.account, job.meter, *both)
        if call is not None:
            call.keep_pending = lambda pending: self._keep(job, pending)
        if job.key:
            return await utility.resume_export(visit, job.account, job.meter, *both, job.key)
        return await utility.export_intervals(visit, job.account, job.meter, *both)

    async def _left_pending(self, job: ExportJob, pending: ExportPending) -> ExportEnd:
        if not self._authenticator.utility.implements(_RESUME):
            return ExportEnd(missing=f"{pending}, and its script has no {_RESUME} that could fetch it later")
        await self._keep(job, pending)
        self._visit.note("export.pending", item=f"intervals {job.name}")
        return job.still_pending()

    async def _keep(self, job: ExportJob, pending: ExportPending) -> None:
        if (job.key, job.not_before) == (pending.key, pending.not_before) and job.requested_at is not None:
            return
        if job.key != pending.key or job.requested_at is None:
            job.requested_at = datetime.now(UTC)
        job.key, job.not_before = pending.key, pending.not_before
        await read_and_store(
            self._store.pending_exports.keep,
            job.account_id,
            job.meter.id,
            (job.first, job.last),
            pending.key,
            pending.not_before,
        )

    async def _forget(self, job: ExportJob) -> None:
        if job.key:
            await read_and_store(
                self._store.pending_exports.forget, job.account_id, job.meter.id, (job.first, job.last)
            )
        job.key, job.requested_at, job.not_before = "", None, None

    async def _stored(self, job: ExportJob, document: Document) -> ExportEnd:
        try:
            counts, doubt, absent = await read_and_store(self._read_and_save, job, document)
        except (ItemFailed, FormatError):
            await self._forget(job)  # the next run asks for it anew
            raise
        await self._forget(job)
        if doubt:
            self._visit.note("export.doubted", item=f"intervals {job.name}", reason=doubt)
        if counts.held:
            self._visit.note("export.zeros_left_out", item=f"intervals {job.name}", count=counts.held)
        self._visit.note("export.stored", item=f"intervals {job.name}")
        return ExportEnd(doubt=doubt, absent=absent)

    def _read_and_save(
        self, job: ExportJob, document: Document
    ) -> tuple[ReadingCounts, str, frozenset[date]]:
        """What was stored, what of it is in doubt, if anything, and the days that the portal has nothing of.

        What is lost shows in the days.
        """
        with span("read", what="intervals"), reader_errors():
            data = self._authenticator.utility.read_intervals(document, job.meter)
        foreign = sorted({series.meter_id for series in data.series} - {job.meter.id})
        if foreign:
            raise ItemFailed(f"the export is of meter {foreign[0]}, not {job.meter.id}")
        refused = [issue for issue in data.issues if issue.severity is Severity.ERROR]
        if refused:
            raise ItemFailed(f"not all of the export could be read: {refused[0]}")
        doubts = [str(issue) for issue in data.issues if issue.severity is Severity.WARNING]
        with span("store", what="intervals"):
            saved = self._store.readings.save(job.account_id, document, job.name, data.series)
        absent = set(days(job.first, job.last)) - set(days(*data.covers)) if data.covers else ()
        return saved, "; ".join(doubts), frozenset(absent)
