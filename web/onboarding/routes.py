"""The form's pages and what they post."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response, StreamingResponse

from meterfarm.services.bills import LARGEST_UPLOAD, NotAPdf
from meterfarm.services.challenges import answer_challenge
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound, ServiceError
from meterfarm.services.links import onboarding
from meterfarm.services.onboarding import (
    OnboardingStep,
    accept_terms,
    begin,
    choose_utility,
    give_bill,
    give_login,
    onboarding_state,
    terms_digest,
    try_again,
    wish_utility,
    withdraw,
)
from meterfarm.storage.customers import CompanyBrand
from meterfarm.support.foreign_text import NAME
from meterfarm.web.answers import given_answer
from meterfarm.web.context import web_of
from meterfarm.web.forms import FormRefused, posted, uploaded
from meterfarm.web.limits import Tries, place_of
from meterfarm.web.onboarding.link import FormLink, OpenForm, company_of, open_form, opened
from meterfarm.web.onboarding.progress import changes_of
from meterfarm.web.onboarding.view import FormView, complete, form_view
from meterfarm.web.onboarding.words import in_words, terms_for
from meterfarm.web.pages import page

router = APIRouter(prefix="/companies/{company_id}/sign_up", include_in_schema=False)
_NOT_GOOD = (
    "This link cannot be used any more, or is not complete. Ask the company that sent it for a new one."
)
_THANKS = {
    "read": "Thank you, your bill is there.",
    "kept": "Thank you. Your bill is kept, and read later.",
    "wish": "Thank you. We have taken down what you asked for.",
}
"""By what is in the form's address after something was given: to load that again gives nothing twice."""


@router.get("")
async def form(
    request: Request,
    company_id: str,
    key: str | None = None,
    q: str = "",
    origin: str = "",
    change: str = "",
    thanks: str = "",
) -> Response:
    """The form as it stands for the link's customer; without a token it begins with the e-mail address."""
    web = web_of(request)
    if key is None:
        beginning = await run_in_threadpool(open_form, web, company_id)
        return _first_page(beginning) if beginning else await _no_link(request, company_id)
    link = await run_in_threadpool(opened, web, company_id, key, origin)
    if link is None:
        return await _no_link(request, company_id)
    wants = "utility" if thanks in _THANKS else change
    words = _THANKS.get(thanks, "")
    return await run_in_threadpool(partial(_page, link, search=q[:80], wants=wants, thanks=words))


@router.post("/email")
async def email(request: Request, company_id: str) -> Response:
    """Somebody begins the form of the company that is for anybody."""
    web = web_of(request)
    beginning = await run_in_threadpool(open_form, web, company_id)
    if beginning is None:
        return await _no_link(request, company_id)
    if wait := web.limits.begun.take(place_of(request)):
        return _too_many(wait)
    try:
        fields = await posted(request, web_of(request).public_url)
        customer = await run_in_threadpool(begin, beginning.store, fields.get("email", ""))
    except FormRefused as refused:
        return _refused(refused)
    except InvalidRequest as refused:
        return _first_page(beginning, error=str(refused))
    link = onboarding(web.store, "", beginning.company.id, customer.id)
    return RedirectResponse(link.link, 303, {"Cache-Control": "no-store"})


@router.post("/bill")
async def bill(request: Request, company_id: str, key: str = "", origin: str = "") -> Response:
    """The customer uploads a bill. The token is in the address, so that no stranger's file is read."""
    web = web_of(request)
    link = await run_in_threadpool(opened, web, company_id, key, origin)
    if link is None:
        return await _no_link(request, company_id)
    if wait := web.limits.uploads.take(link.customer.id):
        return _too_many(wait)
    state = await run_in_threadpool(onboarding_state, link.store, link.customer)
    if state.step in (OnboardingStep.TERMS, OnboardingStep.WITHDRAWN):
        return _to_form(link)

    async def keep(content: bytes, name: str) -> bool:
        return await give_bill(link.store, link.customer, content, name)

    try:
        is_read = await uploaded(request, LARGEST_UPLOAD, web.public_url, web.uploading, keep)
    except FormRefused as refused:
        text = str(refused)
    except NotAPdf:
        text = "This file is no PDF of a bill, or it is damaged."
    else:
        return _to_form(link, thanks="read" if is_read else "kept")
    return await run_in_threadpool(partial(_page, link, error=text, wants="utility", status=422))


@router.post("/wish")
async def wish(request: Request, company_id: str) -> Response:
    """The customer asks for a utility that cannot be connected."""

    def done(link: FormLink, fields: Mapping[str, str]) -> None:
        wish_utility(link.store, link.customer, fields.get("name", ""))

    tries = web_of(request).limits.uploads
    return await _posted(request, company_id, done, thanks="wish", tries=tries, wants="utility")


@router.get("/changes")
async def changes(
    request: Request, company_id: str, key: str = "", version: str = "", origin: str = ""
) -> Response:
    """Server-sent events: the part of the form that changes, each time that it did."""
    link = await run_in_threadpool(opened, web_of(request), company_id, key, origin)
    if link is None:
        return await _no_link(request, company_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = changes_of(link, version[:200], web_of(request).limits.streams)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


@router.post("/terms")
async def terms(request: Request, company_id: str) -> Response:
    """The customer accepts."""

    def done(link: FormLink, fields: Mapping[str, str]) -> None:
        if fields.get("accept") != "yes":
            raise InvalidRequest("Tick the box if you agree. Without that nothing is fetched.")
        digest = terms_digest(terms_for(link.company_name))
        if fields.get("terms") != digest:
            raise InvalidRequest("The text has changed meanwhile; read it once more.")
        accept_terms(link.store, link.customer, digest)

    return await _posted(request, company_id, done, tries=web_of(request).limits.answers)


@router.post("/utility")
async def utility(request: Request, company_id: str) -> Response:
    """The customer chooses where their account is."""

    def done(link: FormLink, fields: Mapping[str, str]) -> None:
        if not onboarding_state(link.store, link.customer).may_choose_utility:
            raise Conflict("The form has gone on meanwhile.")
        choose_utility(link.store, link.customer, fields.get("utility", ""))

    return await _posted(request, company_id, done, wants="utility")


@router.post("/login")
async def login(request: Request, company_id: str) -> Response:
    """The customer gives what they sign in with."""

    web, address = web_of(request), place_of(request)

    def held_back(link: FormLink, fields: Mapping[str, str]) -> int:
        username = fields.get("username", "").strip().casefold()[:NAME]
        return web.limits.usernames.take((link.customer.utility, username)) or web.limits.submitters.take(
            address
        )

    def done(link: FormLink, fields: Mapping[str, str]) -> None:
        _must_be_at(link, OnboardingStep.LOGIN)
        try:
            give_login(link.store, link.customer, fields.get("username", ""), fields.get("password", ""))
        except Conflict:
            raise InvalidRequest(
                f"This user name cannot be given here now. Ask {link.company_name} what to do."
            ) from None

    return await _posted(
        request, company_id, done, tries=web.limits.logins, held_back=held_back, then=web.runs_queued
    )


@router.post("/again")
async def again(request: Request, company_id: str) -> Response:
    """The customer is there, and the sign-in is tried once more."""

    def done(link: FormLink, _fields: Mapping[str, str]) -> None:
        _must_be_at(link, OnboardingStep.AGAIN, OnboardingStep.WAITING)
        try_again(link.store, link.customer)

    return await _posted(
        request, company_id, done, tries=web_of(request).limits.logins, then=web_of(request).runs_queued
    )


@router.post("/answer")
async def answer(request: Request, company_id: str) -> Response:
    """The customer answers what the portal asks, chooses how, or wants another code."""
    web, answered = web_of(request), 0

    def done(link: FormLink, fields: Mapping[str, str]) -> None:
        nonlocal answered
        found = onboarding_state(link.store, link.customer)
        if found.step is not OnboardingStep.CHALLENGE or found.challenge is None:
            raise Conflict("This was answered already, or its time is over.")
        if fields.get("challenge") != str(found.challenge.id):
            raise Conflict("Another question was asked meanwhile.")
        answer_challenge(link.store, found.challenge.id, given_answer(found.challenge.challenge, fields))
        answered = found.challenge.id

    async def notify() -> None:
        await web.answered(answered)

    return await _posted(request, company_id, done, tries=web_of(request).limits.answers, then=notify)


@router.post("/withdraw")
async def withdrawn(request: Request, company_id: str) -> Response:
    """The customer withdraws."""

    def done(link: FormLink, _fields: Mapping[str, str]) -> None:
        withdraw(link.store, link.customer)

    return await _posted(request, company_id, done)


def _must_be_at(link: FormLink, *steps: OnboardingStep) -> None:
    """Raises Conflict: the form has gone on, and this is not what it asks for now."""
    if onboarding_state(link.store, link.customer).step not in steps:
        raise Conflict("The form has gone on meanwhile.")


async def _posted(
    request: Request,
    company_id: str,
    done: Callable[[FormLink, Mapping[str, str]], None],
    then: Callable[[], Awaitable[None]] | None = None,
    thanks: str = "",
    tries: Tries | None = None,
    wants: str = "",
    held_back: Callable[[FormLink, Mapping[str, str]], int] = lambda _link, _fields: 0,
) -> Response:
    """Do what was posted, then lead to the form as it stands; what cannot be done is shown on it.

    ``thanks`` is one of ``_THANKS``. ``wants`` is as for ``_page``, where it cannot be done. ``held_back``:
    how many seconds this one has to wait.
    """
    web = web_of(request)
    try:
        fields = await posted(request, web_of(request).public_url)
    except FormRefused as refused:
        return _refused(refused)
    key, origin = fields.get("key", ""), fields.get("origin", "")
    link = await run_in_threadpool(opened, web, company_id, key, origin)
    if link is None:
        return await _no_link(request, company_id)
    if tries is not None and (wait := tries.take(link.customer.id)):
        return _too_many(wait, link.brand.origins)
    wants = wants or ("username" if fields.get("change") == "username" else "")
    if wait := held_back(link, fields):
        text = f"There were too many tries with this login. Wait {in_words(wait)}."
        return await run_in_threadpool(partial(_page, link, error=text, wants=wants, status=422))
    try:
        await run_in_threadpool(done, link, fields)
    except Conflict:
        return _to_form(link)  # it has gone on meanwhile: what is wanted now is shown
    except ServiceError as refused:
        text = str(refused) if not isinstance(refused, NotFound) else "We do not know this utility."
        search = fields.get("q", "")[:80]
        shown = partial(_page, link, error=text, search=search, wants=wants, status=422)
        return await run_in_threadpool(shown)
    if then is not None:
        await then()
    return _to_form(link, thanks=thanks)


def _to_form(link: FormLink, *, thanks: str = "") -> Response:
    more = f"&thanks={thanks}" if thanks else ""
    return RedirectResponse(f"{link.path}?{link.query}{more}", 303, {"Cache-Control": "no-store"})


def _page(
    link: FormLink,
    *,
    status: int = 200,
    search: str = "",
    error: str = "",
    thanks: str = "",
    wants: str = "",
) -> Response:
    """``wants``: what the customer wants to change that they gave before, ``utility`` or ``username``."""
    view: FormView = form_view(link, error=error, search=search, thanks=thanks, wants=wants)
    complete(link, view)
    return page(
        "onboarding/page.html",
        {**view.values, "version": view.version, "look": link.look},
        status,
        ancestors=link.brand.origins,
    )


def _first_page(beginning: OpenForm, *, error: str = "") -> Response:
    values = {
        "company": beginning.company_name,
        "path": beginning.path,
        "error": error,
        "look": beginning.look,
    }
    return page("onboarding/begin.html", values, 422 if error else 200)


def _refused(refused: FormRefused) -> Response:
    values = {"title": "This was not taken", "text": str(refused), "look": None}
    return page("onboarding/notice.html", values, refused.status)


async def _no_link(request: Request, company_id: str) -> Response:
    """Whoever comes with many tokens that are none has to wait, and is answered nothing else."""
    web = web_of(request)
    if wait := web.limits.strangers.take(place_of(request)):
        return _too_many(wait)
    company = await run_in_threadpool(company_of, web, company_id)
    brand = await run_in_threadpool(web.store.companies.brand, company.id) if company else CompanyBrand()
    values = {"title": "This link cannot be used", "text": _NOT_GOOD, "look": None}
    return page("onboarding/notice.html", values, 404, ancestors=brand.origins)


def _too_many(seconds: int, ancestors: Sequence[str] = ()) -> Response:
    text = f"There were too many tries. Wait {in_words(seconds)}, then come back by the same link."
    values = {"title": "Please wait a while", "text": text, "look": None}
    answer = page("onboarding/notice.html", values, 429, ancestors=ancestors)
    answer.headers["Retry-After"] = str(seconds)
    return answer
