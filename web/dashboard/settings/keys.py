"""Keys of the API: made, replaced, revoked. The page that answers shows a new one once; no address has it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from meterfarm.services.api_keys import create_key, list_keys, revoke_key
from meterfarm.services.errors import Conflict, NotFound, ServiceError
from meterfarm.storage.customers import ApiKey, Role
from meterfarm.storage.store import CompanyStore
from meterfarm.web.dashboard.access import FormFields, Visiting, Visitor, changes, in_thread, to
from meterfarm.web.dashboard.pages import shown_page
from meterfarm.web.dashboard.people import Number

router = APIRouter(prefix="/{side}/settings/keys", include_in_schema=False)


@router.get("")
async def keys(request: Request, asking: Visiting) -> Response:
    """The keys of this side."""
    return await in_thread(_page, request, asking)


@router.post("", dependencies=[changes(Role.OWNER)])
async def create(request: Request, asking: Visiting, form: FormFields) -> Response:
    """A new key."""
    try:
        made, text = await in_thread(create_key, asking.store, form.get("name", ""))
    except ServiceError as refused:
        return await in_thread(_page, request, asking, str(refused), form.get("name", ""), 422)
    return _shown_once(request, asking, made, text)


@router.post("/{number}/rotate", dependencies=[changes(Role.OWNER)])
async def rotate(request: Request, asking: Visiting, number: Number) -> Response:
    """A new key beside one that is to be replaced: both are good until the old one is revoked."""
    former = await in_thread(_good_key, asking.store, number)
    made, text = await in_thread(create_key, asking.store, former.name)
    return _shown_once(request, asking, made, text, former)


@router.post("/{number}/revoke", dependencies=[changes(Role.OWNER)])
async def revoke(asking: Visiting, number: Number) -> Response:
    """From now on the key opens nothing."""
    await in_thread(revoke_key, asking.store, number)
    return to(f"{asking.path}/settings/keys", done="revoked")


def _good_key(store: CompanyStore, number: int) -> ApiKey:
    found = next((each for each in list_keys(store) if each.id == number), None)
    if found is None:
        raise NotFound(f"There is no key {number}.")
    if found.revoked_at is not None:
        raise Conflict(f"The key {number} is revoked; create a new one.")
    return found


def _page(request: Request, asking: Visitor, error: str = "", name: str = "", status: int = 200) -> Response:
    found = sorted(list_keys(asking.store), key=lambda each: (each.revoked_at is not None, -each.id))
    values = {"here": "keys", "keys": found, "error": error, "name": name}
    return shown_page(request, asking, "settings/keys", values, status)


def _shown_once(
    request: Request, asking: Visitor, made: ApiKey, text: str, former: ApiKey | None = None
) -> Response:
    values = {"here": "keys", "key": made, "text": text, "former": former, "api": asking.web.public_url}
    return shown_page(request, asking, "settings/new_key", values)
