"""What customers sign in with, and portals' sessions, sealed with the customer's data key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import bindparam, delete, func, update
from sqlmodel import Session, col, exists, select

from meterfarm.mfa.security_questions import ANY_QUESTION, as_compared
from meterfarm.records import SecretKind
from meterfarm.storage import StorageError
from meterfarm.storage.customers import Customer, RunContext, SavedSession, identity
from meterfarm.storage.database import Repository, holding, now, put, writing
from meterfarm.storage.tables import (
    ConsentRow,
    CredentialRow,
    CustomerRow,
    LoginRow,
    SavedSessionRow,
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
