"""Signing in and out, the second factor, a new password, a company of one's own."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.services.errors import InvalidRequest, NotFound, ServiceError
from meterfarm.services.users import (
    SHORTEST_PASSWORD,
    SignedIn,
    check_sign_up,
    choose_password,
    forgot_password,
    give_factor,
    session_of,
    sign_in,
    sign_up,
    user_address,
)
from meterfarm.storage.customers import Role, UserSession
from meterfarm.web.context import WebContext, web_of
from meterfarm.web.dashboard import mails
from meterfarm.web.dashboard.access import (
    HOME,
    OpenForm,
    Refused,
    Visiting,
    changes,
    cookie_of,
    drop_cookie,
    in_thread,
    in_turn,
    keep_cookie,
    local_page,
    to,
)
from meterfarm.web.dashboard.pages import plain_page
from meterfarm.web.limits import place_of

router = APIRouter(include_in_schema=False)
_WRONG = "The e-mail address or the password is wrong."
_SENT = "If there is a user with this address, a link to a new password is on its way."
_SIGNED_UP = "A link is on its way to this address. It leads to your password, and is good for 7 days."
_LATER = "That was too often. Try again in {} s."
_CLOSED = "Ask whoever runs this farm for an invitation: companies cannot sign up by themselves here."


@router.get("/sign_in")
async def sign_in_page(next: str = "", done: str = "") -> Response:
    """Asks for address and password."""
    notice = "Your password is set. Sign in with it." if done == "password" else ""
    return _sign_in_page(next, notice=notice)


@router.post("/sign_in")
async def signing_in(request: Request, form: OpenForm) -> Response:
    """Address and password."""
    web, email = web_of(request), form.get("email", "")
    back = local_page(form.get("next", ""))
    if wait := _wait(web, request, email):
        return _sign_in_page(back, email, _LATER.format(wait), 429)
    signed_in = await _signed_in(request, email, form.get("password", ""), back)
    return signed_in or _sign_in_page(back, email, _WRONG, 422)


async def _signed_in(request: Request, email: str, password: str, back: str) -> Response | None:
    """To the page that was asked for, or to the second factor; None if the password is wrong."""
    web, agent = web_of(request), request.headers.get("user-agent", "")
    found: SignedIn | None = await in_turn(web, sign_in, web.store, email, password, agent)
    if found is None:
        return None
    answer = to(f"{HOME}/code", next=back) if found.factor_lacks else to(back or HOME)
    keep_cookie(answer, web, found.cookie)
    return answer


@router.get("/code")
async def code_page(request: Request, next: str = "") -> Response:
    """Asks for the second factor."""
    if await _half_signed_in(request) is None:
        return to(f"{HOME}/sign_in", next=local_page(next))
    return _code_page(next)


@router.post("/code")
async def give_code(request: Request, form: OpenForm) -> Response:
    """A code of the authenticator, or one for who has lost it."""
    web, back = web_of(request), local_page(form.get("next", ""))
    opened = await _half_signed_in(request)
    if opened is None:
        return to(f"{HOME}/sign_in", next=back)
    if wait := web.limits.codes.take(opened.user.id):
        return _code_page(back, _LATER.format(wait), 429)
    cookie = await in_thread(give_factor, web.store, opened, form.get("code", ""))
    if cookie is None:
        if await _half_signed_in(request) is None:
            return _sign_in_page(back, error="These were too many wrong codes. Sign in again.", status=422)
        return _code_page(back, "This code is wrong, or was used before.", 422)
    answer = to(back or HOME)
    keep_cookie(answer, web, cookie)
    return answer


@router.post("/sign_out", dependencies=[changes(Role.READER)])
async def signing_out(request: Request, asking: Visiting) -> Response:
    """This browser is signed out."""
    await in_thread(asking.web.store.users.end_session, asking.user.id, asking.session.id)
    answer = to(f"{HOME}/sign_in")
    drop_cookie(answer, web_of(request))
    return answer


@router.get("/forgot")
async def forgot_page() -> Response:
    """Asks for the address to which a link is sent."""
    return plain_page("forgot", {"notice": "", "error": "", "email": ""})


@router.post("/forgot")
async def forgot(request: Request, form: OpenForm) -> Response:
    """A link goes out, if there is such a user; the answer is the same if not."""
    web, email = web_of(request), form.get("email", "")
    mails.must_send(web)
    if wait := _wait_for_mail(web, request, email):
        return plain_page("forgot", {"notice": "", "error": _LATER.format(wait), "email": email}, 429)
    answer = plain_page("forgot", {"notice": _SENT, "error": "", "email": ""})
    return mails.send_afterwards(answer, web, forgot_password, web.store, email)


@router.get("/password")
async def password_page(request: Request, link: str = "") -> Response:
    """Asks for a password; the link was mailed."""
    user = await in_thread(web_of(request).store.users.of_link, link)
    if user is None:
        raise Refused(
            404, "This link is not good any more", "It was used already, or has expired. Ask for a new one."
        )
    return _password_page(link, user.email)


@router.post("/password")
async def set_password(request: Request, form: OpenForm) -> Response:
    """The password of whom the link was sent to, who is signed in with it."""
    web, link = web_of(request), form.get("link", "")
    if wait := web.limits.sign_in_places.take(place_of(request)):
        return _password_page(link, "", _LATER.format(wait), 429)
    try:
        user = await in_turn(web, choose_password, web.store, link, form.get("password", ""))
    except NotFound as refused:
        raise Refused(404, "This link is not good any more", str(refused)) from None
    except InvalidRequest as refused:
        known = await in_thread(web.store.users.of_link, link)
        return _password_page(link, known.email if known else "", str(refused), 422)
    return await _signed_in(request, user.email, form.get("password", ""), "") or to(f"{HOME}/sign_in")


@router.get("/sign_up")
async def sign_up_page(request: Request) -> Response:
    """Asks for a company's name and the address of its first user."""
    return _sign_up_page(web_of(request))


@router.post("/sign_up")
async def signing_up(request: Request, form: OpenForm) -> Response:
    """A company of one's own. Whether the address has a user is not shown to strangers."""
    web, company, email = web_of(request), form.get("company", ""), form.get("email", "")
    if not web.open_sign_up:
        return _sign_up_page(web, status=403)
    mails.must_send(web)
    if wait := _wait_for_mail(web, request, email):
        return _sign_up_page(web, company, email, _LATER.format(wait), 429)
    try:
        await in_thread(check_sign_up, web.store, company, email)
    except ServiceError as refused:
        return _sign_up_page(web, company, email, str(refused), 422)
    answer = plain_page("sent", {"title": "Look into your mailbox", "words": _SIGNED_UP})
    return mails.send_afterwards(answer, web, sign_up, web.store, company, email)


async def _half_signed_in(request: Request) -> UserSession | None:
    opened: UserSession | None = await in_thread(session_of, web_of(request).store, cookie_of(request))
    return opened if opened is not None and opened.factor_lacks else None


def _sign_in_page(
    back: str, email: str = "", error: str = "", status: int = 200, *, notice: str = ""
) -> Response:
    values = {"next": local_page(back), "email": email, "error": error, "notice": notice}
    return plain_page("sign_in", values, status)


def _code_page(back: str, error: str = "", status: int = 200) -> Response:
    return plain_page("code", {"next": local_page(back), "error": error}, status)


def _password_page(link: str, email: str, error: str = "", status: int = 200) -> Response:
    values = {"link": link, "email": email, "error": error, "least": SHORTEST_PASSWORD}
    return plain_page("password", values, status)


def _sign_up_page(
    web: WebContext, company: str = "", email: str = "", error: str = "", status: int = 200
) -> Response:
    if not web.open_sign_up:
        return plain_page("sent", {"title": "No sign-up here", "words": _CLOSED}, status)
    return plain_page("sign_up", {"company": company, "email": email, "error": error}, status)


def _wait(web: WebContext, request: Request, email: str) -> int:
    """Seconds until somebody may try again, 0 if now."""
    address, by_place = user_address(email), web.limits.sign_in_places.take(place_of(request))
    return by_place or (web.limits.sign_ins.take(f"user {address}") if address else 0)


def _wait_for_mail(web: WebContext, request: Request, email: str) -> int:
    by_place = web.limits.mails.take(f"place {place_of(request)}")
    return by_place or mails.wait_for(web, email)
