"""Forms that browsers post: read within bounds, and only if a page of ours posted them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

MOST = 16 * 1024
_MOST_FIELDS = 40
T = TypeVar("T")


class FormRefused(Exception):
    """A form that is not taken; ``status`` is the answer's."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def posted(request: Request, public_url: str = "") -> Mapping[str, str]:
    """The fields of a form, each once; of one that came twice the first.

    Raises:
        FormRefused: it is no form of ours, or too long.
    """
    _must_be_ours(request, public_url)
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise FormRefused(415, "This is no form.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST:
                raise FormRefused(413, "This is more than the form can take.")
    except ClientDisconnect:
        raise FormRefused(400, "The form did not come whole.") from None
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise FormRefused(400, "This form cannot be read.") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


async def uploaded(
    request: Request,
    most: int,
    public_url: str,
    room: asyncio.Semaphore,
    keep: Callable[[bytes, str], Awaitable[T]],
) -> T:
    """What ``keep`` makes of a form's file, which has at most ``most`` bytes, and of its name.

    Only while there is ``room`` is a file in memory; until then it is on disk.

    Raises:
        FormRefused: it is no form of ours, has no file, or is too long.
    """
    _must_be_ours(request, public_url)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise FormRefused(415, "This is no form with a file.")
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > most + MOST:
        size = f"{most // 1024**2} MiB" if most >= 1024**2 else f"{most // 1024} KiB"
        raise FormRefused(413, f"The file is larger than {size}.")
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile) or not file.size:
                raise FormRefused(422, "Choose a file first.")
            async with room:
                return await keep(await file.read(most), file.filename or "")
    except HTTPException:
        raise FormRefused(400, "This form cannot be read.") from None
    except ClientDisconnect:
        raise FormRefused(400, "The form did not come whole.") from None


def _must_be_ours(request: Request, public_url: str) -> None:
    """A page of another site has its own origin, and says so. ``public_url`` is ours by its public name."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise FormRefused(403, "The form was sent from another site.")
    origin = request.headers.get("origin")
    own = {request.headers.get("host", ""), urlsplit(public_url).netloc} - {""}
    if origin is not None and _host_of(origin) not in own:
        raise FormRefused(403, "The form was sent from another site.")


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
