"""The store: the one door to all that is kept. Synchronous, thread-safe; a method of it is a transaction.

``Store`` is the whole farm, as workers, the scheduler and operators see it. ``Store.of`` gives the store of
one company, in which nothing of another is found or changed.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from meterfarm.storage import documents, keyring, leases
from meterfarm.storage.accounts import Accounts
from meterfarm.storage.audit import Audit, FarmAudit
from meterfarm.storage.bills import Bills
from meterfarm.storage.challenges import Challenges, FarmChallenges
from meterfarm.storage.channels import Channels
from meterfarm.storage.companies import Companies
from meterfarm.storage.credentials import Credentials
from meterfarm.storage.database import Database
from meterfarm.storage.events import Events
from meterfarm.storage.farm_runs import FarmRuns
from meterfarm.storage.files import files_at
from meterfarm.storage.home import FILES, prepare_home
from meterfarm.storage.logins import Logins
from meterfarm.storage.migrations import bring_up_to_date
from meterfarm.storage.portals import Breakers
from meterfarm.storage.readings import Readings
from meterfarm.storage.repository import Farm, Scope
from meterfarm.storage.results import Briefing, Company
from meterfarm.storage.roster import Customers
from meterfarm.storage.runs import Runs
from meterfarm.storage.settings import Settings
from meterfarm.storage.texts import SmsReceivers
from meterfarm.storage.work import Claim, Lease
from meterfarm.storage.workforce import Workforce


class Store:
    """The farm's store. What goes wrong with the state is a ``StorageError``."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self.files = farm.files
        self.companies = Companies(farm)
        self.runs = FarmRuns(farm)
        self.challenges = FarmChallenges(farm)
        self.sms = SmsReceivers(farm)
        self.breakers = Breakers(farm)
        self.workforce = Workforce(farm)
        self.audit = FarmAudit(farm)

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
            bring_up_to_date(database, home)
            vault = keyring.open_vault(settings, home, database)
            store = cls(Farm(database, vault, home, files_at(settings.files_url, home / FILES)))
            on_failure.pop_all()
        return store

    def of(self, company: Company | str | None = None) -> CompanyStore:
        """The store of one company: of this name, or of the only one there is.

        Raises:
            StorageError: there is no such company, or there are several and none is named.
        """
        if isinstance(company, str):
            company = self.companies.find(company)
        return self.within((company or self.companies.only()).id)

    def within(self, company_id: int) -> CompanyStore:
        """The store of the company with this id, as a customer, a claim or a mailbox names it."""
        return CompanyStore(self, Scope(self._farm, company_id))

    def holding(self, claim: Claim, briefing: Briefing | None = None) -> CompanyStore:
        """The store of the claim's company, as the holder of the run uses it (``CompanyStore.holding``)."""
        return self.within(claim.customer.company_id).holding(claim.lease, briefing)

    def rewrap_keys(self) -> int:
        """Wrap all data keys with the first master key; returns how many customers' were not yet."""
        with self._farm.database.writing() as session:
            return keyring.rewrap(session, self._farm.vault)

    def rotate_keys(self) -> int:
        """Wrap all data keys with a new master key, or the environment's first; how many customers'."""
        return keyring.rotate(self._farm.home, self._farm.database, self._farm.vault)

    def sweep(self, older_than: float = 3600.0) -> int:
        """Delete unreferenced files, and leftovers untouched for ``older_than`` seconds; how many."""
        return documents.sweep(self._farm.database, self._farm.files, older_than)

    def close(self) -> None:
        """Give back the connections to the database."""
        self._farm.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class CompanyStore:
    """What one company stores and asks. ``farm`` is the whole farm's store, for operators."""

    def __init__(self, farm: Store, scope: Scope) -> None:
        self.farm = farm
        self.files = farm.files
        self._scope = scope
        self.customers = Customers(scope)
        self.logins = Logins(scope)
        self.credentials = Credentials(scope)
        self.accounts = Accounts(scope)
        self.bills = Bills(scope)
        self.readings = Readings(scope)
        self.runs = Runs(scope)
        self.challenges = Challenges(scope)
        self.events = Events(scope)
        self.channels = Channels(scope)
        self.audit = Audit(scope)

    def holding(self, lease: Lease, briefing: Briefing | None = None) -> CompanyStore:
        """This store as the holder of a run uses it: its writes raise LeaseLost once the lease is lost.

        Reads do not. ``briefing`` is what the holder knows already.
        """
        check = partial(leases.check, lease=lease, company_id=self._scope.company_id)
        state = briefing.session.state if briefing is not None and briefing.session else None
        scope = Scope(self._scope.farm, self._scope.company_id, lease, check, state)
        return CompanyStore(self.farm, scope)

    def close(self) -> None:
        """Close the farm's store."""
        self.farm.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
