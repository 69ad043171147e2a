"""What customers sign in with, portals' sessions, and how portals received the passwords.

Secrets and sessions are sealed with the customer's data key. What is remembered of a login across companies
are passwords refused or in doubt, as keyed hashes, TOTP steps, and its MFA.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import bindparam, delete, func, update
from sqlmodel import Session, col, exists, select

from meterfarm.mfa.security_questions import ANY_QUESTION, as_compared
from meterfarm.records import CustomerState, Outcome, SecretKind
from meterfarm.storage import StorageError
from meterfarm.storage.customers import (
    Customer,
    Rejection,
    RunContext,
    SavedSession,
    UnconfirmedPassword,
    identity,
)
from meterfarm.storage.database import Repository, holding, insert_if_absent, now, put, reading, writing
from meterfarm.storage.tables import (
    ConsentRow,
    CredentialRow,
    CustomerRow,
    LoginRow,
    RunRow,
    SavedSessionRow,
    SentPasswordRow,
    TotpUseRow,
    UtcDateTime,
    metadata,
)
from meterfarm.storage.vault import Vault

_OF_CUSTOMER = select(CredentialRow).where(CredentialRow.customer_id == bindparam("customer"))
_SESSION = "session"
_ANSWER = SecretKind.SECURITY_ANSWER
_NO_ANSWERS: Mapping[str, str] = {}
_PORTAL_SESSION = metadata.tables["saved_session"]
_AGAIN = (
    update(_PORTAL_SESSION)
    .where(_PORTAL_SESSION.c.customer_id == bindparam("customer"))
    .values(
        version=_PORTAL_SESSION.c.version + 1,
        ciphertext=bindparam("sealed"),
        saved_at=bindparam("now"),
        trusted_since=func.coalesce(bindparam("since", type_=UtcDateTime()), _PORTAL_SESSION.c.trusted_since),
    )
)
_CONSENTS = exists().where(
    col(ConsentRow.customer_id) == CustomerRow.id,
    col(ConsentRow.revoked_at).is_(None),
    identity.unexpired(bindparam("at", type_=UtcDateTime())),
)
_RUN_CONTEXT = (
    select(CustomerRow, LoginRow.factor, SavedSessionRow, _CONSENTS)
    .select_from(CustomerRow)
    .join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
    .join(SavedSessionRow, col(SavedSessionRow.customer_id) == CustomerRow.id, isouter=True)
    .where(CustomerRow.id == bindparam("customer"))
)


class StoredCredentials(Repository):
    """As ``CompanyStore.credentials``. What is opened is recorded in the log of vault reads."""

    @writing
    def load(self, session: Session, customer: Customer) -> Mapping[SecretKind, SecretStr]:
        """What the customer entrusted to us.

        Raises:
            StorageError: the customer was removed, or a secret does not open.
        """
        return load(session, self._vault, customer)

    @holding
    def save(
        self,
        session: Session,
        customer: Customer,
        secrets: Mapping[SecretKind, str],
        answers: Mapping[str, str] = _NO_ANSWERS,
    ) -> None:
        """Keep secrets; one of a kind replaces the former, an answer that to its question.

        Nothing is queued for them.
        """
        save(session, self._vault, customer, secrets, answers)

    def save_session(self, customer: Customer, state: bytes, *, trusted_since: datetime | None) -> None:
        """Keep the portal's session. ``trusted_since`` None leaves it as it was.

        The holder of a run, who alone writes it, writes nothing if it is as it was last loaded or saved.
        """
        if trusted_since is None and state == self._scope.saved_state:
            return
        self._save_session(customer, state, trusted_since)
        self._remember(state)

    @holding
    def _save_session(
        self, session: Session, customer: Customer, state: bytes, trusted_since: datetime | None
    ) -> None:
        save_session(session, self._vault, customer, state, trusted_since)

    @holding
    def end_trust(self, session: Session, customer: Customer) -> None:
        """Do not take the portal for one that lets the saved session's device in without MFA."""
        of_customer = col(SavedSessionRow.customer_id) == customer.id
        session.execute(update(SavedSessionRow).where(of_customer).values(trusted_since=None))

    @holding
    def drop_session(self, session: Session, customer: Customer) -> None:
        """Forget the portal's session."""
        drop_session(session, customer)
        self._remember(None)

    @writing
    def run_context(self, session: Session, customer: Customer) -> RunContext:
        """All that a run needs at its start.

        Raises:
            StorageError: a secret does not open. A session that does not is only reported.
        """
        found = load_run_context(session, self._vault, customer)
        self._remember(found.session.state if found.session else None)
        return found

    def _remember(self, state: bytes | None) -> None:
        if self._scope.lease is not None:
            self._scope.saved_state = state


def save(
    session: Session,
    vault: Vault,
    customer: Customer,
    secrets: Mapping[SecretKind, str],
    answers: Mapping[str, str] = _NO_ANSWERS,
) -> None:
    """Keep the secrets and the answers to security questions; each replaces the former of its kind."""
    by_question = {as_compared(question): answer for question, answer in answers.items()}
    given = [(kind, ANY_QUESTION, secret) for kind, secret in secrets.items()]
    given += [(_ANSWER, question, answer) for question, answer in by_question.items()]
    for kind, question, secret in given:
        values = {
            "company_id": customer.company_id,
            "ciphertext": identity.seal(session, vault, customer, _bound(kind, question), secret.encode()),
            "saved_at": now(session),
        }
        same = {"customer_id": customer.id, "kind": kind.value, "question": question}
        put(session, CredentialRow, same, values)


def load(session: Session, vault: Vault, customer: Customer) -> dict[SecretKind, SecretStr]:
    """What is for no question in particular."""
    opened = _opened_secrets(session, vault, customer)
    return {kind: secret for (kind, question), secret in opened.items() if question == ANY_QUESTION}


def _opened_secrets(
    session: Session, vault: Vault, customer: Customer
) -> dict[tuple[SecretKind, str], SecretStr]:
    found = {}
    for row in session.exec(_OF_CUSTOMER, params={"customer": customer.id}):
        kind = SecretKind(row.kind)
        secret = identity.unseal(session, vault, customer, _bound(kind, row.question), row.ciphertext)
        found[kind, row.question] = SecretStr(secret.decode())
    return found


def copy(session: Session, vault: Vault, giver: Customer, taker: Customer) -> None:
    """Give one customer what another has entrusted, and their session, each sealed with their own key."""
    opened = _opened_secrets(session, vault, giver)
    secrets = {kind: each.get_secret_value() for (kind, question), each in opened.items() if not question}
    answers = {question: each.get_secret_value() for (_, question), each in opened.items() if question}
    save(session, vault, taker, secrets, answers)
    kept = session.exec(select(SavedSessionRow).where(SavedSessionRow.customer_id == giver.id)).first()
    if kept is not None:
        state = _opened(session, vault, giver, kept).state
        save_session(session, vault, taker, state, kept.trusted_since)


def kinds(session: Session, customer: Customer) -> frozenset[SecretKind]:
    """Which kinds are stored."""
    query = select(CredentialRow.kind).where(CredentialRow.customer_id == customer.id)
    return frozenset(map(SecretKind, session.exec(query)))


def questions(session: Session, customer: Customer) -> Sequence[str]:
    """The security questions of which the answer is stored, as they are compared."""
    query = select(CredentialRow.question).where(CredentialRow.customer_id == customer.id)
    return session.exec(
        query.where(CredentialRow.question != ANY_QUESTION).order_by(CredentialRow.question)
    ).all()


def touch(session: Session, customer: Customer) -> None:
    """The secrets are now used otherwise than before: with another user name."""
    query = update(CredentialRow).where(col(CredentialRow.customer_id) == customer.id)
    session.execute(query.values(saved_at=now(session)))


def saved_since(session: Session, customer: Customer, at: datetime) -> bool:
    """Whether something to sign in with changed after ``at``: who read it then has not tried it as it is."""
    query = select(CredentialRow.id).where(
        CredentialRow.customer_id == customer.id, col(CredentialRow.saved_at) > at
    )
    return session.exec(query).first() is not None


def save_session(
    session: Session, vault: Vault, customer: Customer, state: bytes, trusted_since: datetime | None
) -> None:
    """``trusted_since`` None leaves it as it was."""
    values: dict[str, Any] = {
        "customer": customer.id,
        "sealed": identity.seal(session, vault, customer, _SESSION, state),
        "now": datetime.now(UTC),
        "since": trusted_since,
    }
    if not session.connection().execute(_AGAIN, values).rowcount:
        first = SavedSessionRow(
            company_id=customer.company_id,
            customer_id=customer.id,
            version=1,
            ciphertext=values["sealed"],
            saved_at=values["now"],
            trusted_since=trusted_since,
        )
        session.add(first)
        session.flush()


def _opened(session: Session, vault: Vault, customer: Customer, row: SavedSessionRow) -> SavedSession:
    state = identity.unseal(session, vault, customer, _SESSION, row.ciphertext)
    return SavedSession(state, row.version, row.saved_at, row.trusted_since)


def drop_session(session: Session, customer: Customer) -> None:
    """Forget the customer's saved session."""
    session.execute(delete(SavedSessionRow).where(col(SavedSessionRow.customer_id) == customer.id))


def load_run_context(session: Session, vault: Vault, customer: Customer) -> RunContext:
    """Raises StorageError if a secret does not open; a session that does not is only reported.

    The customer's row is among what is asked for: the session knows it then, when it opens the secrets.
    """
    found = session.exec(_RUN_CONTEXT, params={"customer": customer.id, "at": now(session)}).first()
    if found is None:
        return RunContext(may_collect=False, secrets={}, factor="", session=None)
    _, factor, kept, may_collect = found
    saved: SavedSession | None = None
    fault = ""
    try:
        saved = _opened(session, vault, customer, kept) if kept else None
    except StorageError as exc:
        fault = str(exc)
    opened = _opened_secrets(session, vault, customer)
    secrets = {kind: secret for (kind, question), secret in opened.items() if question == ANY_QUESTION}
    answers = {question: secret for (kind, question), secret in opened.items() if kind is _ANSWER}
    return RunContext(bool(may_collect), secrets, factor, saved, fault, answers)


def _bound(kind: SecretKind, question: str) -> str:
    """What a secret is sealed with; a question is in it by a number, as the log of reads names the kind."""
    if not question:
        return f"credential {kind.value}"
    number = int.from_bytes(hashlib.sha256(question.encode()).digest()[:16])
    return f"credential {kind.value} {number}"


class Logins(Repository):
    """As ``CompanyStore.logins``: how the portal received customers' passwords and codes."""

    @reading
    def rejection(self, session: Session, customer: Customer, password: str) -> Rejection | None:
        """How the portal refused this very password with the user name so spelled, if it did."""
        row = _sent_row(session, self._vault, customer, password)
        return Rejection(Outcome(row.outcome), row.message, row.at) if row and row.outcome else None

    @reading
    def unconfirmed(self, session: Session, customer: Customer, password: str) -> UnconfirmedPassword | None:
        """Whether this very password was sent with the user name so spelled, and no answer is known."""
        row = _sent_row(session, self._vault, customer, password)
        return (
            UnconfirmedPassword(row.sends, row.at, row.again_at or row.at)
            if row and not row.outcome
            else None
        )

    @holding
    def note_sending(self, session: Session, customer: Customer, password: str, rest: timedelta) -> None:
        """Record that a password is about to be sent; no run repeats it by itself within ``rest``."""
        row = _sent_row_or_new(session, self._vault, customer, password)
        row.sends, row.again_at = row.sends + 1, row.at + rest
        if self._scope.lease is not None:
            this_run = update(RunRow).where(col(RunRow.id) == self._scope.lease.run_id)
            session.execute(this_run.values(asked=False))

    @holding
    def note_unsent(self, session: Session, customer: Customer, password: str) -> None:
        """It was not sent after all."""
        row = _sent_row(session, self._vault, customer, password)
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
        row = _sent_row_or_new(session, self._vault, customer, password)
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
        _forget_sent(session, customer.login_id)

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
    row = _sent_row(session, vault, customer, password)
    if row is not None and row.outcome == Outcome.ACCOUNT_LOCKED.value:
        session.delete(row)


def _sent_row_or_new(session: Session, vault: Vault, customer: Customer, password: str) -> SentPasswordRow:
    """The password's row, dated now."""
    identity.locked(session, customer)
    at = now(session)
    row = _sent_row(session, vault, customer, password)
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


def release_login(session: Session, login_id: int) -> None:
    """Forget what nobody needs to know of a login that a customer has given up."""
    of_login = select(CustomerRow.id).where(CustomerRow.login_id == login_id)
    if session.exec(of_login.where(CustomerRow.state != CustomerState.REMOVED.value)).first() is not None:
        return
    _forget_sent(session, login_id)
    ran = select(RunRow.id).where(RunRow.login_id == login_id)
    if session.exec(of_login).first() is None and session.exec(ran).first() is None:
        session.execute(delete(LoginRow).where(col(LoginRow.id) == login_id))


def rotate(session: Session, vault: Vault) -> None:
    """Wrap the keys of all passwords refused or in doubt with the primary master key."""
    query = select(SentPasswordRow).where(SentPasswordRow.key_id != vault.primary.id)
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row.login_id))


def _sent_row(session: Session, vault: Vault, customer: Customer, password: str) -> SentPasswordRow | None:
    query = select(SentPasswordRow).where(SentPasswordRow.login_id == customer.login_id)
    hashed = _hashed(customer, password)
    for row in session.exec(query):
        if vault.digest(row.key_id, row.wrapped_key, _owner(row.login_id), hashed) == row.digest:
            return row
    return None


def _forget_sent(session: Session, login_id: int) -> None:
    session.execute(delete(SentPasswordRow).where(col(SentPasswordRow.login_id) == login_id))


def _owner(login_id: int) -> str:
    return f"login {login_id}"


def _hashed(customer: Customer, password: str) -> str:
    """What is hashed: the password and how the user name is spelled, which a portal may mind."""
    return f"{customer.username!a}\0{password}"
