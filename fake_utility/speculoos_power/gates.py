"""What may stand between the password and the account: refusals, and pages that ask for something."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from meterfarm.fake_utility.kit.customers import Customer, Gate
from meterfarm.fake_utility.kit.sessions import clear_session
from meterfarm.fake_utility.speculoos_power.portal import Portal, message_page
from meterfarm.fake_utility.speculoos_power.visits import (
    NOTICES,
    Visit,
    at_stage,
    enter,
    firewall,
    inside,
    move_on,
    notices,
)

SHORTEST_PASSWORD = 8


def meet_gate(request: Request, portal: Portal, customer: Customer, gate: Gate, *, keep: bool) -> Response:
    """The portal's answer to a right password when this gate stands behind it."""
    match gate:
        case "password" | "terms" | "captcha" | "splash" | "enrolment" | "questionnaire":
            return move_on(portal, customer, gate, keep=keep)
        case "maintenance":
            return message_page(
                request,
                "We'll be right back",
                "Speculoos Power online services are down for scheduled maintenance.",
                "Please come back in a few hours. To report an outage, call 1-800-555-0199 at any time.",
                status=503,
                headers={"Retry-After": "3600"},
            )
        case "too_many_requests":
            return message_page(
                request,
                "Too many requests",
                "We received too many requests from your network. Please wait and try again.",
                status=429,
                headers={"Retry-After": "120"},
            )
        case "firewall":
            return firewall()
        case _:
            return PlainTextResponse("Internal Server Error", 500)


@at_stage("password")
def password_page(visit: Visit) -> Response:
    """The page that wants a new password."""
    return visit.page("password_expired.html")


@at_stage("password")
def change_password(visit: Visit) -> Response:
    """Take a new password."""
    new, repeated = visit.fields.get("new_password", ""), visit.fields.get("repeat_password", "")
    if len(new) < SHORTEST_PASSWORD:
        alert = f"Choose a password of at least {SHORTEST_PASSWORD} characters."
    elif new != repeated:
        alert = "The two passwords are not the same."
    else:
        return _settle(visit)
    return visit.page("password_expired.html", {"alert": alert})


@at_stage("terms")
def terms_page(visit: Visit) -> Response:
    """The page of terms to accept."""
    return visit.page("terms.html")


@at_stage("terms")
def answer_terms(visit: Visit) -> Response:
    """Take an answer to the terms."""
    if visit.fields.get("answer") == "accept":
        return _settle(visit)
    visit.portal.sessions.end(visit.session)
    response = RedirectResponse("/login", 303)
    clear_session(response)
    return response


@at_stage("captcha")
def captcha_page(visit: Visit) -> Response:
    """The page with a CAPTCHA."""
    return visit.page("captcha.html")


@at_stage("captcha")
def answer_captcha(visit: Visit) -> Response:
    """Refuse an answer to the CAPTCHA."""
    return visit.page("captcha.html", {"alert": "We could not see that you are a person. Please try again."})


@at_stage("splash")
def splash_page(visit: Visit) -> Response:
    """The page shown after a first sign-in."""
    return visit.page("welcome.html")


@at_stage("enrolment")
def enrolment_page(visit: Visit) -> Response:
    """The page that wants customers of the old site to enrol at the new one."""
    return visit.page("enrolment.html")


@at_stage("questionnaire")
def questionnaire_page(visit: Visit) -> Response:
    """Questions about the home."""
    return visit.page("questionnaire.html")


@inside
def rules_page(visit: Visit) -> Response:
    """The page that finds the password too old, and lets nobody out who only goes on."""
    return visit.page("password_rules.html")


@at_stage("notice")
def notice_page(visit: Visit) -> Response:
    """What the customer is asked before the account is shown, the first that was not put off."""
    heading, words, accept, later = NOTICES[_left(visit)[0]]
    return visit.page("notice.html", {"heading": heading, "words": words, "accept": accept, "later": later})


@at_stage("notice")
def answer_notice(visit: Visit) -> Response:
    """Put it off, or do it, until the next sign-in."""
    first, *others = _left(visit)
    visit.portal.put_off.setdefault(visit.session.id, set()).add(first)
    if others:
        return RedirectResponse("/notice", 303)
    visit.portal.sessions.end(visit.session)
    return move_on(visit.portal, visit.customer, "inside", keep=visit.session.keep)


def _left(visit: Visit) -> Sequence[str]:
    had = visit.portal.put_off.get(visit.session.id, set())
    return [name for name in notices(visit.customer) if name not in had]


def _settle(visit: Visit) -> Response:
    """The customer did what was asked: it is not asked again."""
    visit.portal.memory.settled.add(visit.customer.username)
    visit.portal.sessions.end(visit.session)
    return enter(visit.portal, visit.customer, keep=visit.session.keep)
