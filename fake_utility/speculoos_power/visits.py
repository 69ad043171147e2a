"""Who is asking: views inside the portal are called only for a visitor who may see them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.sessions import SESSION, Session, clear_session
from meterfarm.fake_utility.speculoos_power.portal import Portal, message_page, portal_of

Stage = Literal[
    "inside", "mfa", "password", "terms", "captcha", "splash", "enrolment", "questionnaire", "notice"
]
POLLED = 4
"""So many pages, and the address is banned."""
SLOW_SECONDS = 10
STAGE_PAGES: dict[str, str] = {
    "mfa": "/mfa",
    "password": "/password-expired",
    "terms": "/terms",
    "captcha": "/robot-check",
    "splash": "/welcome",
    "enrolment": "/enrolment",
    "questionnaire": "/questions",
    "notice": "/notice",
    "inside": "/accounts",
}


NOTICES = {
    "enrolment-nag": (
        "Make your account safer",
        "Two-step verification keeps others out, even those who know your password.",
        "Turn on two-step verification",
        "Ask me later",
    ),
    "paperless-offer": (
        "Go paperless",
        "We e-mail you when a bill is ready, and send no paper any more.",
        "Enroll in paperless billing",
        "Skip",
    ),
    "confirm-contact": (
        "Is this still you?",
        "Please see that we have the right e-mail address and phone number.",
        "Yes, save these",
        "Remind me later",
    ),
}
"""By quirk: the heading, the words, what the customer may do, and how to put it off."""


@dataclass(frozen=True, slots=True)
class Visit:
    """`fields`: what was posted, if anything was."""

    request: Request
    portal: Portal
    customer: Customer
    session: Session
    fields: Mapping[str, str] = field(default_factory=dict)

    def page(
        self, template: str, context: dict[str, Any] | None = None, *, status: int = 200
    ) -> HTMLResponse:
        """A page inside the portal, with the customer's name and menu."""
        self.portal.counters.of(self.customer.username).pages += 1
        values = {"customer": self.customer, **(context or {})}
        return self.portal.pages.page(self.request, template, values, status=status)

    def kept_page(
        self, template: str, make_context: Callable[[], dict[str, Any]], about: Hashable = None
    ) -> HTMLResponse:
        """A page that only the customer, the address, the day and `about` decide."""
        self.portal.counters.of(self.customer.username).pages += 1
        return self.portal.pages.kept_page(
            self.request,
            template,
            lambda: {"customer": self.customer, **make_context()},
            (self.customer.username, self.customer.quirks, about),
        )


View = Callable[[Visit], Response]
AccountView = Callable[[Visit, Account], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def at_stage(stage: Stage) -> Callable[[View], Endpoint]:
    """The view is for visitors at this stage; others are sent where they belong."""

    def decorate(view: View) -> Endpoint:
        @wraps(view)
        async def endpoint(request: Request) -> Response:
            portal = portal_of(request)
            fields = await posted(request)
            if fields is None:
                return expired_form(request)
            session = portal.session(request)
            customer = portal.find(session.username) if session else None
            if session is None or customer is None:
                return to_login(request)
            if customer.has("banned-address") and portal.counters.of(customer.username).pages >= POLLED:
                return firewall()
            if customer.has("slow-page") and request.url.path.endswith("/usage"):
                await asyncio.sleep(SLOW_SECONDS)
            if session.stage != stage:
                return RedirectResponse(STAGE_PAGES[session.stage], 303)
            response = view(Visit(request, portal, customer, session, fields))
            portal.sessions.renew(response, session)
            return response

        return endpoint

    return decorate


inside = at_stage("inside")


def inside_account(view: AccountView) -> Endpoint:
    """The view is for the account numbered in the path, which must be the visitor's own."""

    @inside
    @wraps(view)
    def with_account(visit: Visit) -> Response:
        number = visit.request.path_params["number"]
        account = next((a for a in visit.customer.accounts if a.number == number), None)
        return view(visit, account) if account else not_found(visit.request)

    return with_account


async def posted(request: Request) -> Mapping[str, str] | None:
    """The form's fields (none for a GET), or None if the form does not carry the browser's CSRF token."""
    if request.method != "POST":
        return {}
    async with request.form(max_files=0) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return fields if portal_of(request).genuine(request, fields) else None


def move_on(portal: Portal, customer: Customer, stage: Stage, *, keep: bool) -> RedirectResponse:
    """Open a session at a stage and go to that stage's page."""
    response = RedirectResponse(STAGE_PAGES[stage], 303)
    session = portal.sessions.open(response, customer.username, stage, keep=keep)
    if stage == "inside":
        portal.entered(session)
    return response


def enter(portal: Portal, customer: Customer, *, keep: bool) -> RedirectResponse:
    """Nothing stands in the way any more but what can be put off."""
    tally = portal.counters.of(customer.username)
    tally.sign_ins += 1
    response = move_on(portal, customer, "notice" if notices(customer) else "inside", keep=keep)
    if customer.has("false-password-rules") and tally.sign_ins == 1:
        response.headers["location"] = "/password-rules"
    return response


def notices(customer: Customer) -> Sequence[str]:
    """What the customer is asked before the account is shown, one after the other."""
    return [name for name in NOTICES if name in customer.quirks]


def to_login(request: Request) -> Response:
    """Lead to the sign-in, which says so if the session expired."""
    had_session = SESSION in request.cookies
    response = RedirectResponse("/login?expired=1" if had_session else "/login", 303)
    if had_session and not portal_of(request).has_stale_cookie(request):
        clear_session(response)
    return response


def firewall() -> Response:
    """A firewall's page, which is of another make."""
    return HTMLResponse((Path(__file__).parent / "templates" / "firewall.html").read_text(), 403)


def not_found(request: Request) -> Response:
    """The page for what is not there."""
    return message_page(
        request,
        "Page not found",
        "The page you asked for does not exist, or is not yours to see.",
        status=404,
    )


def expired_form(request: Request) -> Response:
    """The page for a form that is too old."""
    return message_page(
        request,
        "Your form has expired",
        "For your safety, forms are good for a limited time. Go back, reload the page and try again.",
        status=403,
    )
