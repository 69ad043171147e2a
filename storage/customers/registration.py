"""Adding, changing and removing customers; those of a company with one login share one connection.

A customer who has signed in successfully shares what another one of the company has by the same login: one of
them holds the connection and what is collected by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex

from sqlalchemy import String, cast, delete, func, literal, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from meterfarm.records import ChallengeState, CustomerState, EventKind, RunKind, RunState, SecretKind
from meterfarm.storage import AlreadyThere, RunRefused, StorageError
from meterfarm.storage.customers import Customer, credentials, identity
from meterfarm.storage.database import now, put
from meterfarm.storage.runs import HELD, NEW_CREDENTIALS, events, leases, queue
from meterfarm.storage.tables import (
    AccountRow,
    BillRow,
    ChallengeRow,
    CredentialRow,
    CustomerRow,
    DocumentRow,
    FileRow,
    InboundMessageRow,
    MailboxCustomerRow,
    PhoneNumberCustomerRow,
    ProfileRow,
    RunRow,
    SavedSessionRow,
    UnlockRow,
)
from meterfarm.storage.vault import Vault

_ASKED = (ChallengeState.OPEN.value, ChallengeState.ANSWERED.value)
_REMOVED = CustomerState.REMOVED.value
_TOOK_PLACE = "another customer of this login was removed"
_WAS_REMOVED = "the customer was removed"
_MOVED_ON = "the customer chose another utility"


def add(
    session: Session,
    vault: Vault,
    company_id: int,
    utility: str,
    username: str,
    external_id: str | None,
    secrets: Mapping[SecretKind, str],
    answers: Mapping[str, str],
    method: str,
) -> Customer:
    """Enter a customer, or bring a removed one back. Raises AlreadyThere."""
    taken = _with_external_id(session, company_id, external_id)
    row = identity.entered(session, company_id, utility, username, external_id)
    if row is not None and row.wrapped_key:
        raise _already(f"{username.strip()} at {utility}", row)
    if row is None or (taken is not None and taken.id != row.id):
        raise _external_id_taken(session, company_id, external_id or "")
    identity.begin(session, vault, row, method)
    row.username = username.strip()
    row.external_id = external_id or row.external_id
    customer = Customer.of(row)
    credentials.save(session, vault, customer, secrets, answers)
    if SecretKind.PASSWORD in secrets:
        credentials.allow_again(session, vault, customer, secrets[SecretKind.PASSWORD])
        _filled(session, customer, row)
    return customer


def create(
    session: Session,
    vault: Vault,
    company_id: int,
    utility: str,
    external_id: str | None,
    profile: Mapping[str, str | None],
) -> Customer:
    """Enter a customer who is yet to give a login. Raises AlreadyThere."""
    row = identity.create(session, vault, company_id, utility, external_id)
    if row is None:
        raise _external_id_taken(session, company_id, external_id or "")
    write_profile(session, row.id, profile)
    return Customer.of(row)


def change(
    session: Session,
    vault: Vault,
    customer: Customer,
    utility: str | None,
    username: str | None,
    external_id: str | None,
    secrets: Mapping[SecretKind, str],
    answers: Mapping[str, str],
    profile: Mapping[str, str | None],
    method: str,
) -> None:
    """Change what is given; an empty ``external_id`` takes it away. Raises AlreadyThere.

    With something new to sign in with, a run that tries it is queued. Who gives their first login consents by
    ``method``.
    """
    identity.hold_runs(session, customer)
    row = identity.locked(session, customer)
    if profile:
        write_profile(session, row.id, profile)
    if utility is not None and row.login_id is None:
        row.utility = utility
        customer = Customer.of(row)
    if username is not None and row.login_id is None:
        identity.consent(session, row, method)
    if external_id is not None and external_id != (row.external_id or ""):
        _give_external_id(session, row, external_id)
    moved = username is not None and _rename(session, customer, row, username)
    credentials.save(session, vault, customer, secrets, answers)
    if (secrets or answers or moved) and SecretKind.PASSWORD in credentials.kinds(session, customer):
        now_called = Customer.of(row)
        if SecretKind.PASSWORD in secrets:
            credentials.allow_again(session, vault, now_called, secrets[SecretKind.PASSWORD])
        _filled(session, now_called, row)


def choose_utility(session: Session, customer: Customer, utility: str) -> None:
    """The customer's account is at this utility; a login that another one never accepted is given up.

    Its secrets, and what was queued to try them, go with it.

    Raises:
        AlreadyThere: another one has let the customer in.
        RunRefused: a sign-in at another one is under way.
    """
    identity.hold_runs(session, customer)
    row = identity.locked(session, customer)
    if row.utility == utility:
        return
    if row.login_id is not None:
        if row.authenticated_at is not None:
            raise AlreadyThere(
                f"The customer {row.id} is connected at {row.utility}: add another one for {utility}."
            )
        _give_up_login(session, row)
    row.utility = utility


def _give_up_login(session: Session, row: CustomerRow) -> None:
    held = select(RunRow.id).where(RunRow.customer_id == row.id, col(RunRow.state).in_(HELD))
    if session.exec(held).first() is not None:
        raise RunRefused(f"A sign-in of the customer {row.id} is under way; wait for its end.")
    for kept in (CredentialRow, SavedSessionRow):
        session.execute(delete(kept).where(col(kept.customer_id) == row.id))
    _stop_runs(session, row, _MOVED_ON)
    login_id, row.login_id, row.username = row.login_id, None, ""
    row.state, row.reason, row.since, row.faults = CustomerState.NEW.value, "", now(session), 0
    session.flush()
    if login_id is not None:
        credentials.release_login(session, login_id)


def write_profile(session: Session, customer_id: int, changes: Mapping[str, str | None]) -> None:
    """Change the fields of a profile that are named; None takes a value away."""
    put(session, ProfileRow, {"customer_id": customer_id}, changes)


def _filled(session: Session, customer: Customer, row: CustomerRow) -> None:
    """There is something to sign in with that was not tried yet. Who must come back has not yet done so."""
    at = now(session)
    if row.state == CustomerState.NEW.value:
        row.state, row.reason, row.since = CustomerState.ACTIVE.value, "", at
    queue.enter(session, customer, RunKind.CONNECT, why=NEW_CREDENTIALS)


def _give_external_id(session: Session, row: CustomerRow, external_id: str) -> None:
    if _with_external_id(session, row.company_id, external_id):
        raise _external_id_taken(session, row.company_id, external_id)
    row.external_id = external_id or None
    try:
        session.flush()
    except IntegrityError as exc:
        raise AlreadyThere(f"The external id {external_id} was just given to another customer.") from exc


def _rename(session: Session, customer: Customer, row: CustomerRow, username: str) -> bool:
    """Respell the user name; True if it is another login, which the portal's session is not of."""
    row.username = username.strip()
    before, login_id = row.login_id, identity.login(session, row.utility, username)
    if login_id == before:
        return False
    query = select(CustomerRow).filter_by(company_id=row.company_id, login_id=login_id)
    taken = session.exec(query).first() if before is not None else None
    if taken is not None:
        raise _already(f"{row.username} at {customer.utility}", taken)
    if before is not None and _is_shared(session, row):
        raise AlreadyThere(
            f"The customer {row.id} shares a connection by their login; add another one for {row.username}."
        )
    row.login_id = login_id
    try:
        session.flush()
    except IntegrityError as exc:
        raise AlreadyThere(f"{row.username} at {customer.utility} was just added.") from exc
    credentials.drop_session(session, customer)
    credentials.touch(session, customer)
    of_customer = update(RunRow).where(col(RunRow.customer_id) == row.id)
    session.execute(of_customer.where(col(RunRow.state) == RunState.QUEUED.value).values(login_id=login_id))
    session.execute(of_customer.where(col(RunRow.state).in_(HELD)).values(cancelled=True))
    if before is not None:
        credentials.release_login(session, before)
    return True


def _is_shared(session: Session, row: CustomerRow) -> bool:
    """Whether another has what is collected by this one's login, or this one what is by another's."""
    sharers = select(CustomerRow.id).where(CustomerRow.shares_id == row.id)
    return row.shares_id is not None or session.exec(sharers).first() is not None


def _with_external_id(session: Session, company_id: int, external_id: str | None) -> CustomerRow | None:
    if not external_id:
        return None
    query = select(CustomerRow).filter_by(company_id=company_id, external_id=external_id)
    return session.exec(query).first()


def _external_id_taken(session: Session, company_id: int, external_id: str) -> AlreadyThere:
    row = _with_external_id(session, company_id, external_id)
    if row is None:
        return AlreadyThere(f"The external id {external_id} was just given to another customer.")
    return _already(f"The external id {external_id}", row)


def _already(what: str, row: CustomerRow) -> AlreadyThere:
    if row.state == CustomerState.REMOVED.value:
        back = "remove it with its data, or add it again"
        return AlreadyThere(f"{what} is there already as customer {row.id}, which was removed; {back}.")
    known = f" (external id {row.external_id})" if row.external_id else ""
    return AlreadyThere(
        f"{what} is there already as customer {row.id}{known}; change it with `customer update {row.id}`."
    )


def close(session: Session, customer: Customer) -> None:
    """Destroy the data key and what it sealed, revoke the consent, stop the runs. What was collected stays.

    One that was removed already is left as it is.
    """
    row = _locked(session, customer)
    if row.state == CustomerState.REMOVED.value:
        return
    hand_over(session, row)
    row.shares_id = None
    at = now(session)
    events.publish(
        session, row.id, EventKind.CONSENT_REVOKED, events.instant(at), {"revoked_at": events.instant(at)}
    )
    row.key_id, row.wrapped_key = "", b""
    row.state, row.reason, row.since, row.faults = CustomerState.REMOVED.value, "", at, 0
    row.bills_due_at = row.intervals_due_at = None
    session.add(row)
    session.flush()
    for kept in (CredentialRow, SavedSessionRow):
        session.execute(delete(kept).where(col(kept.customer_id) == row.id))
    of_customer = (col(ChallengeRow.customer_id) == row.id, col(ChallengeRow.answer).is_not(None))
    session.execute(update(ChallengeRow).where(*of_customer).values(answer=None))
    session.execute(
        update(InboundMessageRow).where(col(InboundMessageRow.customer_id) == row.id).values(code=None)
    )
    for tie in (MailboxCustomerRow, PhoneNumberCustomerRow):
        session.execute(delete(tie).where(col(tie.customer_id) == row.id))
    asked = (col(ChallengeRow.customer_id) == row.id, col(ChallengeRow.state).in_(_ASKED))
    session.execute(update(ChallengeRow).where(*asked).values(state=ChallengeState.EXPIRED.value))
    identity.end_consent(session, row)
    _stop_runs(session, row, _WAS_REMOVED)
    if row.login_id is not None:
        credentials.release_login(session, row.login_id)


def erase(session: Session, customer: Customer) -> None:
    """Delete the customer with its data key and all that hangs on it; its files lose their references."""
    row = _locked(session, customer)
    hand_over(session, row)
    files = (
        select(DocumentRow.sha256, func.count())
        .where(DocumentRow.customer_id == customer.id)
        .group_by(col(DocumentRow.sha256))
        .order_by(col(DocumentRow.sha256))
    )
    for sha256, count in session.exec(files).all():
        session.execute(
            update(FileRow).where(col(FileRow.sha256) == sha256).values(refs=col(FileRow.refs) - count)
        )
    events.publish_removal(session, row.company_id, row.id, row.external_id)
    _forget_meters(session, row.id)
    session.delete(row)
    session.flush()
    if row.login_id is not None:
        credentials.release_login(session, row.login_id)


def _forget_meters(session: Session, customer_id: int) -> None:
    """That the customer's meters were unlocked, and charged, stays; their numbers do not.

    Instead there is what no bill can show, since it is random.
    """
    theirs = select(BillRow.id).where(BillRow.customer_id == customer_id)
    nobodys = literal(f"{token_hex(8)} ").concat(cast(col(UnlockRow.id), String))
    session.execute(update(UnlockRow).where(col(UnlockRow.bill_id).in_(theirs)).values(meter=nobodys))


def _stop_runs(session: Session, customer: CustomerRow, why: str) -> None:
    """Cancel those that nobody has taken yet; workers stop the others when they next look."""
    at = now(session)
    queued = select(RunRow).where(RunRow.customer_id == customer.id, RunRow.state == RunState.QUEUED.value)
    for row in session.exec(queued.with_for_update()).all():
        leases.end(session, row, RunState.CANCELLED, at, why)
    held = (col(RunRow.customer_id) == customer.id, col(RunRow.state).in_(HELD))
    session.execute(update(RunRow).where(*held).values(cancelled=True))


def _locked(session: Session, customer: Customer) -> CustomerRow:
    identity.hold_runs(session, customer)
    row = session.exec(select(CustomerRow).where(CustomerRow.id == customer.id).with_for_update()).first()
    if row is None:
        raise StorageError(identity.removed(customer))
    return row


def share(session: Session, vault: Vault, customer: Customer) -> Customer | None:
    """Let a customer who was just let in share another one's connection; whoever holds it, None if nobody.

    Where the holder has to come back, they come back with what this customer has given.
    """
    query = (
        select(CustomerRow)
        .where(CustomerRow.company_id == customer.company_id, CustomerRow.login_id == customer.login_id)
        .where(CustomerRow.id != customer.id, CustomerRow.state != _REMOVED)
        .where(col(CustomerRow.authenticated_at).is_not(None), col(CustomerRow.shares_id).is_(None))
        .order_by(col(CustomerRow.id))
        .with_for_update()
    )
    row = session.exec(query).first()
    if row is None:
        return None
    holder = Customer.of(row)
    mine = update(CustomerRow).where(col(CustomerRow.id) == customer.id)
    session.execute(mine.values(shares_id=holder.id, bills_due_at=None, intervals_due_at=None))
    if row.state != CustomerState.ACTIVE.value:
        credentials.copy(session, vault, customer, holder)
        row.state, row.reason, row.since = CustomerState.ACTIVE.value, "", now(session)
        session.flush()
        queue.enter(session, holder, RunKind.COLLECT, why="signed in by another customer of this login")
    return holder


def hand_over(session: Session, row: CustomerRow) -> None:
    """Another customer who shares what this one holds, if there is one, takes their place with it."""
    query = select(CustomerRow).where(CustomerRow.shares_id == row.id, CustomerRow.state != _REMOVED)
    sharers = session.exec(query.order_by(col(CustomerRow.id)).with_for_update()).all()
    if not sharers:
        return
    heir, *others = sharers
    heir.shares_id = None
    for other in others:
        other.shares_id = heir.id
    has = select(AccountRow.number).where(AccountRow.customer_id == heir.id)
    moved = select(AccountRow.id).where(AccountRow.customer_id == row.id, col(AccountRow.number).not_in(has))
    ids = session.exec(moved).all()
    for part in (BillRow, DocumentRow):
        unread = (col(part.customer_id) == row.id) & col(part.account_id).is_(None)
        theirs = update(part).where(col(part.account_id).in_(ids) | unread)
        session.execute(theirs.values(customer_id=heir.id))
    session.execute(update(AccountRow).where(col(AccountRow.id).in_(ids)).values(customer_id=heir.id))
    heir.revision += 1
    session.flush()
    if heir.state == CustomerState.ACTIVE.value:
        queue.enter(session, Customer.of(heir), RunKind.COLLECT, why=_TOOK_PLACE)
