"""Who asks: HTTP Basic with an API key as the user name, which opens one side of one company."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBasic
from starlette.requests import HTTPConnection

from meterfarm.api.context import context_of
from meterfarm.api.errors import ApiError
from meterfarm.api.quick import read_quickly
from meterfarm.storage.store import CompanyStore

_LONGEST = 1024
_documented = HTTPBasic(
    scheme_name="basicAuth",
    description="The API key is the user name; the password is empty.",
    auto_error=False,
)


def key_of(connection: HTTPConnection) -> str:
    """The user name that came with the request, which should be an API key; "" if none came."""
    scheme, _, given = connection.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "basic" or len(given) > _LONGEST:
        return ""
    try:
        return base64.b64decode(given.strip(), validate=True).decode().partition(":")[0].strip()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def authenticate(request: Request) -> CompanyStore:
    """The store that the request's key opens, as ``request.state.company_store`` from then on.

    ``request.state`` has ``key_id`` and ``company`` too.

    Raises:
        ApiError: no key came, or it opens nothing.
    """
    key = key_of(request)
    if not key:
        raise ApiError("api_key_missing")
    store = context_of(request).store
    found = store.api_keys.find(key)
    if found is None:
        raise ApiError("api_key_invalid")
    request.state.key_id, request.state.company = found
    within = store.within(found[1].id)
    request.state.company_store = within
    return within


async def authenticated(request: Request) -> CompanyStore:
    """As ``authenticate``, where the event loop must not wait.

    A local database is asked at once: that takes less time than another thread's turn.

    Raises:
        ApiError: no key came, or it opens nothing.
    """
    return await read_quickly(context_of(request).store, authenticate, request)


async def _company(request: Request, _: Annotated[object, Depends(_documented)]) -> CompanyStore:
    store: CompanyStore = request.state.company_store
    return store


Company = Annotated[CompanyStore, Depends(_company)]
"""A route's parameter: the store of the company side that the request's key opens."""
