"""Signing in and out, and what a password can lead to."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from meterfarm.fake_utility.kit.customers import Customer, normalise
from meterfarm.fake_utility.kit.sessions import DEVICE, SESSION, clear_session
from meterfarm.fake_utility.speculoos_power.documents import load_printer
from meterfarm.fake_utility.speculoos_power.gates import meet_gate
from meterfarm.fake_utility.speculoos_power.portal import Portal, message_page, portal_of
from meterfarm.fake_utility.speculoos_power.visits import enter, expired_form, posted

KEEP = "keep"
INCORRECT = "The e-mail address or password you entered is incorrect."
FAILED = "We could not sign you in just now. Please try again."
TOO_MANY = "You are signed in too often. Sign out where you do not need it, or try again in an hour."
LOCKED = "Your account has been locked. Call 1-800-555-0142 to unlock it."
NOTICES = {
    "expired": "Your session has ended. Please sign in again.",
    "signed_out": "You have signed out.",
}


async def home(request: Request) -> Response:
    """Lead to the accounts, or to the sign-in."""
    session = portal_of(request).session(request)
    inside = session is not None and session.stage == "inside"
    return RedirectResponse("/accounts" if inside else "/login", 303)


async def login_page(request: Request) -> Response:
    """The form to sign in."""
    if portal_of(request).has_stale_cookie(request):
        return message_page(
            request, "Bad request", "Your browser sent a request that we cannot read.", status=400
        )
    notice = next((text for name, text in NOTICES.items() if name in request.query_params), None)
    return portal_of(request).pages.kept_page(request, "login.html", lambda: {"notice": notice}, notice)


async def login(request: Request) -> Response:
    """Judge user name and password."""
    portal = portal_of(request)
    fields = await posted(request)
    if fields is None:
        return expired_form(request)
    username, password = normalise(fields.get("email", "")), fields.get("password", "")
    if username:
        portal.counters.of(username).password_attempts += 1
    customer = portal.find(username)
    wrong = customer is not None and customer.has("locks-on-retry")
    if customer is None or not password or username in portal.memory.refused or wrong:
        if username:
            portal.counters.of(username).password_rejections += 1
        if wrong and portal.counters.of(username).password_rejections > 1:
            return _again(request, fields, LOCKED, 403)
        return _again(request, fields, INCORRECT, 401)
    if customer.has("fails-first") and username not in portal.failed:
        portal.failed.add(username)
        return _again(request, fields, FAILED, 200)
    return _after_password(request, portal, customer, fields)


def _after_password(
    request: Request, portal: Portal, customer: Customer, fields: Mapping[str, str]
) -> Response:
    keep = KEEP in fields
    gate = customer.oddities.gate
    if gate and customer.username not in portal.memory.settled:
        if gate == "locked":
            portal.counters.of(customer.username).password_rejections += 1
            return _again(request, fields, LOCKED, 403)
        return meet_gate(request, portal, customer, gate, keep=keep)
    if customer.has("session-limit") and portal.sessions_of(customer.username):
        return _again(request, fields, TOO_MANY, 409)
    load_printer()
    known = portal.sessions.knows_device(request.cookies.get(DEVICE), customer.username)
    if customer.challenges and not known:
        response = RedirectResponse("/mfa", 303)
        session = portal.sessions.open(response, customer.username, "mfa", keep=keep)
        begun = portal.begin_sign_in(session.id, customer)
        if customer.has("code-already-sent") and begun.challenge.chosen:
            portal.send_code(begun.challenge, begun.challenge.chosen)
        return response
    return enter(portal, customer, keep=keep)


async def logout(request: Request) -> Response:
    """End the session."""
    portal = portal_of(request)
    if await posted(request) is None:
        return expired_form(request)
    session = portal.sessions.read(request.cookies.get(SESSION))
    if session:
        portal.sessions.end(session)
    response = RedirectResponse("/login?signed_out=1", 303)
    clear_session(response)
    return response


def _again(request: Request, fields: Mapping[str, str], alert: str, status: int) -> Response:
    typed = {"email": fields.get("email"), "keep": KEEP in fields}
    return portal_of(request).pages.page(request, "login.html", {"alert": alert, **typed}, status=status)
