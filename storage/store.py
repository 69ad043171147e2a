"""The store: the one door to all that is kept. Synchronous, thread-safe; a method is a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from zoneinfo import ZoneInfo

from records import Account, Bill, Document, LedgerItem, ListedBill, Outcome, Series
from storage import accounts, bills, customers, days, documents, logins, readings, runs, sessions
from storage.database import Database
from storage.files import Files
from storage.home import FILES, LOCKS, prepare_home
from storage.keyring import open_vault
from storage.locks import LoginLock
from storage.migrations import bring_up_to_date
from storage.results import (
    Coverage,
    Customer,
    ReadingCounts,
    Rejection,
    SavedSession,
    StoredAccount,
    StoredBill,
    StoredExport,
)
from storage.settings import Settings
from storage.vault import Vault

_SWEEP_AFTER = 3600.0


class Store:
    """Open it with ``Store.open``. Anything that goes wrong with the state is a ``StorageError``."""

    def __init__(self, database: Database, vault: Vault, home: Path) -> None:
        self._database = database
        self._vault = vault
        self._locks = home / LOCKS
        self.files = Files(home / FILES)

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """Make or open the state in ``settings.home``, bring its schema up to date, check the keys."""
        home = prepare_home(settings.home)
        database = Database(settings, home)
        with ExitStack() as on_failure:
            on_failure.callback(database.close)
            bring_up_to_date(database, home)
            store = cls(database, open_vault(settings, home, database), home)
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
        with self._database.writing() as session:
            return customers.make(session, self._vault, utility, username)

    def may_collect(self, customer: Customer) -> bool:
        """Whether some consent of the customer is not revoked; nothing is collected without one."""
        with self._database.reading() as session:
            return customers.may_collect(session, customer)

    def remove_customer(self, customer: Customer) -> None:
        """Destroy the customer's data key and delete all that was stored of them."""
        with self._database.writing() as session:
            customers.remove(session, customer)
        self._database.forget_deleted()
        self.sweep()

    def rotate(self) -> int:
        """Wrap all data keys with the first master key; returns how many were not yet."""
        with self._database.writing() as session:
            return customers.rotate(session, self._vault)

    # logins

    def login_lock(self, customer: Customer) -> LoginLock:
        """A lock to hold while a run uses the customer's login; not yet held."""
        return LoginLock(self._locks / str(customer.login_id))

    def rejection(self, customer: Customer, password: str) -> Rejection | None:
        """How the portal refused this very password with the user name so spelled, if it did."""
        with self._database.reading() as session:
            return logins.rejection(session, self._vault, customer, password)

    def reject_password(self, customer: Customer, password: str, outcome: Outcome, message: str) -> None:
        with self._database.writing() as session:
            logins.reject(session, self._vault, customer, password, outcome, message)

    def clear_rejections(self, customer: Customer) -> None:
        """Forget refused passwords, after a successful sign-in."""
        with self._database.writing() as session:
            logins.clear(session, customer)

    def claim_totp_step(self, customer: Customer, step: int) -> bool:
        """True once per login and time step (unix time // 30)."""
        with self._database.writing() as session:
            return logins.claim_totp_step(session, customer, step)

    # secrets

    def save_session(self, customer: Customer, state: bytes, *, trusted_since: datetime | None) -> None:
        """Keep the portal's session. ``trusted_since`` None leaves it as it was."""
        with self._database.writing() as session:
            sessions.save(session, self._vault, customer, state, trusted_since)

    def load_session(self, customer: Customer) -> SavedSession | None:
        with self._database.reading() as session:
            return sessions.load(session, self._vault, customer)

    def drop_session(self, customer: Customer) -> None:
        with self._database.writing() as session:
            sessions.drop(session, customer)

    # runs

    def start_run(self, customer: Customer, kind: str) -> int:
        """Start a run under the login's lock: runs of the customer that never ended are abandoned."""
        with self._database.writing() as session:
            return runs.start(session, customer, kind)

    def abandon_run(self, run_id: int) -> None:
        """End a run that was broken off before it had an outcome."""
        with self._database.writing() as session:
            runs.abandon(session, run_id)

    def finish_run(
        self,
        run_id: int,
        outcome: Outcome,
        message: str,
        *,
        session: str,
        seconds: Mapping[str, float],
        ledger: Sequence[LedgerItem],
    ) -> None:
        """End a running run. ``session`` is new, reused or challenged_again; ``seconds`` by step."""
        with self._database.writing() as transaction:
            runs.finish(transaction, run_id, outcome, message, session, seconds, ledger)

    # data

    def save_account(self, customer: Customer, account: Account) -> int:
        """Insert or update the account and its meters; returns the account's id."""
        with self._database.writing() as session:
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
        """Keep a bill's document and what was read from it (None: nothing); whether anything was new.

        The same bytes again bring back a file that was lost, which is nothing new.
        """
        sha256 = self.files.put(document.content)
        with self._database.writing() as session:
            return bills.save(
                session,
                self.files,
                account_id,
                listed,
                document,
                sha256,
                bill,
                layout,
                layout_version,
                problems,
            )

    def exports(self, account_id: int) -> Sequence[StoredExport]:
        """The interval exports as received, oldest first."""
        with self._database.reading() as session:
            return documents.exports(session, account_id)

    def coverage(self, account_id: int) -> Mapping[str, Coverage]:
        """By meter id, for meters that have readings."""
        with self._database.reading() as session:
            return readings.coverage(session, account_id)

    def whole_days(self, account_id: int, meter_id: str, zone: ZoneInfo) -> set[date]:
        """The days of ``zone`` that every series of the meter covers from midnight to midnight."""
        with self._database.reading() as session:
            return days.whole(session, account_id, meter_id, zone)

    def save_readings(
        self, account_id: int, document: Document, portal_key: str, series: Sequence[Series]
    ) -> ReadingCounts:
        """Keep an export and its readings, all or nothing, each series at the finest exponent it came in.

        Raises FormatError, and stores nothing, if a series changed its unit or has values beyond 64 bits.
        """
        sha256 = self.files.put(document.content)
        with self._database.writing() as session:
            account = accounts.locked(session, account_id)
            kind = documents.Kind.INTERVALS
            documents.keep(session, self.files, account, kind, portal_key, document, sha256)
            return readings.save(session, account, series)

    def series(self, account_id: int, meter_id: str) -> Sequence[Series]:
        """All readings of the meter, a series for each direction."""
        with self._database.reading() as session:
            return readings.stored(session, account_id, meter_id)

    def fingerprints(self, account_id: int) -> Mapping[str, str]:
        """By meter id, a text that changes whenever the meter's readings do."""
        with self._database.reading() as session:
            return readings.fingerprints(session, account_id)

    def sweep(self, older_than: float = _SWEEP_AFTER) -> int:
        """Delete unreferenced files, and leftovers untouched for ``older_than`` seconds; returns how many."""
        return documents.sweep(self._database, self.files, older_than)
