"""How the co-op's services answer: JSON behind a guard, refusals with a status for programs."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from meterfarm.fake_utility.kit.sessions import Session, clear_session
from meterfarm.fake_utility.pepernoot_coop.customers import Member
from meterfarm.fake_utility.pepernoot_coop.portal import Coop, coop_of

GUARD = ")]}',\n"
"""So that no other site can take an answer for a script."""
MOST_POSTED = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A member's request to a service, and what was posted with it."""

    request: Request
    coop: Coop
    session: Session
    member: Member
    fields: Mapping[str, Any]


Service = Callable[[Asked], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def answer(data: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON behind the guard."""
    return Response(
        GUARD + json.dumps(data),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def refusal(status: str, message: str, code: int) -> Response:
    """What a program and a person make of it."""
    return answer({"status": status, "message": message}, code)


async def posted(request: Request) -> Mapping[str, Any] | None:
    """The JSON object that was posted; none for a GET; None if it is no such object."""
    if request.method != "POST":
        return {}
    if not request.headers.get("content-type", "").startswith("application/json"):
        return None
    body = await request.body()
    try:
        found = json.loads(body) if len(body) <= MOST_POSTED else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def service(view: Service) -> Endpoint:
    """The view is for members with a session and a token that is still good."""

    @wraps(view)
    async def endpoint(request: Request) -> Response:
        coop, fields = coop_of(request), await posted(request)
        found = coop.member(request)
        if found is None:
            return session_ended()
        session, member = found
        if not coop.is_token(session, request.headers.get("authorization", "").removeprefix("Bearer ")):
            return refusal("TOKEN_EXPIRED", "Your token has expired.", 401)
        if fields is None:
            return refusal("BAD_REQUEST", "This request cannot be read.", 400)
        coop.counters.of(member.username).pages += 1
        return view(Asked(request, coop, session, member, fields))

    return endpoint


def session_ended() -> Response:
    """The session is over, and its cookie is taken back."""
    response = refusal("SESSION_EXPIRED", "Your session has ended. Please sign in again.", 401)
    clear_session(response)
    return response
