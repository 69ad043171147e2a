"""The outbox of mail: entered in the transaction that causes it, taken by senders, ended; its secrets erased.

What a mail says is sealed, since it may have a token in it. News of a customer is only named, and written
when it is sent.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, update
from sqlmodel import Session, col, func, select

from meterfarm.records import EventKind, Mail
from meterfarm.storage import StorageError, audit
from meterfarm.storage.channels import DueMail, MailFigures, MailNotice, MailState, OutgoingMail
from meterfarm.storage.database import FarmRepository, Repository, insert_absent, now, reading, writing
from meterfarm.storage.tables import CompanyRow, OutgoingMailRow, metadata
from meterfarm.storage.vault import Vault

KEPT_FOR = timedelta(days=3)
"""For so long a mail is tried, unless it is good for less."""
NOTICES: Mapping[EventKind, str] = {
    EventKind.BILLS_READY: "ready",
    EventKind.INTERVALS_READY: "ready",
    EventKind.CUSTOMER_MUST_REAUTHENTICATE: "reauthenticate",
}
"""The events that a company gets a mail of. Of bills and intervals the first that are ready make one mail."""
_LETTER = "mail"
_PENDING = MailState.PENDING.value
_NO_LETTER = {"key_id": "", "wrapped_key": b"", "ciphertext": b""}
_MAIL = metadata.tables["outgoing_mail"]


class CompanyMails(Repository):
    """As ``CompanyStore.mails``."""

    @writing
    def add(
        self, session: Session, mail: Mail, about: str, good_for: timedelta = KEPT_FOR, *, cause: str = ""
    ) -> int:
        """Enter a mail, which is sent soon; its number. ``about`` is what it is, for the operator.

        For each ``cause`` there is one mail: the number of that, if it was entered before.
        """
        there = select(OutgoingMailRow.id).where(
            OutgoingMailRow.company_id == self._company_id, OutgoingMailRow.key == cause
        )
        known = session.exec(there).first() if cause else None
        if known is not None:
            return known
        return enter(session, self._vault, self._company_id, mail, about, good_for, cause=cause)

    @reading
    def knows(self, session: Session, cause: str) -> bool:
        """Whether a mail of this cause was entered, and is kept."""
        query = select(OutgoingMailRow.id).where(
            OutgoingMailRow.company_id == self._company_id, OutgoingMailRow.key == cause
        )
        return session.exec(query).first() is not None


class FarmMails(FarmRepository):
    """As ``Store.mails``."""

    @reading
    def are_due(self, session: Session) -> bool:
        """Whether ``take`` would find any."""
        at = now(session)
        query = select(OutgoingMailRow.id).where(*_due_at(at)).limit(1)
        return session.exec(query).first() is not None

    @writing
    def take(self, session: Session, limit: int, lease: timedelta) -> Sequence[DueMail]:
        """Take up to ``limit`` mails, the longest due first; each is this sender's for ``lease``.

        That a mail is opened is recorded; one that does not open is given up.
        """
        at = now(session)
        query = (
            select(OutgoingMailRow)
            .where(*_due_at(at))
            .order_by(col(OutgoingMailRow.next_at), col(OutgoingMailRow.id))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        taken = []
        for row in session.exec(query).all():
            row.attempts += 1
            row.lease_until = at + lease
            try:
                taken.append(_due(session, self._farm.vault, row, at - row.since))
            except StorageError as exc:
                row.fault, row.ended_at, row.lease_until = str(exc), at, None
                _end(row, MailState.GIVEN_UP)
        return taken

    @writing
    def settle(
        self, session: Session, due: DueMail, fault: str, again_in: timedelta | None
    ) -> MailState | None:
        """Write down how an attempt went: sent without a ``fault``, again later, or given up without
        ``again_in``. What it says is erased when it ends. What became of it; None, and nothing is written, if
        it is no longer this attempt's."""
        query = select(OutgoingMailRow).where(OutgoingMailRow.id == due.id).with_for_update()
        row = session.exec(query).first()
        if row is None or row.state != _PENDING or row.attempts != due.attempt:
            return None
        at = now(session)
        row.lease_until, row.fault = None, fault
        if fault and again_in is not None and at + again_in < row.until:
            row.next_at = at + again_in
            return MailState.PENDING
        _end(row, MailState.GIVEN_UP if fault else MailState.SENT)
        row.ended_at = at
        return MailState(row.state)

    @writing
    def give_up(self, session: Session, fault: str) -> int:
        """End the mails that are not good any more, and erase what they say; how many."""
        at = now(session)
        over = (
            update(_MAIL)
            .where(_MAIL.c.state == _PENDING, _MAIL.c.until <= at)
            .where(or_(_MAIL.c.lease_until.is_(None), _MAIL.c.lease_until <= at))
        )
        connection = session.connection()
        connection.execute(over.where(_MAIL.c.fault == "").values(fault=fault))
        ended = {"state": MailState.GIVEN_UP.value, "next_at": None, "lease_until": None, "ended_at": at}
        return connection.execute(over.values({**ended, **_NO_LETTER})).rowcount

    @writing
    def forget(self, session: Session, older_than: timedelta, limit: int = 5_000) -> int:
        """Delete mails that ended so long ago; how many."""
        old = (
            select(OutgoingMailRow.id)
            .where(OutgoingMailRow.state != _PENDING)
            .where(col(OutgoingMailRow.ended_at) < now(session) - older_than)
            .limit(limit)
        )
        gone = delete(OutgoingMailRow).where(col(OutgoingMailRow.id).in_(old))
        return session.connection().execute(gone).rowcount

    @reading
    def list(
        self, session: Session, states: Collection[MailState] = (), limit: int = 100
    ) -> Sequence[OutgoingMail]:
        """Newest first, of all companies."""
        query = select(OutgoingMailRow).order_by(col(OutgoingMailRow.id).desc()).limit(limit)
        if states:
            query = query.where(col(OutgoingMailRow.state).in_([state.value for state in states]))
        return [_shown(row) for row in session.exec(query)]

    @reading
    def figures(self, session: Session) -> MailFigures:
        """How the outbox stands."""
        query = select(OutgoingMailRow.state, func.count()).group_by(col(OutgoingMailRow.state))
        found = {MailState(state): count for state, count in session.exec(query)}
        pending = select(func.min(OutgoingMailRow.since), func.count()).where(
            OutgoingMailRow.state == _PENDING
        )
        since, _ = session.exec(pending).one()
        _, failing = session.exec(pending.where(OutgoingMailRow.fault != "")).one()
        oldest = (now(session) - since).total_seconds() if since else 0.0
        return MailFigures({state: found.get(state, 0) for state in MailState}, failing, oldest)


def enter(
    session: Session,
    vault: Vault,
    company_id: int,
    mail: Mail,
    about: str,
    good_for: timedelta = KEPT_FOR,
    *,
    cause: str = "",
) -> int:
    """Enter a mail in the transaction that causes it; its number."""
    at, message_id = now(session), _new_id()
    row = OutgoingMailRow(
        company_id=company_id,
        key=cause or message_id,
        about=about,
        to=mail.to,
        message_id=message_id,
        state=_PENDING,
        since=at,
        until=at + min(good_for, KEPT_FOR),
        next_at=at,
    )
    owner = _owner(row)
    row.key_id, row.wrapped_key = vault.new_data_key(owner)
    row.ciphertext = vault.seal(
        row.key_id, row.wrapped_key, owner, _LETTER, json.dumps(asdict(mail)).encode()
    )
    session.add(row)
    session.flush()
    return row.id


def withdraw(session: Session, company_id: int, about: str, to: str, why: str) -> None:
    """End mails that still wait, since what they say holds no more, and erase that."""
    query = select(OutgoingMailRow).where(
        OutgoingMailRow.company_id == company_id,
        OutgoingMailRow.about == about,
        OutgoingMailRow.to == to,
        OutgoingMailRow.state == _PENDING,
    )
    at = now(session)
    for row in session.exec(query.with_for_update()).all():
        row.fault, row.ended_at, row.lease_until = why, at, None
        _end(row, MailState.GIVEN_UP)


def enter_notices(session: Session, events: Collection[tuple[int, int, EventKind, str]]) -> None:
    """Enter mails for those of these events (company, customer, kind, key) that companies get mails of.

    Nothing for a company without an address for them, nor for what it got a mail of.
    """
    wanted = [event for event in events if event[2] in NOTICES]
    if not wanted:
        return
    companies = {company for company, *_ in wanted}
    query = select(CompanyRow.id, CompanyRow.notification_email).where(col(CompanyRow.id).in_(companies))
    addresses = {company: address for company, address in session.exec(query) if address}
    at = now(session)
    rows = [
        {
            "company_id": company,
            "key": _cause(kind, customer, key),
            "about": kind.value,
            "customer_id": customer,
            "to": addresses[company],
            "message_id": _new_id(),
            "state": _PENDING,
            "attempts": 0,
            "since": at,
            "until": at + KEPT_FOR,
            "next_at": at,
            "fault": "",
            **_NO_LETTER,
        }
        for company, customer, kind, key in wanted
        if company in addresses
    ]
    insert_absent(session, OutgoingMailRow, rows, "id")


def rotate_keys(session: Session, vault: Vault) -> None:
    """Wrap the keys of all mails that wait with the primary master key."""
    query = select(OutgoingMailRow).where(
        OutgoingMailRow.key_id != vault.primary.id, OutgoingMailRow.key_id != ""
    )
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row))


def _cause(kind: EventKind, customer: int, key: str) -> str:
    cause = f"{NOTICES[kind]} {customer}"
    return f"{cause} {key}" if kind is EventKind.CUSTOMER_MUST_REAUTHENTICATE else cause


def _due(session: Session, vault: Vault, row: OutgoingMailRow, age: timedelta) -> DueMail:
    mail = notice = None
    if row.key_id:
        audit.note(session, "outgoing_mail", company_id=row.company_id)
        said = vault.unseal(row.key_id, row.wrapped_key, _owner(row), _LETTER, row.ciphertext)
        mail = Mail(**json.loads(said))
    elif row.customer_id is not None:
        notice = MailNotice(EventKind(row.about), row.customer_id)
    return DueMail(row.id, row.company_id, row.attempts, age, row.message_id, row.to, mail, notice)


def _end(row: OutgoingMailRow, state: MailState) -> None:
    row.state, row.next_at = state.value, None
    row.key_id, row.wrapped_key, row.ciphertext = "", b"", b""


def _shown(row: OutgoingMailRow) -> OutgoingMail:
    return OutgoingMail(
        row.id,
        row.company_id,
        row.about,
        row.to,
        MailState(row.state),
        row.attempts,
        row.fault,
        row.since,
        row.next_at,
        row.ended_at,
    )


def _due_at(at: datetime) -> Sequence[ColumnElement[bool]]:
    lease = col(OutgoingMailRow.lease_until)
    return (
        col(OutgoingMailRow.state) == _PENDING,
        col(OutgoingMailRow.next_at) <= at,
        or_(lease.is_(None), lease <= at),
        col(OutgoingMailRow.until) > at,
    )


def _owner(row: OutgoingMailRow) -> str:
    """What the key of what it says is bound to."""
    return f"outgoing mail {row.message_id}"


def _new_id() -> str:
    return secrets.token_hex(16)
