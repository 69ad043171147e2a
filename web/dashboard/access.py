"""Who asks, and whether they may: one session cookie, three roles, a token in every form.

Whoever is not signed in is sent to the page for that. What another company has does not exist.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from meterfarm.services.users import session_of, sides_of
from meterfarm.storage.customers import LONGEST_SESSION, Company, Role, User, UserSession, is_stale
from meterfarm.storage.store import CompanyStore
from meterfarm.web.context import WebContext, web_of
from meterfarm.web.forms import FormRefused, posted

HOME = "/dashboard"
SIDES = ("test", "live")
CSRF = "csrf"
_RANKS = {Role.READER: 0, Role.MEMBER: 1, Role.OWNER: 2}
_NAME = "meterfarm"
_HTTPS_NAME = "__Host-meterfarm"
"""Browsers take it by https alone, and of this very host."""
_READS = frozenset({"GET", "HEAD"})
_LONGEST_ADDRESS = 500


class SignInFirst(Exception):
    """Nobody is signed in with this browser; ``back`` is the page that was asked for."""

    def __init__(self, back: str = "") -> None:
        super().__init__()
        self.back = back


class Refused(Exception):
    """A page that is not shown, or a form that is not taken: ``status``, and words for whoever asked."""

    def __init__(self, status: int, title: str, words: str) -> None:
        super().__init__(words)
        self.status, self.title, self.words = status, title, words


NO_SUCH_PAGE = ("There is no such page", "The address may be wrong, or what it leads to was removed.")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A user who is signed in, at one side of their company.

    ``csrf`` is in every form that this browser posts.
    """

    web: WebContext
    session: UserSession
    company: Company
    store: CompanyStore
    csrf: str

    @property
    def user(self) -> User:
        """Who it is."""
        return self.session.user

    @property
    def side(self) -> str:
        """As in addresses: test or live."""
        return SIDES[self.company.live]

    @property
    def path(self) -> str:
        """What the addresses of this side's pages begin with."""
        return f"{HOME}/{self.side}"

    def may(self, least: Role) -> bool:
        """Whether the user has this role, or one that may more."""
        return _RANKS[self.user.role] >= _RANKS[least]


def visitor(request: Request) -> Visitor:
    """Who asks, and of which side of their company.

    Raises:
        SignInFirst: nobody is signed in.
        Refused: there is no such side.
    """
    side = request.path_params.get("side", SIDES[0])
    web = web_of(request)
    opened = session_of(web.store, cookie_of(request))
    if opened is None or opened.factor_lacks:
        raise SignInFirst(_page_asked_for(request))
    if side not in SIDES:
        raise Refused(404, *NO_SUCH_PAGE)
    if is_stale(opened):
        web.store.users.seen(opened)
    company = sides_of(web.store, opened.user)[SIDES.index(side)]
    return Visitor(web, opened, company, web.store.of(company), csrf_of(cookie_of(request)))


P = ParamSpec("P")
T = TypeVar("T")
Visiting = Annotated[Visitor, Depends(visitor)]
Form = Mapping[str, str]


def changes(least: Role) -> Any:
    """A dependency of every route that changes something: the role that it needs, and a form of ours."""
    return Depends(_guard(least))


def _guard(least: Role) -> Callable[..., Any]:
    async def guard(request: Request, asking: Visiting) -> None:
        if not asking.may(least):
            raise Refused(
                403,
                "You may not change this",
                f"That takes the role “{least.value}”; yours is “{asking.user.role.value}”. "
                "Ask an owner of your company.",
            )
        is_file = request.headers.get("content-type", "").startswith("multipart/form-data")
        form = {} if is_file else await _form(request)
        given = request.query_params.get(CSRF, "") if is_file else form.get(CSRF, "")
        if not hmac.compare_digest(given.encode(), asking.csrf.encode()):
            raise Refused(403, "This form is not good any more", "Go back, load the page again and retry.")
        request.state.form = form

    guard.least = least  # type: ignore[attr-defined] # a test looks at every route
    return guard


async def _form(request: Request) -> Form:
    try:
        return await posted(request, web_of(request).public_url)
    except FormRefused as refused:
        raise Refused(refused.status, "This form was not taken", str(refused)) from None


async def open_form(request: Request) -> Form:
    """The fields of a form that anybody may post: only pages of ours do.

    Raises:
        Refused: it is none of ours.
    """
    return await _form(request)


def form_of(request: Request) -> Form:
    """The fields of the form that ``changes`` took."""
    fields: Form = request.state.form
    return fields


FormFields = Annotated[Form, Depends(form_of)]
OpenForm = Annotated[Form, Depends(open_form)]


def csrf_of(cookie: str) -> str:
    """The token of a session's forms."""
    return hmac.digest(cookie.encode(), b"form", hashlib.sha256).hex()[:32]


def cookie_of(request: Request) -> str:
    """What the browser keeps of the session, "" if nothing."""
    return request.cookies.get(_cookie_name(web_of(request)), "")


def keep_cookie(response: Response, web: WebContext, cookie: str) -> None:
    """Let the browser keep the session; the edge adds ``Secure`` where there is https."""
    is_https = _is_https(web)
    response.set_cookie(
        *(_cookie_name(web), cookie),
        max_age=int(LONGEST_SESSION.total_seconds()),
        path="/" if is_https else HOME,
        secure=is_https,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, web: WebContext) -> None:
    """Let the browser forget the session."""
    is_https = _is_https(web)
    response.delete_cookie(_cookie_name(web), "/" if is_https else HOME, secure=is_https, httponly=True)


def to(path: str, **query: str) -> RedirectResponse:
    """Go on at another page of the dashboard, by a request that only reads."""
    given = {name: value for name, value in query.items() if value}
    address = f"{path}?{urlencode(given)}" if given else path
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def local_page(text: str) -> str:
    """The address of a page of the dashboard, "" if it is none: nobody is led elsewhere."""
    is_ours = text.startswith(f"{HOME}/") and "\\" not in text and "//" not in text
    return text if is_ours and text.isprintable() and len(text) < _LONGEST_ADDRESS else ""


async def in_thread(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """What the store is asked, in a thread."""
    return await run_in_threadpool(work, *given, **named)


async def in_turn(web: WebContext, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """The same of what hashes a password: few at once."""
    async with web.hashing:
        return await run_in_threadpool(work, *given, **named)


def _page_asked_for(request: Request) -> str:
    if request.method not in _READS:
        return ""
    query = f"?{request.url.query}" if request.url.query else ""
    return local_page(f"{request.url.path}{query}")


def _cookie_name(web: WebContext) -> str:
    return _HTTPS_NAME if _is_https(web) else _NAME


def _is_https(web: WebContext) -> bool:
    return web.public_url.startswith("https:")
