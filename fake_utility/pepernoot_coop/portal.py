"""The co-op's state: sessions, short-lived tokens beside them, and jobs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import Request

from meterfarm.fake_utility.kit.app import state_of
from meterfarm.fake_utility.kit.customers import Customer, Factor
from meterfarm.fake_utility.kit.outbox import Message
from meterfarm.fake_utility.kit.sessions import SESSION, Session
from meterfarm.fake_utility.kit.state import PortalContext, PortalState
from meterfarm.fake_utility.pepernoot_coop.customers import BOOK, Member
from meterfarm.fake_utility.pepernoot_coop.data import listed_bills
from meterfarm.fake_utility.pepernoot_coop.documents import bill_content
from meterfarm.fake_utility.pepernoot_coop.exports import Jobs
from meterfarm.fake_utility.pepernoot_coop.quirks import QUIRKS

TOKEN_SECONDS = 600
LINK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Link:
    """What a signed address leads to: a member's bill."""

    username: str
    account: str
    bill: str
    session: str = field(repr=False, default="")


class Coop(PortalState[Member]):
    """Pepernoot Co-op's state."""

    def __init__(self, context: PortalContext) -> None:
        super().__init__(context, BOOK, Path(__file__).parent, QUIRKS)
        self.jobs = Jobs()
        self._tokens = URLSafeSerializer(context.key, salt="pepernoot token")
        self._links = URLSafeSerializer(context.key, salt="pepernoot link")

    def letter(self, customer: Customer, factor: Factor, code: str, now: datetime) -> Message:
        """None is ever sent: authenticators make the codes."""
        raise ValueError(f"Pepernoot Co-op sends no code by {factor}")

    def documents(self, customer: Member) -> Iterator[Callable[[], bytes]]:
        """The bills."""
        for account in customer.accounts:
            for place, bill in enumerate(listed_bills(account, self.today)):
                yield partial(bill_content, self.kept, customer, place, bill)

    def member(self, request: Request) -> tuple[Session, Member] | None:
        """Who asks, if their session still holds."""
        session = self.sessions.read(request.cookies.get(SESSION))
        member = self.find(session.username) if session else None
        return (session, member) if session and member else None

    def token(self, session: Session) -> str:
        """What a session's requests carry in their header for the next ten minutes."""
        return str(self._tokens.dumps([session.id, self._now() + TOKEN_SECONDS]))

    def is_token(self, session: Session, token: str) -> bool:
        """Whether a token is of this session and still good."""
        found = _loaded(self._tokens, token)
        return bool(found) and found[0] == session.id and found[1] >= self._now()

    def link(self, link: Link) -> str:
        """What is signed and good for a minute."""
        return str(
            self._links.dumps(
                [link.username, link.account, link.bill, link.session, self._now() + LINK_SECONDS]
            )
        )

    def read_link(self, signed: str) -> Link | None:
        """What such an address leads to; None once it has expired."""
        found = _loaded(self._links, signed)
        return Link(*found[:4]) if found and found[4] >= self._now() else None

    def _now(self) -> int:
        return int(self.clock.now().timestamp())


def _loaded(serializer: URLSafeSerializer, text: str) -> Any:
    try:
        return serializer.loads(text)
    except BadSignature:
        return None


def coop_of(request: Request) -> Coop:
    """The co-op that serves a request."""
    coop: Coop = state_of(request)
    return coop
