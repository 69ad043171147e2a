"""The company's state: sign-ins under way, token families, what happened to customers since the start."""

from collections.abc import Callable, Iterator
from datetime import datetime

from starlette.requests import Request

from meterfarm.fake_utility.kit.app import state_of
from meterfarm.fake_utility.kit.customers import Customer, Factor
from meterfarm.fake_utility.kit.numbered import CustomerBook
from meterfarm.fake_utility.kit.outbox import Message
from meterfarm.fake_utility.kit.state import PortalContext, PortalState
from meterfarm.fake_utility.stroopwafel_energy.brand import FOLDER, Brand
from meterfarm.fake_utility.stroopwafel_energy.customers import Subscriber
from meterfarm.fake_utility.stroopwafel_energy.documents import all_documents
from meterfarm.fake_utility.stroopwafel_energy.families import ACCESS_SECONDS, Families
from meterfarm.fake_utility.stroopwafel_energy.letters import mail, text_message
from meterfarm.fake_utility.stroopwafel_energy.links import Links
from meterfarm.fake_utility.stroopwafel_energy.quirks import QUIRKS
from meterfarm.fake_utility.stroopwafel_energy.transactions import Transactions


class Company(PortalState[Subscriber]):
    """What the four hosts share.

    `put_off`: what was put off, by the family of tokens. `shown`: whose accounts were asked for, and which.
    `calls_asked_for`: how often somebody chose to be called.
    """

    code_digits = 6

    def __init__(self, context: PortalContext, brand: Brand, book: CustomerBook[Subscriber]) -> None:
        super().__init__(context, book, FOLDER, QUIRKS)
        self.brand = brand
        self.families = Families(context.key, self.clock, brand.id)
        self.links = Links(context.key, self.clock, brand.id)
        self.transactions = Transactions(self.clock)
        self.style = brand.style.encode() + self.static.style
        self.put_off: set[tuple[str, str]] = set()
        self.shown: set[tuple[str, str]] = set()
        self.calls_asked_for = 0

    def letter(self, customer: Customer, factor: Factor, code: str, now: datetime) -> Message:
        """See `letters.py`."""
        return (text_message if factor == "sms" else mail)(self.brand, customer, code, now)

    def documents(self, customer: Subscriber) -> Iterator[Callable[[], bytes]]:
        """See `documents.py`."""
        return all_documents(self.kept, self.brand, self.today, customer)

    def access_seconds(self, username: str) -> int:
        """How long a customer's bearer tokens last."""
        customer = self.find(username)
        return customer.access_seconds if customer else ACCESS_SECONDS

    def end_sessions(self, username: str) -> None:
        """Tokens too."""
        super().end_sessions(username)
        self.families.end_all(username)

    def serve_bill(self, customer: Subscriber, family: str) -> None:
        """Count a bill that was handed out; some customers are signed out with it."""
        was_lost = customer.username in self.memory.lost
        self.served_bill(customer, None)
        if customer.username in self.memory.lost and not was_lost:
            self.families.end(family)


def company_of(request: Request) -> Company:
    """The company that serves a request."""
    company: Company = state_of(request)
    return company
