"""The store: the one door to all that is kept. Synchronous, thread-safe; a method is a transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from copy import copy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from sqlmodel import Session

from records import (
    Account,
    Bill,
    Challenge,
    Document,
    EventKind,
    LedgerItem,
    ListedBill,
    Outcome,
    Part,
    RunKind,
    RunState,
    SecretKind,
    Series,
)
from storage import (
    accounts,
    audit,
    bill_saving,
    bills,
    briefings,
    challenges,
    covered,
    credentials,
    customers,
    days,
    documents,
    ending,
    events,
    figures,
    keyring,
    leases,
    logins,
    portals,
    queue,
    readings,
    refresh,
    register,
    removal,
    retention,
    roster,
    runs,
    sessions,
    stored_series,
)
from storage.audit import VaultRead
from storage.channels import Channels
from storage.database import Database, now
from storage.errors import StorageError
from storage.figures import Figures
from storage.files import AnyFiles, files_at
from storage.home import FILES, prepare_home
from storage.migrations import bring_up_to_date
from storage.results import (
    Briefing,
    Coverage,
    Customer,
    CustomerInfo,
    Event,
    ReadBill,
    ReadingCounts,
    Rejection,
    SavedSession,
    SeriesCoverage,
    StoredAccount,
    StoredBill,
    StoredExport,
)
from storage.settings import Settings
from storage.vault import Vault
from storage.work import (
    Beat,
    ChallengeInfo,
    Claim,
    FollowUp,
    Lease,
    Ring,
    RunInfo,
    RunStory,
)

_SWEEP_AFTER = 3600.0
_PAGE = 20_000


class Store:
    """Open it with ``Store.open``. Anything that goes wrong with the state is a ``StorageError``."""

    def __init__(self, database: Database, vault: Vault, home: Path, files: AnyFiles) -> None:
        self._database = database
        self._vault = vault
        self._home = home
        self._lease: Lease | None = None
        self._loaded: bytes | None = None
        self.files = files
        self.channels = Channels(database, vault)

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """Make or open the state in ``settings.home``, bring its schema up to date, check the keys."""
        home = prepare_home(settings.home)
        database = Database(settings, home)
        with ExitStack() as on_failure:
            on_failure.callback(database.close)
            bring_up_to_date(database, home)
            vault = keyring.open_vault(settings, home, database)
            store = cls(database, vault, home, files_at(settings.files_url, home / FILES))
            on_failure.pop_all()
        return store

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # customers

    def customer(self, utility: str, username: str) -> Customer:
        """The customer with this login, made at first use with the consent "command line".

        User names that differ in case or outer spaces are one login; ``username`` comes back as given now.
        """
        with self._database.reading() as session:
            found = customers.find(session, utility, username)
        if found:
            return found
        with self._writing() as session:
            return customers.make(session, self._vault, utility, username)

    def may_collect(self, customer: Customer) -> bool:
        """Whether some consent of the customer is not revoked; nothing is collected without one."""
        with self._database.reading() as session:
            return customers.may_collect(session, customer)

    def add_customer(
        self,
        utility: str,
        username: str,
        *,
        external_id: str | None = None,
        secrets: Mapping[SecretKind, str],
        method: str = customers.COMMAND_LINE,
    ) -> Customer:
        """Enter a customer, or bring back a removed one, who consented by ``method``. Raises AlreadyThere.

        With a password, a run that tries it is queued.
        """
        with self._database.writing() as session:
            return register.add(session, self._vault, utility, username, external_id, secrets, method)

    def update_customer(
        self,
        customer: Customer,
        *,
        username: str | None = None,
        external_id: str | None = None,
        secrets: Mapping[SecretKind, str],
    ) -> None:
        """Change what is given; an empty external id takes it away. Raises AlreadyThere.

        With something new to sign in with, a run that tries it is queued.
        """
        with self._database.writing() as session:
            register.change(session, self._vault, customer, username, external_id, secrets)

    def find_customer(self, reference: str) -> Customer | None:
        """By id, else by external id, else by user name, which only one may have. Also one removed."""
        with self._database.reading() as session:
            return roster.find(session, reference)

    def customers(self) -> Sequence[CustomerInfo]:
        """By id, the removed ones too. Of very many, each page is a transaction."""
        found: list[CustomerInfo] = []
        while True:
            with self._database.reading() as session:
                page = roster.after(session, found[-1].id if found else 0, _PAGE)
            found += page
            if len(page) < _PAGE:
                return found

    def customer_info(self, customer: Customer) -> CustomerInfo:
        with self._database.reading() as session:
            return roster.one(session, customer)

    def remove_customer(self, customer: Customer, *, data: bool) -> None:
        """Destroy the customer's data key and what it sealed, and with ``data`` all that was stored of them.

        Bills and readings stay without ``data``. Runs that wait are cancelled, those under way told to stop.
        """
        with self._database.writing() as session:
            (removal.erase if data else removal.close)(session, customer)
        self._database.forget_deleted()
        if data:
            self.sweep()

    def rotate(self) -> int:
        """Wrap all data keys with the first master key; returns how many were not yet."""
        with self._database.writing() as session:
            return keyring.rewrap(session, self._vault)

    def rotate_vault(self) -> int:
        """Wrap all data keys with a new master key, or the environment's first; returns how many."""
        return keyring.rotate(self._home, self._database, self._vault)

    # logins

    def rejection(self, customer: Customer, password: str) -> Rejection | None:
        """How the portal refused this very password with the user name so spelled, if it did."""
        with self._database.reading() as session:
            return logins.rejection(session, self._vault, customer, password)

    def reject_password(self, customer: Customer, password: str, outcome: Outcome, message: str) -> None:
        with self._writing() as session:
            logins.reject(session, self._vault, customer, password, outcome, message)

    def clear_rejections(self, customer: Customer) -> None:
        """Forget refused passwords, after a successful sign-in."""
        with self._database.reading() as session:
            if not logins.has_rejections(session, customer):
                return
        with self._writing() as session:
            logins.clear(session, customer)

    def claim_totp_step(self, customer: Customer, step: int) -> bool:
        """True once per login and time step (unix time // 30)."""
        with self._writing() as session:
            return logins.claim_totp_step(session, customer, step)

    def met_factor(self, customer: Customer) -> str:
        """What the portal last challenged the login with (``records.Factor``), "" if it never did."""
        with self._database.reading() as session:
            return logins.factor(session, customer)

    def note_factor(self, customer: Customer, factor: str) -> None:
        if self.met_factor(customer) == factor:
            return
        with self._writing() as session:
            logins.note_factor(session, customer, factor)

    # secrets

    def secrets(self, customer: Customer) -> Mapping[SecretKind, SecretStr]:
        """What the customer entrusted to us."""
        with self._opening() as session:
            return credentials.load(session, self._vault, customer)

    def save_secrets(self, customer: Customer, secrets: Mapping[SecretKind, str]) -> None:
        """Keep secrets; one of a kind replaces the former. Nothing is queued for them."""
        with self._writing() as session:
            credentials.save(session, self._vault, customer, secrets)

    def save_session(self, customer: Customer, state: bytes, *, trusted_since: datetime | None) -> None:
        """Keep the portal's session. ``trusted_since`` None leaves it as it was.

        The holder of a run, who alone writes it, writes nothing if it is as it was last loaded or saved.
        """
        if trusted_since is None and state == self._loaded:
            return
        with self._writing() as session:
            sessions.save(session, self._vault, customer, state, trusted_since)
        self._remember(state)

    def load_session(self, customer: Customer) -> SavedSession | None:
        with self._opening() as session:
            saved = sessions.load(session, self._vault, customer)
        self._remember(saved.state if saved else None)
        return saved

    def drop_session(self, customer: Customer) -> None:
        with self._writing() as session:
            sessions.drop(session, customer)
        self._remember(None)

    def _remember(self, state: bytes | None) -> None:
        if self._lease is not None:
            self._loaded = state

    def briefing(self, customer: Customer) -> Briefing:
        """All that a run needs at its start, in one transaction."""
        with self._opening() as session:
            brief = briefings.brief(session, self._vault, customer)
        self._remember(brief.session.state if brief.session else None)
        return brief

    # queue

    def under(self, lease: Lease, brief: Briefing | None = None) -> Store:
        """This store as the holder of a run writes to it: every write is refused once the lease is lost.

        Its writes, and no reads, raise LeaseLost then. ``brief`` is what the holder was told already.
        """
        held = copy(self)
        held._lease = lease
        if brief is not None:
            held._remember(brief.session.state if brief.session else None)
        return held

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self._database.writing() as session:
            if self._lease is not None:
                leases.check(session, self._lease)
            yield session

    @contextmanager
    def _opening(self) -> Iterator[Session]:
        """A transaction in which secrets are opened, and that is written down. Who lost a run may still."""
        with self._database.writing() as session:
            if self._lease is not None:
                audit.is_for(session, self._lease.run_id)
            yield session

    def vault_reads(
        self, *, customer_id: int | None = None, since: datetime | None = None, limit: int = 100
    ) -> Sequence[VaultRead]:
        """Who opened which secrets; newest first."""
        with self._database.reading() as session:
            return audit.listed(session, customer_id=customer_id, since=since, limit=limit)

    def forget_vault_reads(self, limit: int = 5_000) -> int:
        """Delete the rows of that log that are more than a year old, up to ``limit``; how many."""
        with self._database.writing() as session:
            return audit.forget(session, audit.KEPT, limit)

    def claim_run(self, run_id: int, attempt: int) -> Claim | None:
        """Take a queued run for this process; None if it is not to be had now."""
        with self._database.writing() as session:
            return leases.claim(session, run_id, attempt)

    def take_run(self, run_id: int, attempt: int) -> tuple[Claim, Briefing | None] | None:
        """As ``claim_run``, with the briefing, so that the log of what it opens costs no transaction more.

        None instead of the briefing if a secret does not open; ``briefing`` says why.
        """
        with self._database.writing() as session:
            claim = leases.claim(session, run_id, attempt)
            if claim is None:
                return None
            audit.is_for(session, claim.lease.run_id)
            try:
                return claim, briefings.brief(session, self._vault, claim.customer)
            except StorageError:
                return claim, None

    def begin_run(self, customer: Customer, kind: RunKind) -> Claim | None:
        """Make a run that this process holds from the start; None while another run uses the login."""
        with self._database.writing() as session:
            leases.reap(session)
            return leases.begin(session, customer, kind)

    def beat(self) -> Sequence[Beat]:
        """Renew the leases of this process; those that it still holds."""
        with self._database.writing() as session:
            return leases.beat(session)

    def reap(self) -> int:
        """Queue the runs again whose workers are gone; how many. A wait for the database does not count."""
        since = datetime.now(UTC) if self._database.is_local else None
        with self._database.writing() as session:
            return leases.reap(session, since)

    def runs_to_ring(self, limit: int = 500) -> Sequence[Ring]:
        """Queued runs that workers were not told of; they are taken down as told."""
        with self._database.reading() as session:
            if not leases.has_to_ring(session):
                return []
        with self._database.writing() as session:
            return leases.to_ring(session, limit)

    def unheard_runs(self, limit: int = 500) -> Sequence[Ring]:
        """Queued runs that workers were told of some time ago, and that none has taken."""
        with self._database.reading() as session:
            return leases.unheard(session, limit)

    def keep_rung(self, run_ids: Sequence[int]) -> None:
        """Say that a process has these in line, so that nobody hands them out anew."""
        with self._database.writing() as session:
            leases.keep_rung(session, run_ids)

    def hand_out_anew(self, rings: Sequence[Ring]) -> None:
        """Have these named by ``runs_to_ring`` again, under a new attempt, if still nobody has taken them."""
        with self._database.writing() as session:
            leases.hand_out_anew(session, rings)

    def forget_rings(self) -> None:
        """Have ``runs_to_ring`` name all queued runs again."""
        with self._database.writing() as session:
            leases.forget_rings(session)

    def finish_run(
        self,
        lease: Lease,
        outcome: Outcome,
        message: str,
        *,
        use: str = "",
        seconds: Mapping[str, float] | None = None,
        pages: int = 0,
        evidence: str = "",
        ledger: Sequence[LedgerItem] = (),
        follow: FollowUp | None = None,
        state: bytes | None = None,
    ) -> None:
        """End a run with all that follows. ``use`` is new, reused or challenged_again; LeaseLost.

        ``state`` is the portal's session as the run left it, to be kept if it is another by now.
        """
        how = ending.Ending(outcome, message, use, seconds or {}, pages, evidence, ledger)
        with self._database.writing() as session:
            customer = ending.finish(session, lease, how, follow or FollowUp())
            if customer is not None and state not in (None, self._loaded):
                sessions.save(session, self._vault, customer, state, None)

    def abandon_run(self, lease: Lease) -> None:
        """End a run that was broken off before it had an outcome."""
        with self._database.writing() as session:
            runs.abandon(session, lease)

    def hand_back_run(self, lease: Lease, why: str) -> None:
        """Queue a run again that this process cannot go on with; LeaseLost."""
        with self._database.writing() as session:
            runs.hand_back(session, lease, why)

    def fail_run(self, lease: Lease, why: str, rest: timedelta) -> None:
        """Queue a run again, after ``rest``, that a fault of this machine broke off; LeaseLost."""
        with self._database.writing() as session:
            runs.fail(session, lease, why, rest)

    def stop_run(self, lease: Lease) -> None:
        """End a run that was cancelled while this process held it; LeaseLost."""
        with self._database.writing() as session:
            runs.stop(session, lease)

    def tell_run(self, lease: Lease, step: str, detail: str = "") -> None:
        """Add a line to the story of a run; LeaseLost."""
        with self._database.writing() as session:
            leases.check(session, lease)
            queue.tell(session, lease.run_id, step, detail)

    def cancel_run(self, run_id: int) -> RunState:
        """Cancel it; the state it is in. One under way ends when its worker hears of it. RunRefused."""
        with self._database.writing() as session:
            return runs.cancel(session, run_id)

    def retry_run(self, run_id: int) -> int:
        """Queue what it was for again, now; the new run. RunRefused."""
        with self._database.writing() as session:
            return runs.retry(session, run_id)

    def runs(
        self, *, limit: int = 50, customer_id: int | None = None, active: bool = False
    ) -> Sequence[RunInfo]:
        """Newest first."""
        with self._database.reading() as session:
            return runs.listed(session, limit=limit, customer_id=customer_id, active=active)

    def run_counts(self) -> Mapping[RunState, int]:
        with self._database.reading() as session:
            return runs.counts(session)

    def run_story(self, run_id: int) -> RunStory | None:
        with self._database.reading() as session:
            return runs.story(session, run_id)

    def figures(self, utilities: Iterable[str]) -> Figures:
        """How the whole farm stands; of these utilities also how late their refreshes are."""
        with self._database.reading() as session:
            return figures.figures(session, utilities)

    def resting_portals(self) -> Mapping[str, datetime]:
        """The portals whose circuit breaker is open, and until when."""
        with self._database.reading() as session:
            return portals.resting(session, now(session))

    def queue_due(self, utility: str, every: Mapping[Part, timedelta], limit: int = 1000) -> int:
        """Queue a refresh of the utility's customers who are due; how many."""
        with self._database.writing() as session:
            return refresh.queue_due(session, utility, every, limit)

    def queue_refresh(self, customer_ids: Sequence[int] | None = None) -> Sequence[int]:
        """Queue a refresh of these, or of all who can be refreshed, now; the runs."""
        with self._database.writing() as session:
            return refresh.queue_all(session, customer_ids)

    def forget_runs(self, older_than: timedelta, limit: int = 5000) -> int:
        """Delete up to ``limit`` runs that were over that long ago, but each customer's newest; how many."""
        with self._database.writing() as session:
            return retention.forget_runs(session, older_than, limit)

    def tell_expiring_trust(self, utility: str, lasts: timedelta, ahead: timedelta) -> int:
        """Tell whose trust lapses within ``ahead``, once for each sign-in; how many."""
        with self._database.writing() as session:
            return refresh.tell_expiring(session, utility, lasts, ahead)

    # challenges

    def open_challenge(self, lease: Lease, challenge: Challenge, wait: timedelta) -> int:
        """Enter a challenge that the run now waits for; its id. LeaseLost."""
        with self._database.writing() as session:
            return challenges.open_(session, lease, challenge, wait)

    def answer_challenge(self, challenge_id: int, said: Mapping[str, str]) -> None:
        """Give an answer to the worker that waits for it; AnswerRefused if nobody does any more."""
        with self._database.writing() as session:
            challenges.answer(session, self._vault, challenge_id, said)

    def settled_challenges(self, ids: Collection[int]) -> Sequence[int]:
        """Which of these are open no more."""
        with self._database.reading() as session:
            return challenges.settled(session, ids)

    def take_answer(self, lease: Lease, challenge_id: int) -> Mapping[str, str] | None:
        """The answer, once; None if none came in time. The run goes on either way. LeaseLost."""
        with self._database.writing() as session:
            audit.is_for(session, lease.run_id)
            return challenges.take(session, self._vault, lease, challenge_id)

    def challenges(self, *, only_open: bool = False, limit: int = 1000) -> Sequence[ChallengeInfo]:
        """Newest first."""
        with self._database.reading() as session:
            return challenges.listed(session, only_open=only_open, limit=limit)

    def challenge(self, challenge_id: int) -> ChallengeInfo | None:
        with self._database.reading() as session:
            return next(iter(challenges.listed(session, challenge_id=challenge_id)), None)

    # events

    def events(self, after: int = 0, limit: int = 100, kinds: Collection[EventKind] = ()) -> Sequence[Event]:
        """Those with ids greater than ``after``, by id; none is ever added before one that was there."""
        with self._database.reading() as session:
            return events.after(session, after, limit, kinds)

    # data

    def save_account(self, customer: Customer, account: Account) -> int:
        """Insert or update the account and its meters; returns the account's id."""
        with self._database.reading() as session:
            known = accounts.unchanged(session, customer, account)
        if known is not None:
            return known
        with self._writing() as session:
            return accounts.save(session, customer, account)

    def accounts(self, customer: Customer) -> Sequence[StoredAccount]:
        """By number."""
        with self._database.reading() as session:
            return accounts.stored(session, customer)

    def stored_bills(self, account_id: int) -> Mapping[str, StoredBill]:
        """By the portal's key, oldest first."""
        with self._database.reading() as session:
            return bills.stored(session, self.files, account_id)

    def save_bill(
        self,
        account_id: int,
        listed: ListedBill,
        document: Document,
        bill: Bill | None,
        *,
        layout: str,
        layout_version: int,
        problems: Sequence[str] = (),
    ) -> bool:
        """As ``save_bills`` for one bill; whether anything was new."""
        read = ReadBill(listed, document, bill, layout, layout_version, problems)
        return self.save_bills(account_id, [read])[0]

    def save_bills(self, account_id: int, read: Sequence[ReadBill]) -> Sequence[bool]:
        """Keep bills' documents and what was read from them, all or nothing; of which anything was new.

        The same bytes again bring back a file that was lost, which is nothing new.
        """
        hashes = self.files.put_all([one.document.content for one in read])
        with self._writing() as session:
            return bill_saving.save(session, self.files, account_id, list(zip(read, hashes, strict=True)))

    def whole_bills(self, account_id: int) -> Set[str]:
        """The portal's keys of the bills that are in store, file and all, and were read."""
        with self._database.reading() as session:
            return bills.whole(session, self.files, account_id)

    def exports(self, account_id: int) -> Sequence[StoredExport]:
        """The interval exports as received, oldest first."""
        with self._database.reading() as session:
            return documents.exports(session, account_id)

    def coverage(self, account_id: int) -> Mapping[str, Coverage]:
        """By meter id, for meters that have readings."""
        with self._database.reading() as session:
            return stored_series.coverage(session, account_id)

    def interval_coverage(self, account_id: int) -> Sequence[SeriesCoverage]:
        """The times that each kind of reading of the account's meters covers, and their gaps."""
        with self._database.reading() as session:
            return covered.by_series(session, account_id)

    def whole_days(
        self,
        account_id: int,
        meter_id: str,
        zone: ZoneInfo,
        first: date | None = None,
        last: date | None = None,
    ) -> Set[date]:
        """The days of ``zone`` that the meter's readings cover from midnight to midnight, in each direction.

        ``first`` and ``last`` are the days to look at, both included: it is quicker for fewer.
        """
        with self._database.reading() as session:
            return days.whole(session, account_id, meter_id, zone, first, last)

    def zero_days(self, account_id: int, meter_id: str, zone: ZoneInfo) -> Set[date]:
        """The newest days of which the meter has zeros alone: there may be values by now."""
        with self._database.reading() as session:
            return days.of_zeros(session, account_id, meter_id, zone)

    def save_readings(
        self, account_id: int, document: Document, portal_key: str, series: Sequence[Series]
    ) -> ReadingCounts:
        """Keep an export and its readings, all or nothing, each series at the finest exponent it came in.

        What is restated replaces what was there, which is kept as a revision; a zero replaces no value.
        Raises FormatError, and stores nothing, if a series changed its unit or has values beyond 64 bits.
        """
        sha256 = self.files.put(document.content)
        with self._writing() as session:
            account = accounts.locked(session, account_id)
            kind = documents.Kind.INTERVALS
            fetched = (portal_key, document, sha256)
            (kept,) = documents.keep_all(session, self.files, account, kind, [fetched])
            return readings.save(session, account, kept, series)

    def series(self, account_id: int, meter_id: str) -> Sequence[Series]:
        """The meter's readings, a series for each measure and direction, at the finest length there is."""
        with self._database.reading() as session:
            return stored_series.stored(session, account_id, meter_id)

    def fingerprints(self, account_id: int) -> Mapping[str, str]:
        """By meter id, a text that changes whenever the meter's readings do."""
        with self._database.reading() as session:
            return stored_series.fingerprints(session, account_id)

    def sweep(self, older_than: float = _SWEEP_AFTER) -> int:
        """Delete unreferenced files, and leftovers untouched for ``older_than`` seconds; returns how many."""
        return documents.sweep(self._database, self.files, older_than)
