"""The portal's state: what its views share, and what it remembers of its customers while it runs."""

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from meterfarm.fake_utility.kit.app import state_of
from meterfarm.fake_utility.kit.customers import Customer, Factor
from meterfarm.fake_utility.kit.outbox import Message
from meterfarm.fake_utility.kit.sessions import CSRF, SESSION, Session
from meterfarm.fake_utility.kit.state import PortalContext, PortalState
from meterfarm.fake_utility.speculoos_power.customers import BOOK
from meterfarm.fake_utility.speculoos_power.documents import all_documents
from meterfarm.fake_utility.speculoos_power.letters import mail, text_message
from meterfarm.fake_utility.speculoos_power.quirks import QUIRKS

MAIN_PAGES = ("/", "/accounts")


class Portal(PortalState[Customer]):
    """Speculoos Power's state.

    `put_off`: what was asked in a session and put off. `failed`: who could not sign in the first time.
    """

    def __init__(self, context: PortalContext) -> None:
        super().__init__(context, BOOK, Path(__file__).parent, QUIRKS)
        self.put_off: dict[str, set[str]] = {}
        self.failed: set[str] = set()
        self._entered: dict[str, list[Session]] = {}

    def letter(self, customer: Customer, factor: Factor, code: str, now: datetime) -> Message:
        """See `letters.py`."""
        return (text_message if factor == "sms" else mail)(customer, code, now)

    def documents(self, customer: Customer) -> Iterator[Callable[[], bytes]]:
        """See `prerender.py`."""
        return all_documents(self.kept, self.today, customer)

    def genuine(self, request: Request, fields: Mapping[str, str]) -> bool:
        """Does the form carry the browser's own CSRF token?"""
        cookie, field_value = request.cookies.get(CSRF, ""), fields.get("csrf_token", "")
        return bool(cookie) and hmac.compare_digest(cookie.encode(), field_value.encode())

    def entered(self, session: Session) -> None:
        """A session was opened that leads inside."""
        self._entered.setdefault(session.username, []).append(session)

    def sessions_of(self, username: str) -> Sequence[Session]:
        """Those that the customer has not ended."""
        return [one for one in self._entered.get(username, ()) if not self.sessions.has_ended(one)]

    def has_stale_cookie(self, request: Request) -> bool:
        """Whether the request still brings the cookie of a session that has ended, and chokes on it."""
        cookie = request.cookies.get(SESSION)
        customer = self.find(self.sessions.username(cookie))
        stumbles = customer is not None and customer.has("stale-cookies")
        return stumbles and self.sessions.read(cookie) is None

    def session(self, request: Request) -> Session | None:
        """The request's session, if it has one that still holds, at whatever stage."""
        session = self.sessions.read(request.cookies.get(SESSION))
        customer = self.find(session.username) if session else None
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


def portal_of(request: Request) -> Portal:
    """The portal that serves a request."""
    portal: Portal = state_of(request)
    return portal


def message_page(
    request: Request, title: str, *paragraphs: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """A page that only says something."""
    context = {"title": title, "paragraphs": paragraphs}
    return portal_of(request).pages.page(request, "message.html", context, status=status, headers=headers)
