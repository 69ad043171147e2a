"""Mailboxes that receive codes: where they are, their sealed passwords, for whom, and how they do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from pydantic import SecretStr
from sqlalchemy import delete, or_
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from meterfarm.mfa.mailbox_owner import Neighbours
from meterfarm.records import ChallengeState, CustomerState, EventKind, Factor, MailSecurity
from meterfarm.storage import audit, challenges, customers, events, queue
from meterfarm.storage.database import insert_if_absent, now
from meterfarm.storage.errors import AlreadyThere, StorageError
from meterfarm.storage.receiving import WAITS_FOR_MAIL, Fate, MailAccount, MailboxInfo
from meterfarm.storage.results import Customer
from meterfarm.storage.tables import (
    ChallengeRow,
    CustomerRow,
    LoginRow,
    MailboxCustomerRow,
    MailboxRow,
    ReceivedRow,
)
from meterfarm.storage.vault import Vault

_LATELY = timedelta(days=1)
_GONE = "receives nothing for this customer any more; somebody has to answer."
_PASSWORD = "password"  # noqa: S105 - what is sealed


def add(
    session: Session,
    vault: Vault,
    account: MailAccount,
    password: str,
    whose: Collection[Customer] | None,
) -> int:
    """Enter a mailbox that receives codes for these customers, or for all. Raises AlreadyThere."""
    at = now(session)
    same = {
        "host": account.host,
        "port": account.port,
        "username": account.username,
        "folder": account.folder,
        "company_id": customers.company(session),
    }
    values = {
        **same,
        "security": account.security.value,
        "everybody": whose is None,
        "key_id": "",
        "wrapped_key": b"",
        "ciphertext": b"",
        "fault": "",
        "since": at,
        "created_at": at,
    }
    inserted = insert_if_absent(session, MailboxRow, values)
    row = session.exec(select(MailboxRow).filter_by(**same).with_for_update()).one()
    if not inserted:
        raise AlreadyThere(
            f"The mailbox {account} is there already as mailbox {row.id}; "
            f"change it with `mailbox update {row.id}`."
        )
    _seal(vault, row, password)
    _tie(session, row, whose)
    return row.id


def change(
    session: Session,
    vault: Vault,
    mailbox_id: int,
    password: str | None,
    whose: Collection[Customer] | None,
    *,
    everybody: bool,
) -> None:
    """Another password; other customers, if any are given or it is for ``everybody`` now."""
    row = _locked(session, mailbox_id)
    if password is not None:
        _seal(vault, row, password)
        row.fault, row.checked_at = "", None
    if everybody or whose is not None:
        row.everybody = everybody
        its = col(MailboxCustomerRow.mailbox_id) == row.id
        session.execute(delete(MailboxCustomerRow).where(its))
        _tie(session, row, None if everybody else whose)
        _tell_who_waits(session, mailbox_id)


def remove(session: Session, mailbox_id: int) -> None:
    session.delete(_locked(session, mailbox_id))
    _tell_who_waits(session, mailbox_id)


def listed(session: Session, mailbox_id: int | None = None) -> Sequence[MailboxInfo]:
    """By id."""
    tied: dict[int, list[int]] = {}
    pairs = select(MailboxCustomerRow.mailbox_id, MailboxCustomerRow.customer_id)
    for mailbox, customer in session.exec(pairs.order_by(col(MailboxCustomerRow.customer_id))):
        tied.setdefault(mailbox, []).append(customer)
    query = select(MailboxRow).order_by(col(MailboxRow.id))
    if mailbox_id is not None:
        query = query.where(MailboxRow.id == mailbox_id)
    return [_info(row, tied.get(row.id, ())) for row in session.exec(query)]


def password(session: Session, vault: Vault, mailbox_id: int) -> SecretStr:
    """Raises StorageError if there is no such mailbox, or if it does not open."""
    row = session.get(MailboxRow, mailbox_id)
    if row is None:
        raise _missing(mailbox_id)
    audit.note(session, "mailbox_password", company_id=row.company_id, mailbox_id=row.id)
    opened = vault.unseal(row.key_id, row.wrapped_key, _owner(row), _PASSWORD, row.ciphertext)
    return SecretStr(opened.decode())


def of_customer(session: Session, customer: Customer) -> MailboxInfo | None:
    """The customer's own mailbox, else one for all; one that is well goes first."""
    own_and_well_first = (col(MailboxRow.everybody), col(MailboxRow.fault) != "", col(MailboxRow.id))
    row = session.exec(_receiving_for(customer.company_id, customer.id).order_by(*own_and_well_first)).first()
    return _info(row, ()) if row is not None else None


def note(session: Session, mailbox_id: int, fault: str, waiting: Mapping[int, int]) -> None:
    """How it did just now. ``waiting`` are the runs and customers of open challenges that hear of a fault."""
    row = session.exec(select(MailboxRow).where(MailboxRow.id == mailbox_id).with_for_update()).first()
    if row is None:
        return
    at = now(session)
    row.checked_at = at
    if bool(row.fault) != bool(fault):
        row.since = at
    row.fault = fault
    for run_id, customer_id in waiting.items() if fault else ():
        about = {"mailbox_id": row.id, "reason": fault}
        events.tell(
            session,
            customer_id,
            EventKind.MAILBOX_FAILED,
            f"{row.id} {row.since.isoformat()}",
            about,
            run_id=run_id,
        )


def say(session: Session, challenge_id: int, text: str) -> None:
    """Write at an open challenge, and into its run's story, what answers it by itself and how that goes."""
    row = session.get(ChallengeRow, challenge_id)
    if row is not None and row.state == ChallengeState.OPEN and row.channel != text:
        row.channel = text
        queue.tell(session, row.run_id, "by itself", text)


def say_of(session: Session, mailbox_id: int, challenge_id: int, text: str) -> None:
    """Write at an open challenge how its mailbox does, unless that receives nothing for it any more."""
    session.exec(select(MailboxRow.id).where(MailboxRow.id == mailbox_id).with_for_update()).first()
    row = session.get(ChallengeRow, challenge_id)
    if row is not None:
        receives = _receives(session, mailbox_id, row.company_id, row.customer_id)
        say(session, row.id, _about(mailbox_id, text if receives else _GONE))


def neighbours(
    session: Session, mailbox_id: int, customer: Customer, recipients: Collection[str], *, masks: bool
) -> Neighbours:
    """What is known of the others at the same portal whose codes come to the mailbox."""
    row = session.get(MailboxRow, mailbox_id)
    others = (
        select(CustomerRow.id, LoginRow.username)
        .join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
        .where(LoginRow.utility == customer.utility, CustomerRow.id != customer.id)
        .where(CustomerRow.company_id == customer.company_id)
        .where(CustomerRow.state != CustomerState.REMOVED.value)
    )
    if row is None or not row.everybody:
        tied = select(MailboxCustomerRow.customer_id).where(MailboxCustomerRow.mailbox_id == mailbox_id)
        others = others.where(col(CustomerRow.id).in_(tied))
    named = session.exec(others.where(col(LoginRow.username).in_(recipients))).all()
    ids = others.with_only_columns(col(CustomerRow.id))
    asked = (
        select(ChallengeRow.destination)
        .where(col(ChallengeRow.customer_id).in_(ids), ChallengeRow.factor == Factor.EMAIL.value)
        .where(ChallengeRow.asked_at > now(session) - _LATELY)
        .distinct()
    )
    return Neighbours(
        addresses=frozenset(username for _, username in named),
        masks=frozenset(session.exec(asked)) if masks else frozenset(),
        are_none=session.exec(others.limit(1)).first() is None,
    )


def answer(
    session: Session,
    vault: Vault,
    mailbox_id: int,
    fingerprint: str,
    customer: Customer,
    challenge_id: int,
    said: Mapping[str, str],
) -> bool:
    """Answer the challenge from a mail, unless that mail was used before. Raises AnswerRefused.

    Neither does it if the mailbox was removed meanwhile, or given to others.
    """
    if not _receives(session, mailbox_id, customer.company_id, customer.id):
        return False
    values = {
        "key": fingerprint,
        "company_id": customer.company_id,
        "kind": Factor.EMAIL.value,
        "place": f"mailbox {mailbox_id}",
        "customer_id": customer.id,
        "challenge_id": challenge_id,
        "at": now(session),
        "said": Fate.ANSWERED.value,
    }
    if not insert_if_absent(session, ReceivedRow, values):
        return False
    challenges.answer(session, vault, challenge_id, said, f"by mailbox {mailbox_id}")
    return True


def rotate(session: Session, vault: Vault) -> None:
    """Wrap the keys of all passwords with the primary master key."""
    query = select(MailboxRow).where(MailboxRow.key_id != vault.primary.id)
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row))


def count(session: Session, customer: Customer, kind: Factor) -> int:
    """How many codes were handed on for the customer that came in this way."""
    query = select(func.count()).where(
        ReceivedRow.customer_id == customer.id,
        ReceivedRow.kind == kind.value,
        ReceivedRow.said == Fate.ANSWERED.value,
    )
    return session.exec(query.select_from(ReceivedRow)).one()


def _receiving_for(company_id: int, customer_id: int) -> SelectOfScalar[MailboxRow]:
    own = select(MailboxCustomerRow.mailbox_id).where(MailboxCustomerRow.customer_id == customer_id)
    return (
        select(MailboxRow)
        .where(MailboxRow.company_id == company_id)
        .where(or_(col(MailboxRow.everybody), col(MailboxRow.id).in_(own)))
    )


def _receives(session: Session, mailbox_id: int, company_id: int, customer_id: int) -> bool:
    query = _receiving_for(company_id, customer_id).where(MailboxRow.id == mailbox_id)
    return session.exec(query).first() is not None


def _tell_who_waits(session: Session, mailbox_id: int) -> None:
    """The open challenges that a mailbox is to answer say so only as long as it receives for them."""
    session.flush()
    query = select(ChallengeRow).where(
        ChallengeRow.state == ChallengeState.OPEN.value,
        col(ChallengeRow.channel).startswith(_about(mailbox_id, "")),
    )
    for row in session.exec(query.order_by(col(ChallengeRow.id))).all():
        if not _receives(session, mailbox_id, row.company_id, row.customer_id):
            say(session, row.id, _about(mailbox_id, _GONE))
        elif row.channel == _about(mailbox_id, _GONE):
            say(session, row.id, _about(mailbox_id, WAITS_FOR_MAIL))


def _about(mailbox_id: int, text: str) -> str:
    return f"mailbox {mailbox_id}: {text}"


def _seal(vault: Vault, row: MailboxRow, secret: str) -> None:
    row.key_id, row.wrapped_key = vault.new_data_key(_owner(row))
    row.ciphertext = vault.seal(row.key_id, row.wrapped_key, _owner(row), _PASSWORD, secret.encode())


def _tie(session: Session, row: MailboxRow, whose: Collection[Customer] | None) -> None:
    session.flush()
    for customer_id in sorted({customer.id for customer in whose or ()}):
        session.add(MailboxCustomerRow(mailbox_id=row.id, customer_id=customer_id))


def _locked(session: Session, mailbox_id: int) -> MailboxRow:
    row = session.exec(select(MailboxRow).where(MailboxRow.id == mailbox_id).with_for_update()).first()
    if row is None:
        raise _missing(mailbox_id)
    return row


def _missing(mailbox_id: int) -> StorageError:
    return StorageError(f"There is no mailbox {mailbox_id}; `mailbox list` shows those that are there.")


def _owner(row: MailboxRow) -> str:
    return f"mailbox {row.id}"


def _info(row: MailboxRow, tied: Sequence[int]) -> MailboxInfo:
    account = MailAccount(row.host, row.port, MailSecurity(row.security), row.username, row.folder)
    return MailboxInfo(row.id, account, row.everybody, tied, row.fault, row.since, row.checked_at)
