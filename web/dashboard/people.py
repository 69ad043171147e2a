"""The users of a company, as its owners see them: invited, given roles, removed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from meterfarm.services.errors import InvalidRequest, ServiceError
from meterfarm.services.users import add_user, change_role, find_user, invite_again, remove_user, users_of
from meterfarm.storage.customers import Role
from meterfarm.web.dashboard import mails
from meterfarm.web.dashboard.access import FormFields, Refused, Visiting, Visitor, changes, in_thread, to
from meterfarm.web.dashboard.pages import shown_page

router = APIRouter(prefix="/{side}/settings/users", include_in_schema=False)
Number = Annotated[int, Path(ge=1, lt=2**31)]
_LATER = "That was too often. Try again in {} s."
ROLES = {
    Role.OWNER: "may do everything, also settings, keys and users",
    Role.MEMBER: "works with customers: creates, unlocks, uploads, answers, erases",
    Role.READER: "sees everything that is unlocked, and changes nothing",
}


@router.get("")
async def people(request: Request, asking: Visiting) -> Response:
    """Who may use the dashboard."""
    return await _page(request, asking)


@router.post("", dependencies=[changes(Role.OWNER)])
async def invite(request: Request, asking: Visiting, form: FormFields) -> Response:
    """Somebody is invited by e-mail."""
    mails.must_send(asking.web)
    if wait := _wait(asking, form.get("email", "")):
        return await _page(request, asking, _LATER.format(wait), form, 429)
    try:
        role = _role(form.get("role", ""))
        user, link = await in_thread(add_user, asking.web.store, asking.company, form.get("email", ""), role)
        await in_thread(mails.send_link, asking.web, user, link)
    except ServiceError as refused:
        return await _page(request, asking, str(refused), form, 422)
    return _back(asking, "invited")


@router.post("/{number}/invite", dependencies=[changes(Role.OWNER)])
async def again(request: Request, asking: Visiting, number: Number) -> Response:
    """The invitation goes out once more, with a new link."""
    try:
        there = await in_thread(find_user, asking.web.store, asking.company, number)
        mails.must_send(asking.web)
        if wait := _wait(asking, there.email):
            return await _page(request, asking, _LATER.format(wait), None, 429)
        user, link = await in_thread(invite_again, asking.web.store, asking.company, number)
        await in_thread(mails.send_link, asking.web, user, link)
    except ServiceError as refused:
        return await _page(request, asking, str(refused), None, 422)
    return _back(asking, "invited")


@router.post("/{number}/role", dependencies=[changes(Role.OWNER)])
async def another_role(request: Request, asking: Visiting, number: Number, form: FormFields) -> Response:
    """A user may do more or less from now on."""
    try:
        role = _role(form.get("role", ""))
        await in_thread(change_role, asking.web.store, asking.company, number, role)
    except ServiceError as refused:
        return await _page(request, asking, str(refused), None, 422)
    return _back(asking, "role")


@router.post("/{number}/remove", dependencies=[changes(Role.OWNER)])
async def removal(request: Request, asking: Visiting, number: Number) -> Response:
    """A user is removed, and signed out everywhere."""
    if number == asking.user.id:
        raise Refused(422, "You cannot remove yourself", "Another owner of your company can do it.")
    try:
        await in_thread(remove_user, asking.web.store, asking.company, number)
    except ServiceError as refused:
        return await _page(request, asking, str(refused), None, 422)
    return _back(asking, "removed")


def _wait(asking: Visitor, email: str) -> int:
    """Seconds until somebody may invite again, or this one may be mailed to again; 0 if now."""
    return asking.web.limits.mails.take(f"user {asking.user.id}") or mails.wait_for(asking.web, email)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise InvalidRequest("Choose a role first.") from None


async def _page(
    request: Request,
    asking: Visitor,
    error: str = "",
    form: FormFields | None = None,
    status: int = 200,
) -> Response:
    found = await in_thread(users_of, asking.web.store, asking.company)
    given = form or {}
    values = {
        "users": found,
        "roles": ROLES,
        "error": error,
        "email": given.get("email", ""),
        "role": given.get("role", Role.MEMBER.value),
    }
    return shown_page(request, asking, "users", values, status)


def _back(asking: Visitor, done: str) -> Response:
    return to(f"{asking.path}/settings/users", done=done)
