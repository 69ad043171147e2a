"""What receives codes for a company's customers: numbers, and text messages on their way to a challenge."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from meterfarm.mfa.text_message import is_sent_to
from meterfarm.records import ChallengeState, CustomerState, Factor
from meterfarm.storage import AlreadyThere, AnswerRefused, StorageError
from meterfarm.storage.channels import (
    Delivery,
    DeliveryStatus,
    InboundText,
    NumberInfo,
    Receivers,
    SmsReceiverInfo,
    mailboxes,
)
from meterfarm.storage.channels.mailboxes import Mailboxes
from meterfarm.storage.customers import Customer, identity
from meterfarm.storage.database import (
    RUN,
    FarmRepository,
    Repository,
    insert_if_absent,
    now,
    put,
    reading,
    writing,
)
from meterfarm.storage.runs import HELD, Lease, challenges, leases
from meterfarm.storage.tables import (
    ChallengeRow,
    CustomerRow,
    InboundMessageRow,
    PendingCodeRow,
    PhoneNumberCustomerRow,
    PhoneNumberRow,
    RunRow,
    SmsReceiverRow,
)
from meterfarm.storage.vault import Vault
from meterfarm.support.processes import this_process

_SMS = Factor.SMS.value
_MAY_STILL_COME = timedelta(minutes=15)
"""For how long a code that nobody received may still be on its way."""


class PhoneNumbers(Repository):
    """The part of ``CompanyStore.channels`` about telephone numbers."""

    @writing
    def add_number(self, session: Session, number: str, customers: Collection[Customer]) -> int:
        """Have the number, new or known, receive for these customers too; its id.

        Raises:
            AlreadyThere: a customer has a number.
        """
        same = {"number": number, "company_id": self._company_id}
        insert_if_absent(session, PhoneNumberRow, {**same, "created_at": now(session)})
        row = session.exec(select(PhoneNumberRow).filter_by(**same).with_for_update()).one()
        for customer in customers:
            has = _number_of(session, customer)
            if has:
                raise AlreadyThere(
                    f"The customer {customer.id} has the number {has} already; "
                    f"take it away with `number remove {has} --customer {customer.id}`."
                )
            session.add(PhoneNumberCustomerRow(phone_number_id=row.id, customer_id=customer.id))
            session.flush()
        return row.id

    @writing
    def remove_number(self, session: Session, number: str, customer: Customer | None = None) -> None:
        """Forget the number, or that it receives for this customer.

        Raises:
            StorageError: there is no such number, or it does not receive for the customer.
        """
        same = {"number": number, "company_id": self._company_id}
        row = session.exec(select(PhoneNumberRow).filter_by(**same).with_for_update()).first()
        if row is None:
            raise StorageError(f"There is no number {number}; `number list` shows those that are there.")
        if customer is None:
            session.delete(row)
            return
        tie = session.get(PhoneNumberCustomerRow, (row.id, customer.id))
        if tie is None:
            raise StorageError(f"The number {number} does not receive for customer {customer.id}.")
        session.delete(tie)

    @reading
    def numbers(self, session: Session) -> Sequence[NumberInfo]:
        """By number."""
        tied: dict[int, list[int]] = {}
        pairs = select(PhoneNumberCustomerRow.phone_number_id, PhoneNumberCustomerRow.customer_id)
        for phone_number_id, customer_id in session.exec(
            pairs.order_by(col(PhoneNumberCustomerRow.customer_id))
        ):
            tied.setdefault(phone_number_id, []).append(customer_id)
        rows = select(PhoneNumberRow).where(PhoneNumberRow.company_id == self._company_id)
        return [
            NumberInfo(row.id, row.number, tied.get(row.id, ()))
            for row in session.exec(rows.order_by(col(PhoneNumberRow.number)))
        ]


class Texts(Repository):
    """The part of ``CompanyStore.channels`` about text messages that answer challenges."""

    @writing
    def expect_text(self, session: Session, lease: Lease, customer: Customer, factor: Factor | None) -> None:
        """A code is about to be requested, by this factor if known: messages that came before are not for it.

        Raises:
            LeaseLost: the run is not held any more.
        """
        leases.check(session, lease, self._company_id)
        values = {
            "customer_id": customer.id,
            "fence": lease.fence,
            "factor": factor.value if factor else "",
            "since": now(session),
            "came": False,
        }
        put(session, PendingCodeRow, {"run_id": lease.run_id}, values)
        _drop_buffered(session, customer.id)

    @writing
    def take_buffered_text(
        self, session: Session, lease: Lease, customer: Customer, challenge_id: int
    ) -> bool:
        """Whether a text message that came before the challenge was opened has answered it: the newest alone.

        Raises:
            LeaseLost: the run is not held any more.
        """
        session.info[RUN] = lease.run_id
        leases.check(session, lease, self._company_id)
        awaited = session.get(PendingCodeRow, lease.run_id)
        challenge = session.get(ChallengeRow, challenge_id)
        if awaited is None or challenge is None or challenge.factor != _SMS:
            return False
        awaited.factor = _SMS
        query = (
            select(InboundMessageRow)
            .where(InboundMessageRow.customer_id == customer.id, InboundMessageRow.kind == _SMS)
            .where(col(InboundMessageRow.code).is_not(None), col(InboundMessageRow.at) >= awaited.since)
            .order_by(col(InboundMessageRow.id).desc())
        )
        for row in session.exec(query).all():
            opened = identity.unseal(session, self._vault, customer, _bound_to(row), row.code or b"")
            delivery = _answer(session, self._vault, row, awaited, challenge, json.loads(opened))
            row.code, row.status, row.challenge_id = None, delivery.status.value, delivery.challenge_id
            if delivery.status is DeliveryStatus.ANSWERED:
                _drop_buffered(session, customer.id)
                return True
        return False


class SmsReceivers(FarmRepository):
    """As ``Store.sms``: text messages as they come in, to numbers of any company."""

    @reading
    def customers_of(self, session: Session, number: str) -> Sequence[Customer]:
        """The customers who receive codes at the number, in the order in which they were added."""
        query = (
            select(CustomerRow)
            .join(PhoneNumberCustomerRow, col(PhoneNumberCustomerRow.customer_id) == CustomerRow.id)
            .join(PhoneNumberRow, col(PhoneNumberRow.id) == PhoneNumberCustomerRow.phone_number_id)
            .where(PhoneNumberRow.number == number, CustomerRow.state != CustomerState.REMOVED.value)
            .order_by(col(CustomerRow.id))
        )
        return [Customer.of(row) for row in session.exec(query)]

    @writing
    def receive(
        self,
        session: Session,
        text: InboundText,
        codes: Mapping[Customer, Mapping[str, str]],
        idle: DeliveryStatus,
    ) -> Delivery:
        """Take in a text message, once for each of Twilio's ids.

        ``codes`` are what it has for each customer that it can be for. If it is for nobody at all, ``idle``
        is why. It answers the one customer who waits for it, or is buffered sealed if their challenge is
        about to be opened.
        """
        at = now(session)
        values = {"key": text.key, "kind": _SMS, "place": text.number, "at": at, "status": idle.value}
        if not insert_if_absent(session, InboundMessageRow, values):
            return Delivery(DeliveryStatus.REPLAYED)
        same = (
            InboundMessageRow.key == text.key,
            InboundMessageRow.kind == _SMS,
            InboundMessageRow.place == text.number,
        )
        row = session.exec(select(InboundMessageRow).where(*same)).one()
        delivery = Delivery(idle)
        if codes:
            by_id = {customer.id: customer for customer in codes}
            delivery = _deliver(session, self._farm.vault, row, by_id, codes, at)
        row.status, row.challenge_id = delivery.status.value, delivery.challenge_id
        return delivery

    @writing
    def heartbeat(self, session: Session, address: str) -> None:
        """This process receives text messages. Codes that were buffered and not asked for are forgotten."""
        put(
            session, SmsReceiverRow, {"worker": this_process()}, {"address": address, "beat_at": now(session)}
        )
        old = (
            col(InboundMessageRow.code).is_not(None),
            col(InboundMessageRow.at) < now(session) - _MAY_STILL_COME,
        )
        session.execute(update(InboundMessageRow).where(*old).values(code=None))

    @writing
    def leave(self, session: Session) -> None:
        """This process receives no text messages any more."""
        row = session.get(SmsReceiverRow, this_process())
        if row is not None:
            session.delete(row)

    @reading
    def running(self, session: Session) -> Sequence[SmsReceiverInfo]:
        """The processes that receive text messages now."""
        return challenges.sms_receivers(session)


def _deliver(
    session: Session,
    vault: Vault,
    row: InboundMessageRow,
    customers_by_id: Mapping[int, Customer],
    codes: Mapping[Customer, Mapping[str, str]],
    at: datetime,
) -> Delivery:
    asked = _awaited(session, list(customers_by_id), at)
    waiting = [pending for pending in asked if _waits(session, pending, at)]
    if not waiting:  # the code that came may prove wrong: another is kept for when the portal asks again
        waiting = [pending for pending in asked if pending.came and _has_live_run(session, pending)]
    if len(waiting) != 1:
        return Delivery(DeliveryStatus.UNCERTAIN if waiting else DeliveryStatus.UNSOLICITED)
    awaited, customer = waiting[0], customers_by_id[waiting[0].customer_id]
    run = session.exec(select(RunRow).where(RunRow.id == awaited.run_id).with_for_update()).first()
    if run is None or not _is_live(run, awaited):
        return Delivery(DeliveryStatus.UNSOLICITED)
    given = codes[customer]
    row.customer_id, row.company_id = customer.id, customer.company_id
    row.digest = identity.digest(session, vault, customer, given.get("text", ""))
    if _was_used(session, row, awaited.since):
        return Delivery(DeliveryStatus.COPY)
    challenge = _open_challenge(session, awaited.run_id, at)
    if challenge is None:
        sealed = json.dumps(dict(given)).encode()
        row.code = identity.seal(session, vault, customer, _bound_to(row), sealed)
        return Delivery(DeliveryStatus.BUFFERED)
    return _answer(session, vault, row, awaited, challenge, given)


def _answer(
    session: Session,
    vault: Vault,
    row: InboundMessageRow,
    awaited: PendingCodeRow,
    challenge: ChallengeRow,
    given: Mapping[str, str],
) -> Delivery:
    if not is_sent_to(challenge.destination, row.place):
        return Delivery(DeliveryStatus.OTHER_DESTINATION)
    try:
        challenges.answer(
            session, vault, challenge.company_id, challenge.id, given, f"by a text message to {row.place}"
        )
    except AnswerRefused:
        return Delivery(DeliveryStatus.UNSOLICITED)
    awaited.came = True
    return Delivery(DeliveryStatus.ANSWERED, challenge.id)


def _awaited(session: Session, customer_ids: Sequence[int], at: datetime) -> Sequence[PendingCodeRow]:
    query = select(PendingCodeRow).where(
        col(PendingCodeRow.customer_id).in_(customer_ids),
        col(PendingCodeRow.factor).in_(("", _SMS)),
        col(PendingCodeRow.since) <= at,
    )
    return session.exec(query.order_by(col(PendingCodeRow.run_id))).all()


def _waits(session: Session, awaited: PendingCodeRow, at: datetime) -> bool:
    """Whether a code for it may come in: its run waits for one, or gave up waiting a short while ago."""
    if _has_live_run(session, awaited):
        return not awaited.came or _open_challenge(session, awaited.run_id, at) is not None
    return awaited.factor == _SMS and not awaited.came and awaited.since > at - _MAY_STILL_COME


def _has_live_run(session: Session, awaited: PendingCodeRow) -> bool:
    run = session.get(RunRow, awaited.run_id)
    return run is not None and _is_live(run, awaited)


def _is_live(run: RunRow, awaited: PendingCodeRow) -> bool:
    return run.state in HELD and run.fence == awaited.fence


def _open_challenge(session: Session, run_id: int, at: datetime) -> ChallengeRow | None:
    query = select(ChallengeRow).where(
        ChallengeRow.run_id == run_id,
        ChallengeRow.state == ChallengeState.OPEN.value,
        ChallengeRow.factor == _SMS,
        col(ChallengeRow.expires_at) > at,
    )
    return session.exec(query).first()


def _was_used(session: Session, row: InboundMessageRow, since: datetime) -> bool:
    """Whether the same code came in before, since it was asked for."""
    query = select(InboundMessageRow.id).where(
        InboundMessageRow.customer_id == row.customer_id,
        InboundMessageRow.digest == row.digest,
        col(InboundMessageRow.at) >= since,
        InboundMessageRow.id != row.id,
    )
    return session.exec(query).first() is not None


def _drop_buffered(session: Session, customer_id: int) -> None:
    kept = (col(InboundMessageRow.customer_id) == customer_id, col(InboundMessageRow.code).is_not(None))
    session.execute(update(InboundMessageRow).where(*kept).values(code=None))


def _bound_to(row: InboundMessageRow) -> str:
    return f"text message {row.id}"


def _number_of(session: Session, customer: Customer) -> str:
    """The customer's number, or ""."""
    query = (
        select(PhoneNumberRow.number)
        .join(PhoneNumberCustomerRow, col(PhoneNumberCustomerRow.phone_number_id) == PhoneNumberRow.id)
        .where(PhoneNumberCustomerRow.customer_id == customer.id)
    )
    return session.exec(query).first() or ""


class Channels(Mailboxes, PhoneNumbers, Texts):
    """As ``CompanyStore.channels``."""

    @reading
    def receivers(self, session: Session, customer: Customer) -> Receivers:
        """What receives codes for the customer."""
        return Receivers(
            mailbox=mailboxes.of_customer(session, customer),
            number=_number_of(session, customer),
            mail_came=mailboxes.count(session, customer, Factor.EMAIL) > 0,
            text_came=mailboxes.count(session, customer, Factor.SMS) > 0,
            sms_receiver_runs=bool(challenges.sms_receivers(session)),
        )

    @reading
    def sms_receiver_runs(self, session: Session) -> bool:
        """Whether some process of the farm receives text messages now."""
        return bool(challenges.sms_receivers(session))
