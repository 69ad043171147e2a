"""The store's door to what receives codes: mailboxes, numbers, text messages. A method is a transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pydantic import SecretStr

from meterfarm.mfa.mailbox_owner import Neighbours
from meterfarm.records import Factor
from meterfarm.storage import audit, inboxes, mailboxes, numbers, texts
from meterfarm.storage.challenges import AnswerRefused
from meterfarm.storage.database import Database
from meterfarm.storage.receiving import (
    Fate,
    InboundText,
    InboxInfo,
    MailAccount,
    MailboxInfo,
    NumberInfo,
    Received,
    Receivers,
)
from meterfarm.storage.results import Customer
from meterfarm.storage.vault import Vault
from meterfarm.storage.work import Lease


class Channels:
    """As ``Store.channels``."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def of(self, customer: Customer) -> Receivers:
        """What receives codes for the customer."""
        with self._database.reading() as session:
            return Receivers(
                mailbox=mailboxes.of_customer(session, customer),
                number=numbers.of_customer(session, customer),
                mail_came=mailboxes.count(session, customer, Factor.EMAIL) > 0,
                text_came=mailboxes.count(session, customer, Factor.SMS) > 0,
                inbox_runs=bool(inboxes.running(session)),
            )

    # mailboxes

    def add_mailbox(self, account: MailAccount, password: str, whose: Collection[Customer] | None) -> int:
        """Enter a mailbox for these customers, or for all; its id. Raises AlreadyThere."""
        with self._database.writing() as session:
            return mailboxes.add(session, self._vault, account, password, whose)

    def change_mailbox(
        self,
        mailbox_id: int,
        *,
        password: str | None = None,
        whose: Collection[Customer] | None = None,
        everybody: bool = False,
    ) -> None:
        """Change what is given."""
        with self._database.writing() as session:
            mailboxes.change(session, self._vault, mailbox_id, password, whose, everybody=everybody)

    def remove_mailbox(self, mailbox_id: int) -> None:
        with self._database.writing() as session:
            mailboxes.remove(session, mailbox_id)
        self._database.forget_deleted()

    def mailboxes(self) -> Sequence[MailboxInfo]:
        """By id."""
        with self._database.reading() as session:
            return mailboxes.listed(session)

    def mailbox(self, mailbox_id: int) -> MailboxInfo | None:
        with self._database.reading() as session:
            return next(iter(mailboxes.listed(session, mailbox_id)), None)

    def mailbox_password(self, mailbox_id: int) -> SecretStr:
        with self._database.writing() as session:
            return mailboxes.password(session, self._vault, mailbox_id)

    def note_mailbox(self, mailbox_id: int, fault: str, waiting: Mapping[int, int]) -> None:
        """How it did; the customers of these runs are told of a fault, once."""
        with self._database.writing() as session:
            mailboxes.note(session, mailbox_id, fault, waiting)

    def say(self, challenge_id: int, text: str) -> None:
        """Tell at an open challenge what answers it by itself, and how that goes."""
        with self._database.writing() as session:
            mailboxes.say(session, challenge_id, text)

    def say_of_mailbox(self, mailbox_id: int, challenge_id: int, text: str) -> None:
        """Tell at an open challenge how the mailbox does that is to answer it."""
        with self._database.writing() as session:
            mailboxes.say_of(session, mailbox_id, challenge_id, text)

    def neighbours(
        self, mailbox_id: int, customer: Customer, recipients: Collection[str], *, masks: bool = True
    ) -> Neighbours:
        """Who else a mail to these recipients could be for; where codes went lately only with ``masks``."""
        with self._database.reading() as session:
            return mailboxes.neighbours(session, mailbox_id, customer, recipients, masks=masks)

    def answer_by_mail(
        self,
        mailbox_id: int,
        fingerprint: str,
        customer: Customer,
        challenge_id: int,
        said: Mapping[str, str],
    ) -> bool:
        """Whether the mail answered the challenge: not if it was used before, or if somebody was quicker."""
        try:
            with self._database.writing() as session:
                return mailboxes.answer(
                    session, self._vault, mailbox_id, fingerprint, customer, challenge_id, said
                )
        except AnswerRefused:
            return False

    # numbers and text messages

    def add_number(self, number: str, whose: Collection[Customer]) -> int:
        """Have the number receive for these customers. Raises AlreadyThere."""
        with self._database.writing() as session:
            return numbers.add(session, number, whose)

    def remove_number(self, number: str, customer: Customer | None = None) -> None:
        """Forget the number, or that it receives for this customer."""
        with self._database.writing() as session:
            numbers.remove(session, number, customer)

    def numbers(self) -> Sequence[NumberInfo]:
        """By number."""
        with self._database.reading() as session:
            return numbers.listed(session)

    def receives_for(self, number: str) -> Sequence[Customer]:
        """The customers whose codes come to the number."""
        with self._database.reading() as session:
            return numbers.receives_for(session, number)

    def expect_text(self, lease: Lease, customer: Customer, factor: Factor | None) -> None:
        """A code is about to be asked for: text messages that came before are not for it. LeaseLost."""
        with self._database.writing() as session:
            texts.expect(session, lease, customer, factor)

    def take_kept_text(self, lease: Lease, customer: Customer, challenge_id: int) -> bool:
        """Whether a text message that came before the challenge was opened has answered it. LeaseLost."""
        with self._database.writing() as session:
            audit.is_for(session, lease.run_id)
            return texts.take_kept(session, self._vault, lease, customer, challenge_id)

    def receive_text(
        self, text: InboundText, codes: Mapping[Customer, Mapping[str, str]], idle: Fate
    ) -> Received:
        """Take in a text message; once for each of Twilio's ids."""
        with self._database.writing() as session:
            return texts.receive(session, self._vault, text, codes, idle)

    def beat_inbox(self, address: str) -> None:
        """This process takes in text messages."""
        with self._database.writing() as session:
            texts.beat(session, address)

    def leave_inbox(self) -> None:
        with self._database.writing() as session:
            texts.leave(session)

    def inboxes(self) -> Sequence[InboxInfo]:
        """The processes that take in text messages now."""
        with self._database.reading() as session:
            return inboxes.running(session)
