"""The portal's state: what its views share, and what it remembers of its customers while it runs."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from meterfarm.fake_utility.clock import Clock
from meterfarm.fake_utility.counters import Counters
from meterfarm.fake_utility.delivery import Delivery
from meterfarm.fake_utility.kept import Kept
from meterfarm.fake_utility.outbox import Outbox
from meterfarm.fake_utility.speculoos.calendar import ZONE
from meterfarm.fake_utility.speculoos.challenges import Challenge, Judge
from meterfarm.fake_utility.speculoos.codes import Codes
from meterfarm.fake_utility.speculoos.customers import Customer, Factor
from meterfarm.fake_utility.speculoos.letters import mail, text_message
from meterfarm.fake_utility.speculoos.numbered import find_customer
from meterfarm.fake_utility.speculoos.rendering import Pages
from meterfarm.fake_utility.speculoos.sessions import CSRF, SESSION, Session, Sessions
from meterfarm.fake_utility.striking import Switch

DOCUMENTS_KEPT = 64_000_000
MAIN_PAGES = ("/", "/accounts")


@dataclass(slots=True)
class SignIn:
    """A sign-in between password and account: the challenges passed so far, and the one that is open."""

    customer: Customer
    challenge: Challenge
    passed: int = 0
    remember: bool = False


@dataclass(slots=True)
class Memory:
    """What happened to customers since the start.

    settled: they did what stood behind the password. refused: their password is no longer taken.
    served: they were given a document. lost: their session was ended half-way.
    """

    settled: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    served: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)


class Portal:
    """`prerender`: with it, pages and documents are kept after they were first made, up to so many bytes."""

    def __init__(
        self, key: bytes, clock: Clock, codes: Codes, delivery: Delivery, *, prerender: int = 0
    ) -> None:
        self.clock = clock
        self.codes = codes
        self.delivery = delivery
        self.judge = Judge(codes)
        self.sessions = Sessions(key, clock)
        self.counters = Counters()
        self.switch = Switch()
        self.outbox = Outbox()
        self.memory = Memory()
        self.prerenders = prerender > 0
        self.kept = Kept(prerender or DOCUMENTS_KEPT)
        self.sign_ins: dict[str, SignIn] = {}
        self.pages = Pages(clock, self.kept if self.prerenders else None)

    @property
    def today(self) -> date:
        """The day that it is at the portal."""
        return self.clock.today(ZONE)

    def genuine(self, request: Request, fields: Mapping[str, str]) -> bool:
        """Does the form carry the browser's own CSRF token?"""
        cookie, field_value = request.cookies.get(CSRF, ""), fields.get("csrf_token", "")
        return bool(cookie) and hmac.compare_digest(cookie.encode(), field_value.encode())

    def session(self, request: Request) -> Session | None:
        """The request's session, if it has one that still holds, at whatever stage."""
        session = self.sessions.read(request.cookies.get(SESSION))
        customer = find_customer(session.username) if session else None
        if session is None or customer is None:
            return None
        if customer.oddities.one_visit and self._visit_is_over(session, request.url.path):
            self.sessions.end(session)
            self.memory.refused.add(session.username)
            return None
        return session

    def _visit_is_over(self, session: Session, path: str) -> bool:
        if session.life != self.sessions.life:
            return True
        return session.username in self.memory.served and path in MAIN_PAGES

    def begin_sign_in(self, session: Session, customer: Customer) -> None:
        """Open the first challenge; those that were never answered are forgotten."""
        now = self.clock.now()
        self.sign_ins = {key: open_ for key, open_ in self.sign_ins.items() if not open_.challenge.over(now)}
        self.sign_ins[session.id] = SignIn(customer, Challenge(customer, customer.challenges[0], now))

    def served_bill(self, customer: Customer, session: Session) -> None:
        """Count a bill that was downloaded."""
        self.memory.served.add(customer.username)
        tally = self.counters.of(customer.username)
        tally.documents.bills += 1
        limit = customer.oddities.session_ends_after_bills
        if limit and tally.documents.bills >= limit and customer.username not in self.memory.lost:
            self.memory.lost.add(customer.username)
            self.sessions.end(session)

    def served_export(self, customer: Customer) -> None:
        """Count an export that was downloaded."""
        self.memory.served.add(customer.username)
        self.counters.of(customer.username).documents.exports += 1

    def send_code(self, challenge: Challenge, factor: Factor) -> None:
        """Send a new code by text message or e-mail; it makes the one before void."""
        now, code = self.clock.now(), self.codes.new()
        write = text_message if factor == "sms" else mail
        message = write(challenge.customer, code, now)
        challenge.send(factor, code, now)
        self.counters.of(challenge.customer.username).codes_sent += 1
        self.outbox.add(message)
        self.delivery.send(message)


def portal_of(request: Request) -> Portal:
    """The portal that serves a request."""
    portal: Portal = request.app.state.portal
    return portal


def message_page(
    request: Request, title: str, *paragraphs: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """A page that only says something."""
    context = {"title": title, "paragraphs": paragraphs}
    return portal_of(request).pages.page(request, "message.html", context, status=status, headers=headers)
