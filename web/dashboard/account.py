"""What a user has of their own: the password, the second factor, the browsers they are signed in with."""

from __future__ import annotations

import segno
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from meterfarm.services.errors import InvalidRequest
from meterfarm.services.users import (
    SHORTEST_PASSWORD,
    change_password,
    confirm_factor,
    factor_address,
    new_factor,
    remove_factor,
)
from meterfarm.storage.customers import Role
from meterfarm.web.dashboard.access import (
    HOME,
    FormFields,
    Visiting,
    Visitor,
    changes,
    drop_cookie,
    in_thread,
    in_turn,
    to,
)
from meterfarm.web.dashboard.agents import browser_of
from meterfarm.web.dashboard.pages import shown_page
from meterfarm.web.dashboard.people import Number

router = APIRouter(prefix="/account", include_in_schema=False)
_AT = f"{HOME}/account"
_LATER = "That was too often. Try again in {} s."


@router.get("")
async def account(request: Request, asking: Visiting) -> Response:
    """The user's own page."""
    return await _page(request, asking)


@router.post("/password", dependencies=[changes(Role.READER)])
async def another_password(request: Request, asking: Visiting, form: FormFields) -> Response:
    """The password is changed, and every browser signed out: this one signs in anew."""
    if wait := _wait(asking):
        return await _page(request, asking, password_error=_LATER.format(wait), status=429)
    given = (asking.web.store, asking.user, form.get("before", ""), form.get("password", ""))
    try:
        await in_turn(asking.web, change_password, *given)
    except InvalidRequest as refused:
        return await _page(request, asking, password_error=str(refused), status=422)
    answer = to(f"{HOME}/sign_in", done="password")
    drop_cookie(answer, asking.web)
    return answer


@router.get("/factor")
async def factor(request: Request, asking: Visiting) -> Response:
    """A secret for an authenticator, as a QR code and in letters."""
    if asking.user.has_factor:
        return to(_AT)
    secret, _ = new_factor(asking.user)
    return _factor_page(request, asking, secret)


@router.post("/factor", dependencies=[changes(Role.READER)])
async def confirm(request: Request, asking: Visiting, form: FormFields) -> Response:
    """The authenticator has the secret: its code proves it."""
    secret = form.get("secret", "")
    if wait := _wait(asking):
        return _factor_page(request, asking, secret, _LATER.format(wait), 429)
    try:
        codes = await in_thread(confirm_factor, asking.web.store, asking.user, secret, form.get("code", ""))
    except InvalidRequest as refused:
        return _factor_page(request, asking, secret, str(refused), 422)
    return shown_page(request, asking, "recovery", {"codes": codes})


@router.post("/factor/remove", dependencies=[changes(Role.READER)])
async def no_factor(request: Request, asking: Visiting, form: FormFields) -> Response:
    """The password alone is asked for again."""
    if wait := _wait(asking):
        return await _page(request, asking, factor_error=_LATER.format(wait), status=429)
    try:
        await in_turn(asking.web, remove_factor, asking.web.store, asking.user, form.get("before", ""))
    except InvalidRequest as refused:
        return await _page(request, asking, factor_error=str(refused), status=422)
    return to(_AT, done="no_factor")


@router.post("/sessions/{number}/end", dependencies=[changes(Role.READER)])
async def end_session(asking: Visiting, number: Number) -> Response:
    """A browser of the user's is signed out."""
    await in_thread(asking.web.store.users.end_session, asking.user.id, number)
    return to(_AT, done="signed_out")


def _wait(asking: Visitor) -> int:
    """Who has taken over a browser does not try passwords at leisure."""
    return asking.web.limits.sign_ins.take(f"account {asking.user.id}")


async def _page(
    request: Request,
    asking: Visitor,
    password_error: str = "",
    factor_error: str = "",
    status: int = 200,
) -> Response:
    values = {
        "sessions": await in_thread(asking.web.store.users.sessions, asking.user.id),
        "this_session": asking.session.id,
        "browser_of": browser_of,
        "password_error": password_error,
        "factor_error": factor_error,
        "least": SHORTEST_PASSWORD,
    }
    return shown_page(request, asking, "account", values, status)


def _factor_page(
    request: Request, asking: Visitor, secret: str, error: str = "", status: int = 200
) -> Response:
    try:
        address = factor_address(asking.user, secret)
    except ValueError:
        secret, address = new_factor(asking.user)
    picture = Markup(segno.make(address, error="m").svg_inline(scale=5, omitsize=True))  # noqa: S704 - made here
    values = {"secret": secret, "error": error, "qr": picture}
    return shown_page(request, asking, "factor", values, status)
