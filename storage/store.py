"""The store: the one way to all that is kept. Synchronous, thread-safe; a method of it is a transaction.

``Store`` is the whole farm, as workers, the scheduler and operators see it. ``Store.of`` gives the store of
one company, in which nothing of another is found or changed.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import text
from sqlmodel import Session, col, select

from meterfarm.records import CustomerState
from meterfarm.storage import StorageError
from meterfarm.storage.audit import Audit, FarmAudit
from meterfarm.storage.channels import mailboxes, outgoing
from meterfarm.storage.channels.outgoing import CompanyMails, FarmMails
from meterfarm.storage.channels.repository import Channels, SmsReceivers
from meterfarm.storage.customers import Company, RunContext, companies, credentials, identity
from meterfarm.storage.customers.companies import ApiKeys, Companies, KeptAnswers, KeyRing
from meterfarm.storage.customers.credentials import Logins, StoredCredentials
from meterfarm.storage.customers.identity import Consents, FarmConsents
from meterfarm.storage.customers.repository import Customers
from meterfarm.storage.customers.users import Users, rotate_factors
from meterfarm.storage.data import documents
from meterfarm.storage.data.accounts import Accounts, StoredFacts
from meterfarm.storage.data.bills import Bills
from meterfarm.storage.data.documents import PendingExports
from meterfarm.storage.data.intervals import Intervals
from meterfarm.storage.data.readings import Readings
from meterfarm.storage.database import HEAD, Database, Farm, Scope, now
from meterfarm.storage.files import AnyFiles, Files, ObjectFiles
from meterfarm.storage.runs import Claim, Lease, leases
from meterfarm.storage.runs.challenges import Challenges, FarmChallenges
from meterfarm.storage.runs.events import Events, FiredEvents
from meterfarm.storage.runs.farm_runs import FarmRuns
from meterfarm.storage.runs.leases import Workforce
from meterfarm.storage.runs.queue import Breakers, Troubles
from meterfarm.storage.runs.repository import Runs
from meterfarm.storage.settings import FILES, KEY_FILE, Settings, prepare_home, setup_lock
from meterfarm.storage.tables import (
    CustomerRow,
    DashboardUserRow,
    KeptAnswerRow,
    MailboxRow,
    OutgoingMailRow,
    SentPasswordRow,
    WebhookEndpointRow,
)
from meterfarm.storage.vault import KeyFile, MasterKey, Vault, parse_keys, wrong_key
from meterfarm.storage.webhooks import queue as webhook_queue
from meterfarm.storage.webhooks.endpoints import Webhooks
from meterfarm.storage.webhooks.queue import WebhookQueue


def open_vault(settings: Settings, home: Path, database: Database) -> Vault:
    """The vault, checked to hold every key that stored secrets are wrapped with."""
    given = parse_keys(settings.secret_keys.get_secret_value(), "METERFARM_SECRET_KEYS")
    if not given and settings.database_url.get_secret_value():
        raise StorageError(
            "METERFARM_SECRET_KEYS is not set, which DATABASE_URL needs: give the farm's keys, "
            "or for a new farm one that `vault new-key` prints."
        )
    file = KeyFile(home / KEY_FILE)
    with database.reading() as session:
        used = keys_in_use(session)
    if not given and not used and not file.read():
        file.make()

    def ring() -> Sequence[MasterKey]:
        keys = [*given, *file.read()]
        if not keys:
            raise StorageError(
                f"The vault key {file.path} is missing and stored secrets need it; "
                "restore it from a backup, or give it in METERFARM_SECRET_KEYS."
            )
        return keys

    vault = Vault(ring(), ring)
    for key_id in used:
        if key_id not in vault:
            vault.refresh()
        if key_id not in vault:
            raise StorageError(wrong_key(key_id))
    return vault


def rewrap(session: Session, vault: Vault) -> int:
    """Wrap all data keys with the first master key; returns how many customers' were not yet."""
    vault.refresh()
    credentials.rotate(session, vault)
    mailboxes.rotate(session, vault)
    webhook_queue.rotate_keys(session, vault)
    outgoing.rotate_keys(session, vault)
    companies.rotate_answers(session, vault)
    rotate_factors(session, vault)
    return identity.rotate(session, vault)


def rotate(home: Path, database: Database, vault: Vault) -> int:
    """Wrap all data keys with a new master key; returns how many customers' there are.

    With the environment's keys it is the first of those. Else a new key is put in front of the key file's,
    and those that nothing needs any more are dropped. After a kill at any point the file has every key that
    is needed: the new key is in it before it wraps, and an old one until what it wrapped has been rewrapped
    for good.
    """
    file = KeyFile(home / KEY_FILE)
    with setup_lock(home):
        own = vault.refresh() == [key.id for key in file.read()]
        if own:
            file.clear_leftovers()
            file.put_new_key_first()
        with database.writing() as session:
            count = rewrap(session, vault)
        database.settle()
        if own:
            with database.writing() as session:  # nobody wraps meanwhile
                file.keep_only(keys_in_use(session))
    database.forget_deleted()
    return count


def keys_in_use(session: Session) -> set[str]:
    """The ids of the master keys that something stored is wrapped with."""
    removed = CustomerState.REMOVED.value
    queries = (
        select(CustomerRow.key_id).where(CustomerRow.state != removed).group_by(col(CustomerRow.key_id)),
        select(SentPasswordRow.key_id).group_by(col(SentPasswordRow.key_id)),
        select(MailboxRow.key_id).group_by(col(MailboxRow.key_id)),
        select(WebhookEndpointRow.key_id).group_by(col(WebhookEndpointRow.key_id)),
        select(OutgoingMailRow.key_id)
        .where(OutgoingMailRow.key_id != "")
        .group_by(col(OutgoingMailRow.key_id)),
        select(KeptAnswerRow.key_id).where(KeptAnswerRow.head != "").group_by(col(KeptAnswerRow.key_id)),
        select(DashboardUserRow.key_id)
        .where(DashboardUserRow.key_id != "")
        .group_by(col(DashboardUserRow.key_id)),
    )
    return {key_id for query in queries for key_id in session.exec(query)}


class _Closed(ABC):
    """Closes at the end of a ``with`` block."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Store(_Closed):
    """The farm's store. What goes wrong with the state is a ``StorageError``."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self.files = farm.files
        self.companies = Companies(farm)
        self.runs = FarmRuns(farm)
        self.challenges = FarmChallenges(farm)
        self.sms = SmsReceivers(farm)
        self.breakers = Breakers(farm)
        self.troubles = Troubles(farm)
        self.workforce = Workforce(farm)
        self.audit = FarmAudit(farm)
        self.webhooks = WebhookQueue(farm)
        self.mails = FarmMails(farm)
        self.api_keys = KeyRing(farm)
        self.users = Users(farm)
        self.consents = FarmConsents(farm)

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """Make or open the state in ``settings.home``, bring its schema up to date, check the keys.

        Raises:
            StorageError: the state cannot be used, or its keys are missing.
        """
        home = prepare_home(settings.home)
        database = Database(settings, home)
        with ExitStack() as on_failure:
            on_failure.callback(database.close)
            database.bring_up_to_date(home)
            vault = open_vault(settings, home, database)
            store = cls(Farm(database, vault, home, open_files(settings)))
            on_failure.pop_all()
        return store

    @property
    def home(self) -> Path:
        """The state directory of this machine."""
        return self._farm.home

    @property
    def vault(self) -> Vault:
        """What signs links and tokens with the farm's keys."""
        return self._farm.vault

    def of(self, company: Company | str | None = None) -> CompanyStore:
        """The store of one side of a company: the test side of this name, or of the only one there is.

        Raises:
            StorageError: there is no such company, or there are several and none is named.
        """
        if isinstance(company, str):
            company = self.companies.find(company)
        return self.within((company or self.companies.only()).id)

    def within(self, company_id: int) -> CompanyStore:
        """The store of the company with this id, as a customer, a claim or a mailbox names it."""
        return CompanyStore(self, Scope(self._farm, company_id))

    def holding(self, claim: Claim, run_context: RunContext | None = None) -> CompanyStore:
        """The store of the claim's company, as the holder of the run uses it (``CompanyStore.holding``)."""
        return self.within(claim.customer.company_id).holding(claim.lease, run_context)

    @property
    def is_local(self) -> bool:
        """Whether the database is on this machine, where a single query is no wait."""
        return self._farm.database.is_local

    def rewrap_keys(self) -> int:
        """Wrap all data keys with the first master key; returns how many customers' were not yet."""
        with self._farm.database.writing() as session:
            return rewrap(session, self._farm.vault)

    def rotate_keys(self) -> int:
        """Wrap all data keys with a new master key, or the environment's first; how many customers'."""
        return rotate(self._farm.home, self._farm.database, self._farm.vault)

    def sweep(self, older_than: float = 3600.0) -> int:
        """Delete unreferenced files, and leftovers untouched for ``older_than`` seconds; how many."""
        return documents.sweep(self._farm.database, self._farm.files, older_than)

    def close(self) -> None:
        """Give back the connections to the database."""
        self._farm.database.close()


class CompanyStore(_Closed):
    """What one company stores and asks. ``farm`` is the whole farm's store, for operators."""

    def __init__(self, farm: Store, scope: Scope) -> None:
        self.farm = farm
        self.files = farm.files
        self._scope = scope
        self.customers = Customers(scope)
        self.logins = Logins(scope)
        self.credentials = StoredCredentials(scope)
        self.accounts = Accounts(scope)
        self.bills = Bills(scope)
        self.facts = StoredFacts(scope)
        self.readings = Readings(scope)
        self.intervals = Intervals(scope)
        self.pending_exports = PendingExports(scope)
        self.runs = Runs(scope)
        self.challenges = Challenges(scope)
        self.events = Events(scope)
        self.fired_events = FiredEvents(scope)
        self.channels = Channels(scope)
        self.audit = Audit(scope)
        self.webhooks = Webhooks(scope)
        self.mails = CompanyMails(scope)
        self.api_keys = ApiKeys(scope)
        self.consents = Consents(scope)
        self.kept_answers = KeptAnswers(scope)

    @property
    def company_id(self) -> int:
        """Which side of which company this is the store of."""
        return self._scope.company_id

    def holding(self, lease: Lease, run_context: RunContext | None = None) -> CompanyStore:
        """This store as the holder of a run uses it: its writes raise LeaseLost once the lease is lost.

        Reads do not. ``run_context`` is what the holder knows already.
        """
        check = partial(leases.check, lease=lease, company_id=self._scope.company_id)
        state = run_context.session.state if run_context is not None and run_context.session else None
        scope = Scope(self._scope.farm, self._scope.company_id, lease, check, state)
        return CompanyStore(self.farm, scope)

    def close(self) -> None:
        """Close the farm's store."""
        self.farm.close()


@dataclass(frozen=True, slots=True)
class DatabaseCheck:
    """A database that opens and can be written. ``clock`` is None where it is this machine's.

    Else it has when the database was asked for its time, what it answered, and when: epoch seconds.
    """

    where: str
    is_local: bool
    revision: str
    clock: tuple[float, float, float] | None


def check_database(settings: Settings) -> DatabaseCheck:
    """Open the database, bring its schema up to date and write to it.

    Raises:
        StorageError: one of these does not succeed.
    """
    home = prepare_home(settings.home)
    with closing(Database(settings, home)) as database:
        database.bring_up_to_date(home)
        with database.writing() as session:
            session.connection().execute(text("UPDATE alembic_version SET version_num = version_num"))
        clock = None
        if not database.is_local:
            asked = time.time()
            with database.reading() as session:
                clock = (asked, now(session).timestamp(), time.time())
        return DatabaseCheck(database.where, database.is_local, HEAD, clock)


def check_vault(settings: Settings) -> str:
    """The id of the key that seals, once all that is sealed has its key.

    Raises:
        StorageError: a key is missing, or the database cannot be used.
    """
    home = prepare_home(settings.home)
    with closing(Database(settings, home)) as database:
        return open_vault(settings, home, database).primary.id


def open_files(settings: Settings) -> AnyFiles:
    """The files at ``FILES_URL``, or without one those in the state's directory. Raises StorageError."""
    if not settings.files_url:
        return Files(settings.home.absolute() / FILES)
    return ObjectFiles(settings.files_url)
