"""Mailboxes that receive codes: where they are, their sealed passwords, their customers, how they do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from pydantic import SecretStr
from sqlalchemy import delete, or_
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from meterfarm.mfa.mailbox_owner import Neighbours
from meterfarm.records import ChallengeState, CustomerState, EventKind, Factor, MailSecurity
from meterfarm.storage import AlreadyThere, AnswerRefused, StorageError, audit
from meterfarm.storage.channels import WAITS_FOR_MAIL, DeliveryStatus, MailAccount, MailboxInfo
from meterfarm.storage.customers import Customer
from meterfarm.storage.database import Repository, insert_if_absent, now, reading, writing
from meterfarm.storage.runs import challenges, events, queue
from meterfarm.storage.tables import (
    ChallengeRow,
    CustomerRow,
    InboundMessageRow,
    LoginRow,
    MailboxCustomerRow,
    MailboxRow,
)
from meterfarm.storage.vault import Vault

_LATELY = timedelta(days=1)
_GONE = "receives nothing for this customer any more; somebody has to answer."
_PASSWORD = "password"  # noqa: S105 - what is sealed


class Mailboxes(Repository):
    """The part of ``CompanyStore.channels`` about mailboxes, and the mails that answer challenges."""

    @writing
    def add_mailbox(
        self, session: Session, account: MailAccount, password: str, customers: Collection[Customer] | None
    ) -> int:
        """Enter a mailbox that receives codes for these customers, or for all; its id.

        Raises:
            AlreadyThere: the mailbox is there.
        """
        at = now(session)
        same = {
            "host": account.host,
            "port": account.port,
            "username": account.username,
            "folder": account.folder,
            "company_id": self._company_id,
        }
        values = {
            **same,
            "security": account.security.value,
            "everybody": customers is None,
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
        _seal(self._vault, row, password)
        _tie(session, row, customers)
        return row.id

    @writing
    def change_mailbox(
        self,
        session: Session,
        mailbox_id: int,
        *,
        password: str | None = None,
        customers: Collection[Customer] | None = None,
        everybody: bool = False,
    ) -> None:
        """Another password; other customers, if any are given or it is for ``everybody`` now.

        Raises:
            StorageError: there is no such mailbox.
        """
        row = self._locked(session, mailbox_id)
        if password is not None:
            _seal(self._vault, row, password)
            row.fault, row.checked_at = "", None
        if everybody or customers is not None:
            row.everybody = everybody
            of_mailbox = col(MailboxCustomerRow.mailbox_id) == row.id
            session.execute(delete(MailboxCustomerRow).where(of_mailbox))
            _tie(session, row, None if everybody else customers)
            _note_waiting(session, mailbox_id)

    def remove_mailbox(self, mailbox_id: int) -> None:
        """Forget the mailbox and its password.

        Raises:
            StorageError: there is no such mailbox.
        """
        self._remove_mailbox(mailbox_id)
        self._database.forget_deleted()

    @writing
    def _remove_mailbox(self, session: Session, mailbox_id: int) -> None:
        session.delete(self._locked(session, mailbox_id))
        _note_waiting(session, mailbox_id)

    @reading
    def mailboxes(self, session: Session) -> Sequence[MailboxInfo]:
        """By id."""
        return self._list(session)

    @reading
    def mailbox(self, session: Session, mailbox_id: int) -> MailboxInfo | None:
        """The mailbox, None if there is no such one."""
        return next(iter(self._list(session, mailbox_id)), None)

    def _list(self, session: Session, mailbox_id: int | None = None) -> Sequence[MailboxInfo]:
        tied: dict[int, list[int]] = {}
        pairs = (
            select(MailboxCustomerRow.mailbox_id, MailboxCustomerRow.customer_id)
            .join(MailboxRow, col(MailboxRow.id) == MailboxCustomerRow.mailbox_id)
            .where(MailboxRow.company_id == self._company_id)
        )
        for mailbox, customer in session.exec(pairs.order_by(col(MailboxCustomerRow.customer_id))):
            tied.setdefault(mailbox, []).append(customer)
        query = select(MailboxRow).where(MailboxRow.company_id == self._company_id)
        if mailbox_id is not None:
            query = query.where(MailboxRow.id == mailbox_id)
        rows = session.exec(query.order_by(col(MailboxRow.id)))
        return [_info(row, tied.get(row.id, ())) for row in rows]

    @writing
    def mailbox_password(self, session: Session, mailbox_id: int) -> SecretStr:
        """The mailbox's password; opening it is recorded.

        Raises:
            StorageError: there is no such mailbox, or the password does not open.
        """
        row = self._locked(session, mailbox_id)
        audit.note(session, "mailbox_password", company_id=row.company_id, mailbox_id=row.id)
        opened = self._vault.unseal(row.key_id, row.wrapped_key, _owner(row), _PASSWORD, row.ciphertext)
        return SecretStr(opened.decode())

    @writing
    def note_mailbox(self, session: Session, mailbox_id: int, fault: str, waiting: Mapping[int, int]) -> None:
        """How it did just now. A fault is an event, once, for each customer of ``waiting``, by run."""
        query = select(MailboxRow).where(
            MailboxRow.id == mailbox_id, MailboxRow.company_id == self._company_id
        )
        row = session.exec(query.with_for_update()).first()
        if row is None:
            return
        at = now(session)
        row.checked_at = at
        if bool(row.fault) != bool(fault):
            row.since = at
        row.fault = fault
        own = select(CustomerRow.id).where(
            CustomerRow.company_id == self._company_id, col(CustomerRow.id).in_(waiting.values())
        )
        customers = set(session.exec(own)) if fault else ()
        for run_id, customer_id in waiting.items():
            if customer_id not in customers:
                continue
            about = {"mailbox_id": row.id, "reason": fault}
            key = f"{row.id} {row.since.isoformat()}"
            events.publish(session, customer_id, EventKind.MAILBOX_FAILED, key, about, run_id=run_id)

    @writing
    def note_channel(self, session: Session, challenge_id: int, text: str) -> None:
        """Record at an open challenge what answers it by itself, and how that goes."""
        row = self._challenge(session, challenge_id)
        if row is not None:
            _note_channel(session, row, text)

    @writing
    def note_mailbox_channel(self, session: Session, mailbox_id: int, challenge_id: int, text: str) -> None:
        """Record at an open challenge how its mailbox does, unless that receives nothing for it any more."""
        session.exec(select(MailboxRow.id).where(MailboxRow.id == mailbox_id).with_for_update()).first()
        row = self._challenge(session, challenge_id)
        if row is not None:
            receives = _receives(session, mailbox_id, row.company_id, row.customer_id)
            _note_channel(session, row, _about(mailbox_id, text if receives else _GONE))

    @reading
    def neighbours(
        self,
        session: Session,
        mailbox_id: int,
        customer: Customer,
        recipients: Collection[str],
        *,
        masks: bool = True,
    ) -> Neighbours:
        """Who else a mail to these recipients could be for; where codes went lately only with ``masks``."""
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

    def answer_by_mail(
        self,
        mailbox_id: int,
        fingerprint: str,
        customer: Customer,
        challenge_id: int,
        given: Mapping[str, str],
    ) -> bool:
        """Whether the mail answered the challenge: not if it was used before, or if somebody was quicker.

        Neither does it if the mailbox was removed meanwhile, or given to others.
        """
        try:
            return self._answer_by_mail(mailbox_id, fingerprint, customer, challenge_id, given)
        except AnswerRefused:
            return False

    @writing
    def _answer_by_mail(
        self,
        session: Session,
        mailbox_id: int,
        fingerprint: str,
        customer: Customer,
        challenge_id: int,
        given: Mapping[str, str],
    ) -> bool:
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
            "status": DeliveryStatus.ANSWERED.value,
        }
        if not insert_if_absent(session, InboundMessageRow, values):
            return False
        how = f"by mailbox {mailbox_id}"
        challenges.answer(session, self._vault, self._company_id, challenge_id, given, how)
        return True

    def _locked(self, session: Session, mailbox_id: int) -> MailboxRow:
        query = select(MailboxRow).where(
            MailboxRow.id == mailbox_id, MailboxRow.company_id == self._company_id
        )
        row = session.exec(query.with_for_update()).first()
        if row is None:
            raise StorageError(
                f"There is no mailbox {mailbox_id}; `mailbox list` shows those that are there."
            )
        return row

    def _row(self, session: Session, mailbox_id: int) -> MailboxRow | None:
        of_company = select(MailboxRow).where(MailboxRow.company_id == self._company_id)
        return session.exec(of_company.where(MailboxRow.id == mailbox_id).with_for_update()).first()

    def _challenge(self, session: Session, challenge_id: int) -> ChallengeRow | None:
        query = select(ChallengeRow).where(
            ChallengeRow.id == challenge_id, ChallengeRow.company_id == self._company_id
        )
        return session.exec(query).first()


def of_customer(session: Session, customer: Customer) -> MailboxInfo | None:
    """The customer's own mailbox, else one for all; one that is well goes first."""
    own_and_well_first = (col(MailboxRow.everybody), col(MailboxRow.fault) != "", col(MailboxRow.id))
    row = session.exec(_receiving_for(customer.company_id, customer.id).order_by(*own_and_well_first)).first()
    return _info(row, ()) if row is not None else None


def rotate(session: Session, vault: Vault) -> None:
    """Wrap the keys of all passwords with the primary master key."""
    query = select(MailboxRow).where(MailboxRow.key_id != vault.primary.id)
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row))


def count(session: Session, customer: Customer, kind: Factor) -> int:
    """How many codes were handed on for the customer that came in this way."""
    query = select(func.count()).where(
        InboundMessageRow.customer_id == customer.id,
        InboundMessageRow.kind == kind.value,
        InboundMessageRow.status == DeliveryStatus.ANSWERED.value,
    )
    return session.exec(query.select_from(InboundMessageRow)).one()


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


def _note_waiting(session: Session, mailbox_id: int) -> None:
    """The open challenges that a mailbox is to answer say so only as long as it receives for them."""
    session.flush()
    query = select(ChallengeRow).where(
        ChallengeRow.state == ChallengeState.OPEN.value,
        col(ChallengeRow.channel).startswith(_about(mailbox_id, "")),
    )
    for row in session.exec(query.order_by(col(ChallengeRow.id))).all():
        if not _receives(session, mailbox_id, row.company_id, row.customer_id):
            _note_channel(session, row, _about(mailbox_id, _GONE))
        elif row.channel == _about(mailbox_id, _GONE):
            _note_channel(session, row, _about(mailbox_id, WAITS_FOR_MAIL))


def _note_channel(session: Session, row: ChallengeRow, text: str) -> None:
    if row.state == ChallengeState.OPEN and row.channel != text:
        row.channel = text
        queue.add_step(session, row.run_id, "by itself", text)


def _about(mailbox_id: int, text: str) -> str:
    return f"mailbox {mailbox_id}: {text}"


def _seal(vault: Vault, row: MailboxRow, secret: str) -> None:
    row.key_id, row.wrapped_key = vault.new_data_key(_owner(row))
    row.ciphertext = vault.seal(row.key_id, row.wrapped_key, _owner(row), _PASSWORD, secret.encode())


def _tie(session: Session, row: MailboxRow, customers: Collection[Customer] | None) -> None:
    session.flush()
    for customer_id in sorted({customer.id for customer in customers or ()}):
        session.add(MailboxCustomerRow(mailbox_id=row.id, customer_id=customer_id))


def _owner(row: MailboxRow) -> str:
    return f"mailbox {row.id}"


def _info(row: MailboxRow, tied: Sequence[int]) -> MailboxInfo:
    account = MailAccount(row.host, row.port, MailSecurity(row.security), row.username, row.folder)
    return MailboxInfo(
        row.id, row.company_id, account, row.everybody, tied, row.fault, row.since, row.checked_at
    )
