"""What receives codes for a company's customers: mailboxes, telephone numbers, text messages."""

from __future__ import annotations

from sqlmodel import Session

from meterfarm.records import Factor
from meterfarm.storage import inboxes, mailboxes, numbers
from meterfarm.storage.mailboxes import Mailboxes
from meterfarm.storage.numbers import PhoneNumbers
from meterfarm.storage.receiving import Receivers
from meterfarm.storage.repository import reading
from meterfarm.storage.results import Customer
from meterfarm.storage.texts import Texts


class Channels(Mailboxes, PhoneNumbers, Texts):
    """As ``CompanyStore.channels``."""

    @reading
    def receivers(self, session: Session, customer: Customer) -> Receivers:
        """What receives codes for the customer."""
        return Receivers(
            mailbox=mailboxes.of_customer(session, customer),
            number=numbers.of_customer(session, customer),
            mail_came=mailboxes.count(session, customer, Factor.EMAIL) > 0,
            text_came=mailboxes.count(session, customer, Factor.SMS) > 0,
            sms_receiver_runs=bool(inboxes.running(session)),
        )

    @reading
    def sms_receiver_runs(self, session: Session) -> bool:
        """Whether some process of the farm receives text messages now."""
        return bool(inboxes.running(session))
