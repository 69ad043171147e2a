"""The store's customers: who they are, what they entrusted, what a portal said of their login."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import SecretStr

from meterfarm.records import (
    Outcome,
    SecretKind,
)
from meterfarm.storage import (
    briefings,
    credentials,
    customers,
    keyring,
    logins,
    register,
    roster,
    sessions,
)
from meterfarm.storage.results import (
    Briefing,
    Customer,
    CustomerInfo,
    Doubt,
    Rejection,
    SavedSession,
)
from meterfarm.storage.transactions import Transactions

_PAGE = 20_000


class CustomerStore(Transactions):
    """A part of ``Store``."""

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

    def doubt(self, customer: Customer, password: str) -> Doubt | None:
        """Whether this very password was sent with the user name so spelled, and no answer is known."""
        with self._database.reading() as session:
            return logins.doubt(session, self._vault, customer, password)

    def note_sending(self, customer: Customer, password: str, rest: timedelta) -> None:
        """Write down that a password is about to be sent; no run repeats it by itself within ``rest``."""
        run_id = self._lease.run_id if self._lease is not None else None
        with self._writing() as session:
            logins.note_sending(session, self._vault, customer, password, rest, run_id)

    def note_unsent(self, customer: Customer, password: str) -> None:
        """It was not sent after all."""
        with self._writing() as session:
            logins.note_unsent(session, self._vault, customer, password)

    def clear_doubts(self, customer: Customer) -> None:
        """Forget passwords that were sent without a known answer: the portal has accepted one."""
        with self._writing() as session:
            logins.clear_doubts(session, customer.login_id)

    def reject_password(self, customer: Customer, password: str, outcome: Outcome, message: str) -> None:
        with self._writing() as session:
            logins.reject(session, self._vault, customer, password, outcome, message)

    def clear_rejections(self, customer: Customer) -> None:
        """Forget passwords refused and in doubt, after a successful sign-in."""
        with self._database.reading() as session:
            if not logins.is_held(session, customer):
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

    def end_trust(self, customer: Customer) -> None:
        """Do not take the portal for one that lets the saved session's device in without MFA."""
        with self._writing() as session:
            sessions.end_trust(session, customer)

    def load_session(self, customer: Customer) -> SavedSession | None:
        with self._opening() as session:
            saved = sessions.load(session, self._vault, customer)
        self._remember(saved.state if saved else None)
        return saved

    def drop_session(self, customer: Customer) -> None:
        with self._writing() as session:
            sessions.drop(session, customer)
        self._remember(None)

    def briefing(self, customer: Customer) -> Briefing:
        """All that a run needs at its start, in one transaction."""
        with self._opening() as session:
            brief = briefings.brief(session, self._vault, customer)
        self._remember(brief.session.state if brief.session else None)
        return brief
