"""What is remembered of a login across companies: passwords refused or in doubt, TOTP steps, its MFA."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from meterfarm.records import CustomerState, Outcome
from meterfarm.storage.customers import Customer, Rejection, UnconfirmedPassword, identity
from meterfarm.storage.database import Repository, holding, insert_if_absent, now, reading
from meterfarm.storage.tables import CustomerRow, LoginRow, RunRow, SentPasswordRow, TotpUseRow
from meterfarm.storage.vault import Vault


class Logins(Repository):
    """As ``CompanyStore.logins``: how the portal received customers' passwords and codes."""

    @reading
    def rejection(self, session: Session, customer: Customer, password: str) -> Rejection | None:
        """How the portal refused this very password with the user name so spelled, if it did."""
        row = _same(session, self._vault, customer, password)
        return Rejection(Outcome(row.outcome), row.message, row.at) if row and row.outcome else None

    @reading
    def unconfirmed(self, session: Session, customer: Customer, password: str) -> UnconfirmedPassword | None:
        """Whether this very password was sent with the user name so spelled, and no answer is known."""
        row = _same(session, self._vault, customer, password)
        return (
            UnconfirmedPassword(row.sends, row.at, row.again_at or row.at)
            if row and not row.outcome
            else None
        )

    @holding
    def note_sending(self, session: Session, customer: Customer, password: str, rest: timedelta) -> None:
        """Record that a password is about to be sent; no run repeats it by itself within ``rest``."""
        row = _same_or_new(session, self._vault, customer, password)
        row.sends, row.again_at = row.sends + 1, row.at + rest
        if self._scope.lease is not None:
            this_run = update(RunRow).where(col(RunRow.id) == self._scope.lease.run_id)
            session.execute(this_run.values(asked=False))

    @holding
    def note_unsent(self, session: Session, customer: Customer, password: str) -> None:
        """It was not sent after all."""
        row = _same(session, self._vault, customer, password)
        if row is None or row.outcome:
            return
        row.sends -= 1
        if row.sends <= 0:
            session.delete(row)

    @holding
    def clear_doubts(self, session: Session, customer: Customer) -> None:
        """Forget passwords that were sent without a known answer: the portal has accepted one."""
        clear_doubts(session, customer.login_id)

    @holding
    def reject(
        self, session: Session, customer: Customer, password: str, outcome: Outcome, message: str
    ) -> None:
        """Remember a refused password; the latest refusal's words replace earlier ones."""
        row = _same_or_new(session, self._vault, customer, password)
        row.outcome, row.message = outcome.value, message

    def clear(self, customer: Customer) -> None:
        """Forget passwords refused and in doubt, after a successful sign-in."""
        if self._has_sent(customer):
            self._clear(customer)

    @reading
    def _has_sent(self, session: Session, customer: Customer) -> bool:
        query = select(SentPasswordRow.id).where(SentPasswordRow.login_id == customer.login_id).limit(1)
        return session.exec(query).first() is not None

    @holding
    def _clear(self, session: Session, customer: Customer) -> None:
        _forget(session, customer.login_id)

    @holding
    def claim_totp_step(self, session: Session, customer: Customer, step: int) -> bool:
        """True once per login and time step (unix time // 30)."""
        return insert_if_absent(session, TotpUseRow, {"login_id": customer.login_id, "step": step})

    @reading
    def last_factor(self, session: Session, customer: Customer) -> str:
        """What the portal last challenged the login with (``records.Factor``), "" if it never did."""
        query = select(LoginRow.factor).where(LoginRow.id == customer.login_id)
        return session.exec(query).first() or ""

    def note_factor(self, customer: Customer, factor: str) -> None:
        """Record what the portal challenged the login with."""
        if self.last_factor(customer) != factor:
            self._note_factor(customer, factor)

    @holding
    def _note_factor(self, session: Session, customer: Customer, factor: str) -> None:
        session.execute(update(LoginRow).where(col(LoginRow.id) == customer.login_id).values(factor=factor))


def clear_doubts(session: Session, login_id: int) -> None:
    """Forget sendings without an answer: there is one by now."""
    of_login = delete(SentPasswordRow).where(col(SentPasswordRow.login_id) == login_id)
    session.execute(of_login.where(col(SentPasswordRow.outcome) == ""))


def allow_again(session: Session, vault: Vault, customer: Customer, password: str) -> None:
    """The customer gave this password again: it may be sent once more if the portal did not reject it itself.

    So may one to which no answer is known, and one that the portal did not look at because it had locked the
    account, which the utility may have unlocked since.
    """
    clear_doubts(session, customer.login_id)
    row = _same(session, vault, customer, password)
    if row is not None and row.outcome == Outcome.ACCOUNT_LOCKED.value:
        session.delete(row)


def _same_or_new(session: Session, vault: Vault, customer: Customer, password: str) -> SentPasswordRow:
    """The password's row, dated now."""
    identity.locked(session, customer)
    at = now(session)
    row = _same(session, vault, customer, password)
    if row is not None:
        row.at = at
        return row
    owner = _owner(customer.login_id)
    key_id, wrapped = vault.new_data_key(owner)
    row = SentPasswordRow(
        login_id=customer.login_id,
        key_id=key_id,
        wrapped_key=wrapped,
        digest=vault.digest(key_id, wrapped, owner, _hashed(customer, password)),
        outcome="",
        message="",
        at=at,
    )
    session.add(row)
    return row


def release(session: Session, login_id: int) -> None:
    """Forget what nobody needs to know of a login that a customer has given up."""
    of_login = select(CustomerRow.id).where(CustomerRow.login_id == login_id)
    if session.exec(of_login.where(CustomerRow.state != CustomerState.REMOVED.value)).first() is not None:
        return
    _forget(session, login_id)
    ran = select(RunRow.id).where(RunRow.login_id == login_id)
    if session.exec(of_login).first() is None and session.exec(ran).first() is None:
        session.execute(delete(LoginRow).where(col(LoginRow.id) == login_id))


def rotate(session: Session, vault: Vault) -> None:
    """Wrap the keys of all refusals with the primary master key."""
    query = select(SentPasswordRow).where(SentPasswordRow.key_id != vault.primary.id)
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row.login_id))


def _same(session: Session, vault: Vault, customer: Customer, password: str) -> SentPasswordRow | None:
    query = select(SentPasswordRow).where(SentPasswordRow.login_id == customer.login_id)
    hashed = _hashed(customer, password)
    for row in session.exec(query):
        if vault.digest(row.key_id, row.wrapped_key, _owner(row.login_id), hashed) == row.digest:
            return row
    return None


def _forget(session: Session, login_id: int) -> None:
    session.execute(delete(SentPasswordRow).where(col(SentPasswordRow.login_id) == login_id))


def _owner(login_id: int) -> str:
    return f"login {login_id}"


def _hashed(customer: Customer, password: str) -> str:
    """What is hashed: the password and how the user name is spelled, which a portal may mind."""
    return f"{customer.username!a}\0{password}"
