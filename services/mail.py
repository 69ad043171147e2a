"""Mail to people: entered in the outbox, and what news of a customer says to the company."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from meterfarm.farm.mail.message import composed
from meterfarm.farm.mail.server import mail_address
from meterfarm.records import CustomerState, EventKind, Mail
from meterfarm.services.errors import InvalidRequest
from meterfarm.services.readiness import account_facts
from meterfarm.storage.channels import USER_MAIL, MailNotice, MailState, OutgoingMail
from meterfarm.storage.customers import CustomerRecord
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.support.foreign_text import one_line
from meterfarm.utilities import UtilityUnavailable, load_utility

_GOOD_FOR = timedelta(days=3)
_LONGEST_NAME = 60
_LIKE_A_LINK = re.compile(r"[:/@\\<>]|\.\S")
"""What mail programs make a link of; no person is called so, and a company need not be."""


def queue_mail(
    store: CompanyStore, mail: Mail, *, about: str = USER_MAIL, good_for: timedelta = _GOOD_FOR
) -> int:
    """Enter a mail in the outbox, from where a worker sends it; its number.

    What it says is sealed until it was sent, and then erased. ``good_for``: it is given up after so long,
    as a link in it expires; three days at most.

    Raises:
        InvalidRequest: it goes to what is no address.
    """
    checked_address(mail.to)
    return store.mails.add(mail, about, good_for)


def checked_address(text: str) -> str:
    """The address as mail goes to it.

    Raises:
        InvalidRequest: it is none.
    """
    address = mail_address(text)
    if not address:
        raise InvalidRequest(f"“{one_line(text, 80)}” is no e-mail address; write one like ada@example.com.")
    return address


def outgoing_mails(farm: Store, *, failed: bool = False, limit: int = 100) -> Sequence[OutgoingMail]:
    """The newest mails of all companies; ``failed``: those alone that were given up or failed once."""
    if not failed:
        return farm.mails.list(limit=limit)
    states = (MailState.PENDING, MailState.GIVEN_UP)
    return [mail for mail in farm.mails.list(states, limit) if mail.fault]


class NoticeWriter:
    """Writes the mails of one farm's notices. ``public_url`` begins their links."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    def of(self, store: CompanyStore, notice: MailNotice, to: str) -> Mail | None:
        """What the notice says now; None if the customer is gone, or need not reauthenticate any more."""
        record = store.customers.record(notice.customer_id)
        if record is None or record.state is CustomerState.REMOVED:
            return None
        if notice.kind is not EventKind.CUSTOMER_MUST_REAUTHENTICATE:
            return self._ready(store, record, to)
        if record.state is not CustomerState.MUST_REAUTHENTICATE:
            return None
        return self._must_reauthenticate(store, record, to)

    def _ready(self, store: CompanyStore, record: CustomerRecord, to: str) -> Mail:
        facts = account_facts(store, record.holder_id)
        ready = [
            name
            for name, is_ready in (("bills", facts.bills_are_ready), ("intervals", facts.intervals_are_ready))
            if is_ready
        ]
        what = " and ".join(ready) or "data"
        about = _called(record)
        return composed(
            to,
            f"Data ready: {about}",
            [
                f"{about} has connected {_utility(record)}, and the {what} are ready.",
                *(["What is still lacking comes by itself."] if len(ready) == 1 else []),
            ],
            button=("View data here", self._page(store, record)),
            closing=[_why(store)],
        )

    def _must_reauthenticate(self, store: CompanyStore, record: CustomerRecord, to: str) -> Mail:
        about = _called(record)
        return composed(
            to,
            f"Must reauthenticate: {about}",
            [
                f"{about} must sign in at {_utility(record)} again: until then nothing new is fetched.",
                "The customer's page has the link to send to them.",
            ],
            button=("View the customer", self._page(store, record)),
            closing=[_why(store)],
        )

    def _page(self, store: CompanyStore, record: CustomerRecord) -> str:
        company = store.farm.companies.get(store.company_id)
        side = "live" if company is not None and company.live else "test"
        return f"{self._public_url}/dashboard/{side}/customers/{record.id}"


def plain_name(text: str) -> str:
    """What may be anybody's words, as a mail has it: short, and "" if a mail program makes a link of it."""
    shown = one_line(text, _LONGEST_NAME)
    return "" if _LIKE_A_LINK.search(shown) else shown


def _called(record: CustomerRecord) -> str:
    """A customer as a mail names them."""
    number = f"customer {record.id}"
    names = " ".join(filter(None, (record.profile.first_name, record.profile.last_name)))
    shown = plain_name(names)
    return f"{shown} ({number})" if shown else number.capitalize()


def _utility(record: CustomerRecord) -> str:
    try:
        return load_utility(record.utility).name
    except UtilityUnavailable:
        return "the utility"


def _why(store: CompanyStore) -> str:
    company = store.farm.companies.get(store.company_id)
    side = "" if company is None else f" of {company.name}{'' if company.live else ' (test)'}"
    return f"You get this mail because your address is the notification e-mail address{side}."
