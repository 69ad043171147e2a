"""Signing in by one JSON POST, the authenticator's code within it; tokens; signing out."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from meterfarm.fake_utility.kit.challenges import Verdict
from meterfarm.fake_utility.kit.customers import Gate, normalise
from meterfarm.fake_utility.pepernoot_coop.answers import answer, posted, refusal, session_ended
from meterfarm.fake_utility.pepernoot_coop.customers import Member
from meterfarm.fake_utility.pepernoot_coop.documents import load_printer
from meterfarm.fake_utility.pepernoot_coop.portal import Coop, coop_of

INCORRECT = "The username or password you entered does not match our records."
LOCKED = "Your profile is locked. Call 1-800-555-0163 to have it unlocked."
_TEMPLATES = Path(__file__).parent / "templates"
_STEPS: dict[Gate, str] = {
    "password": "CHANGE_PASSWORD",
    "terms": "ACCEPT_TERMS",
    "captcha": "VERIFY_PERSON",
    "splash": "WELCOME",
}
_CODES = {
    Verdict.WRONG: ("CODE_INVALID", "That code is not right. Check your authenticator app."),
    Verdict.REUSED: ("CODE_USED", "That code was used before. Wait for the next one."),
    Verdict.EXPIRED: ("CODE_INVALID", "That code is not right. Check your authenticator app."),
}


async def login(request: Request) -> Response:
    """Judge user name, password and, where there is an authenticator, its code: all come together."""
    coop, fields = coop_of(request), await posted(request)
    if fields is None:
        return refusal("BAD_REQUEST", "This request cannot be read.", 400)
    username, password = normalise(str(fields.get("userId", ""))), str(fields.get("password", ""))
    if username:
        coop.counters.of(username).password_attempts += 1
    member = coop.find(username)
    if member is None or not password or username in coop.memory.refused:
        if username:
            coop.counters.of(username).password_rejections += 1
        return refusal("FAILED", INCORRECT, 401)
    gate = member.oddities.gate
    if gate == "locked":
        coop.counters.of(username).password_rejections += 1
        return refusal("LOCKED", LOCKED, 401)
    if gate:
        return _meet(gate)
    load_printer()
    if member.challenges:
        refused = _verify(coop, member, str(fields.get("twoFactorCode") or ""))
        if refused:
            return refused
    return _enter(coop, member, keep=bool(fields.get("rememberMe")))


async def token(request: Request) -> Response:
    """A new token for a session that still holds."""
    coop = coop_of(request)
    found = coop.member(request)
    if found is None:
        return session_ended()
    session, member = found
    is_other_life = session.life != coop.sessions.life
    if member.oddities.one_visit and (is_other_life or member.username in coop.memory.served):
        coop.sessions.end(session)
        coop.memory.refused.add(member.username)
        return session_ended()
    response = answer({"status": "SUCCESS", "authorizationToken": coop.token(session)})
    coop.sessions.renew(response, session)
    return response


async def logout(request: Request) -> Response:
    """End the session."""
    coop = coop_of(request)
    found = coop.member(request)
    if found:
        coop.sessions.end(found[0])
    return session_ended()


def _verify(coop: Coop, member: Member, code: str) -> Response | None:
    """What is answered to a code, or to none; None if it is right."""
    now = coop.clock.now()
    open_ = coop.sign_ins.get(member.username)
    if open_ is None or open_.challenge.over(now):
        open_ = coop.begin_sign_in(member.username, member)
    if not code:
        return answer({"status": "TWO_FACTOR_REQUIRED"})
    coop.counters.of(member.username).code_attempts += 1
    verdict = coop.judge.verdict(open_.challenge, code, now)
    if verdict is Verdict.CLOSED:
        del coop.sign_ins[member.username]
        return refusal("VERIFICATION_FAILED", "Too many wrong codes. Please sign in again later.", 403)
    if verdict is Verdict.RIGHT:
        del coop.sign_ins[member.username]
        return None
    return refusal(*_CODES[verdict], 401)


def _enter(coop: Coop, member: Member, *, keep: bool) -> Response:
    coop.counters.of(member.username).sign_ins += 1
    response = answer({"status": "SUCCESS", "primaryUsername": member.username})
    session = coop.sessions.open(response, member.username, "inside", keep=keep)
    with_token = answer(
        {
            "status": "SUCCESS",
            "primaryUsername": member.username,
            "authorizationToken": coop.token(session),
        }
    )
    with_token.raw_headers += [pair for pair in response.raw_headers if pair[0] == b"set-cookie"]
    return with_token


def _meet(gate: Gate) -> Response:
    """What stands behind the password instead of the account."""
    if gate in _STEPS:
        return answer({"status": _STEPS[gate]})
    match gate:
        case "maintenance":
            page = (_TEMPLATES / "maintenance.html").read_text()
            return HTMLResponse(page, 503, {"Retry-After": "3600"})
        case "firewall":
            return HTMLResponse((_TEMPLATES / "firewall.html").read_text(), 403)
        case "too_many_requests":
            response = refusal("TOO_MANY_REQUESTS", "Too many requests. Please wait.", 429)
            response.headers["Retry-After"] = "120"
            return response
        case _:
            return PlainTextResponse("Internal Server Error", 500)
