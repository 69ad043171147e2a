"""A portal's state: what its views share, and what it remembers of its customers while it runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar, Generic

from meterfarm.fake_utility.kit.calendar import ZONE
from meterfarm.fake_utility.kit.challenges import Challenge, Judge
from meterfarm.fake_utility.kit.clock import Clock
from meterfarm.fake_utility.kit.codes import Codes
from meterfarm.fake_utility.kit.counters import Counters
from meterfarm.fake_utility.kit.customers import Customer, Factor
from meterfarm.fake_utility.kit.delivery import Delivery
from meterfarm.fake_utility.kit.drift import Drift, DriftSwitch
from meterfarm.fake_utility.kit.hostile import HostileSwitch, handed_out
from meterfarm.fake_utility.kit.kept import Kept
from meterfarm.fake_utility.kit.numbered import CustomerBook, CustomerT
from meterfarm.fake_utility.kit.outbox import Message, Outbox
from meterfarm.fake_utility.kit.quirks import Quirk, QuirkSwitch
from meterfarm.fake_utility.kit.rendering import Pages
from meterfarm.fake_utility.kit.sessions import Session, Sessions
from meterfarm.fake_utility.kit.static_files import StaticFiles
from meterfarm.fake_utility.kit.striking import Switch

DOCUMENTS_KEPT = 64_000_000


@dataclass(frozen=True, slots=True)
class PortalContext:
    """What all portals of a process are made with.

    `key` signs cookies. `prerender`: pages and documents are kept after they were first made, up to so many
    bytes; 0: no pages are. `quirks`: the names of those that are on, by user name, "" for everybody.
    `drift`: what answers look like by now.
    """

    key: bytes
    clock: Clock
    codes: Codes
    delivery: Delivery
    prerender: int = 0
    quirks: Mapping[str, Collection[str]] = field(default_factory=dict)
    drift: Drift | None = None


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
    served: they were given a document. lost: their session was ended half-way. breaks_after: after so many
    more documents their password is no longer taken.
    """

    settled: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    served: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    breaks_after: dict[str, int] = field(default_factory=dict)


class PortalState(ABC, Generic[CustomerT]):
    """What a portal of any kind has. `folder` is where its templates and static files are.

    Its clock is its own: it may be put forward without another portal's. `code_digits`: the fewest of a code.
    """

    code_digits: ClassVar[int] = 4

    def __init__(
        self,
        context: PortalContext,
        book: CustomerBook[CustomerT],
        folder: Path,
        quirks: Sequence[Quirk],
    ) -> None:
        self.book = book
        self.quirks = QuirkSwitch(quirks, context.quirks)
        scripts = [script.read_text() for script in sorted((folder / "static").glob("*.js"))]
        self.drifts = DriftSwitch(context.drift, "\n".join(scripts))
        self.clock = context.clock.split()
        self.codes = context.codes
        self.delivery = context.delivery
        self.judge = Judge(context.codes)
        self.sessions = Sessions(context.key, self.clock, folder.name)
        self.counters = Counters()
        self.switch = Switch()
        self.hostile = HostileSwitch()
        self.outbox = Outbox()
        self.memory = Memory()
        self.prerenders = context.prerender > 0
        self.kept = Kept(context.prerender or DOCUMENTS_KEPT)
        self.sign_ins: dict[str, SignIn] = {}
        self.static = StaticFiles(folder)
        self.pages = Pages(folder, self.static, self.clock, self.kept if self.prerenders else None)

    @abstractmethod
    def letter(self, customer: Customer, factor: Factor, code: str, now: datetime) -> Message:
        """The text message or mail that carries a code."""

    def documents(self, customer: CustomerT) -> Iterable[Callable[[], bytes]]:
        """What makes each of a customer's documents, so that it is kept; for benchmarks."""
        return ()

    def find(self, username: str) -> CustomerT | None:
        """The customer of a normalised user name, with what the portal does otherwise for them."""
        customer = self.book.find(username)
        return self.quirks.bent(customer) if customer is not None else None

    @property
    def today(self) -> date:
        """The day that it is at the portal."""
        return self.clock.today(ZONE)

    def begin_sign_in(self, key: str, customer: Customer) -> SignIn:
        """Open the first challenge of a sign-in; those that were never answered are forgotten."""
        now = self.clock.now()
        self.sign_ins = {key: open_ for key, open_ in self.sign_ins.items() if not open_.challenge.over(now)}
        self.sign_ins[key] = SignIn(customer, Challenge(customer, customer.challenges[0], now))
        return self.sign_ins[key]

    def served_bill(self, customer: Customer, session: Session | None) -> None:
        """Count a bill that was downloaded; some customers' sessions end with it."""
        handed_out("bill")
        self.memory.served.add(customer.username)
        tally = self.counters.of(customer.username)
        tally.documents.bills += 1
        limit = customer.oddities.session_ends_after_bills
        if limit and tally.documents.bills >= limit and customer.username not in self.memory.lost:
            self.memory.lost.add(customer.username)
            if session is not None:
                self.sessions.end(session)
        self._count_down(customer)

    def served_export(self, customer: Customer) -> None:
        """Count an export that was downloaded."""
        handed_out("export")
        self.memory.served.add(customer.username)
        self.counters.of(customer.username).documents.exports += 1
        self._count_down(customer)

    def break_login(self, username: str, after: int = 0) -> None:
        """Refuse the customer's password and end their sessions, once they were given `after` documents."""
        if after:
            self.memory.breaks_after[username] = after
            return
        self.memory.breaks_after.pop(username, None)
        self.memory.refused.add(username)
        self.end_sessions(username)

    def mend_login(self, username: str) -> None:
        """Take the customer's password again."""
        self.memory.breaks_after.pop(username, None)
        self.memory.refused.discard(username)

    def end_sessions(self, username: str) -> None:
        """End all that the customer is signed in with."""
        self.sessions.end_all(username)

    def _count_down(self, customer: Customer) -> None:
        left = self.memory.breaks_after.get(customer.username)
        if left is not None:
            self.break_login(customer.username, left - 1)

    def send_code(self, challenge: Challenge, factor: Factor) -> None:
        """Send a new code by text message or e-mail; it makes the one before void."""
        now, code = self.clock.now(), self.codes.new().zfill(self.code_digits)
        message = self.letter(challenge.customer, factor, code, now)
        challenge.send(factor, code, now)
        self.counters.of(challenge.customer.username).codes_sent += 1
        if factor == "email" and challenge.customer.has("mail-undelivered"):
            return
        self.outbox.add(message)
        self.delivery.send(message)
