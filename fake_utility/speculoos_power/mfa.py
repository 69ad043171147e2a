"""The pages that verify who signs in: choice, send, code entry, security question."""

from typing import Any

from starlette.responses import RedirectResponse, Response

from meterfarm.fake_utility.kit.challenges import Challenge, Verdict
from meterfarm.fake_utility.kit.sessions import clear_session
from meterfarm.fake_utility.kit.state import SignIn
from meterfarm.fake_utility.speculoos_power.portal import message_page
from meterfarm.fake_utility.speculoos_power.visits import Visit, at_stage, enter

INVALID_CODE = "Your code is invalid. Please try again."
INVALID_ANSWER = "Your answer is incorrect. Please try again."
EXPIRED = "Your code has expired. Please request a new one."
REUSED = "That code was already used. Wait for the next one."


@at_stage("mfa")
def mfa_page(visit: Visit) -> Response:
    """The page of the challenge that is open."""
    sign_in = _open_sign_in(visit)
    if sign_in is None:
        return _start_over(visit)
    if "choose" in visit.request.query_params and len(sign_in.challenge.factors) > 1:
        return _choice(visit, sign_in.challenge)
    return _show(visit, sign_in.challenge)


@at_stage("mfa")
def choose(visit: Visit) -> Response:
    """Take the choice of a factor."""
    sign_in = _open_sign_in(visit)
    if sign_in is None:
        return _start_over(visit)
    challenge, wanted = sign_in.challenge, visit.fields.get("factor")
    for factor in challenge.factors:
        if factor == wanted:
            challenge.chosen = factor
            return _send(visit, challenge)
    return _choice(visit, challenge, "Please choose one of the ways below.")


@at_stage("mfa")
def send(visit: Visit) -> Response:
    """Send a code, again if need be."""
    sign_in = _open_sign_in(visit)
    if sign_in is None:
        return _start_over(visit)
    if sign_in.challenge.chosen not in ("sms", "email"):
        return _show(visit, sign_in.challenge)
    return _send(visit, sign_in.challenge)


@at_stage("mfa")
def verify(visit: Visit) -> Response:
    """Judge a code or an answer."""
    sign_in = _open_sign_in(visit)
    if sign_in is None:
        return _start_over(visit)
    challenge = sign_in.challenge
    if challenge.chosen is None or challenge.needs_sending:
        return _show(visit, challenge)
    question = challenge.chosen == "question"
    answer = visit.fields.get("answer") or visit.fields.get("code") or visit.fields.get("passcode", "")
    visit.portal.counters.of(visit.customer.username).code_attempts += 1
    match visit.portal.judge.verdict(challenge, answer, visit.portal.clock.now()):
        case Verdict.RIGHT:
            return _next(visit, sign_in)
        case Verdict.WRONG:
            return _show(visit, challenge, INVALID_ANSWER if question else INVALID_CODE)
        case Verdict.EXPIRED:
            return _show(visit, challenge, EXPIRED)
        case Verdict.REUSED:
            return _show(visit, challenge, REUSED)
        case Verdict.CLOSED:
            return _failed(visit)


def _open_sign_in(visit: Visit) -> SignIn | None:
    sign_in = visit.portal.sign_ins.get(visit.session.id)
    if sign_in is None or sign_in.challenge.over(visit.portal.clock.now()):
        return None
    return sign_in


def _send(visit: Visit, challenge: Challenge) -> Response:
    """Send a code the chosen way, unless one went out too short a while ago."""
    factor = challenge.chosen
    if factor is None:
        return _choice(visit, challenge)
    wait = challenge.wait(factor, visit.portal.clock.now())
    if wait:
        return _show(visit, challenge, f"Please wait {wait} seconds before requesting another code.")
    visit.portal.send_code(challenge, factor)
    return _show(visit, challenge)


def _next(visit: Visit, sign_in: SignIn) -> Response:
    """This challenge is passed: on to the next one, or inside."""
    sign_in.passed += 1
    sign_in.remember = sign_in.remember or "remember" in visit.fields
    customer = sign_in.customer
    if sign_in.passed < len(customer.challenges):
        factors = customer.challenges[sign_in.passed]
        sign_in.challenge = Challenge(customer, factors, visit.portal.clock.now())
        return RedirectResponse("/mfa", 303)
    _close(visit)
    response = enter(visit.portal, customer, keep=visit.session.keep)
    if sign_in.remember:
        visit.portal.sessions.remember_device(response, customer.username)
    return response


def _close(visit: Visit) -> None:
    visit.portal.sign_ins.pop(visit.session.id, None)
    visit.portal.sessions.end(visit.session)


def _start_over(visit: Visit) -> Response:
    _close(visit)
    response = RedirectResponse("/login?expired=1", 303)
    clear_session(response)
    return response


def _failed(visit: Visit) -> Response:
    _close(visit)
    text = "Too many incorrect attempts. Please sign in again later."
    response = message_page(visit.request, "Verification failed", text, status=403)
    clear_session(response)
    return response


def _choice(visit: Visit, challenge: Challenge, alert: str | None = None) -> Response:
    destinations = {factor: challenge.customer.destination(factor) for factor in challenge.factors}
    return visit.page("mfa_choice.html", {"destinations": destinations, "alert": alert})


def _show(visit: Visit, challenge: Challenge, alert: str | None = None) -> Response:
    """The page for the challenge's state."""
    if challenge.chosen is None:
        return _choice(visit, challenge, alert)
    context: dict[str, Any] = {
        "alert": alert,
        "factor": challenge.chosen,
        "destination": challenge.customer.destination(challenge.chosen),
        "tries_left": challenge.tries_left,
        "several": len(challenge.factors) > 1,
        "question": challenge.customer.question.text if challenge.customer.question else "",
    }
    if challenge.needs_sending:
        return visit.page("mfa_send.html", context)
    if challenge.chosen == "question" and not visit.customer.has("question-as-code"):
        return visit.page("mfa_question.html", context)
    return visit.page("mfa_code.html", context)
