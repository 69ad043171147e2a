"""What is open to all: the outbox, and the small files that browsers ask for."""

from typing import TypedDict

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from meterfarm.fake_utility.outbox import Message
from meterfarm.fake_utility.speculoos.customers import ANSWER, CUSTOMERS, QUESTION, Customer, normalise
from meterfarm.fake_utility.speculoos.numbered import find_customer, numbered_among
from meterfarm.fake_utility.speculoos.portal import Portal, portal_of
from meterfarm.fake_utility.speculoos.static_files import ICON, STYLE

_A_DAY = "public, max-age=86400"


async def outbox_json(request: Request) -> Response:
    """Messages as JSON."""
    shown = _shown(request)
    return JSONResponse({**shown, "messages": [message.as_json() for message in shown["messages"]]})


async def outbox_page(request: Request) -> Response:
    """Messages as a page."""
    shown = _shown(request)
    return portal_of(request).pages.page(
        request, "outbox.html", {**shown, "messages": shown["messages"][::-1]}
    )


class _Shown(TypedDict):
    messages: list[Message]
    authenticators: list[dict[str, str | int]]
    security_answers: list[dict[str, str]]


def _shown(request: Request) -> _Shown:
    """What `?username=` may see; without it, what all have who are in the list or were here."""
    portal, asked = portal_of(request), request.query_params.get("username")
    if asked is None:
        messages = list(portal.outbox.messages)
        owners = [*CUSTOMERS.values(), *numbered_among(portal.counters.usernames)]
    else:
        username = normalise(asked)
        messages = portal.outbox.to(username)
        customer = find_customer(username)
        owners = [customer] if customer else []
    return {
        "messages": messages,
        "authenticators": [_authenticator(portal, owner) for owner in owners if "totp" in owner.factors],
        "security_answers": [
            {"username": owner.username, "question": QUESTION, "answer": ANSWER}
            for owner in owners
            if "question" in owner.factors
        ],
    }


def _authenticator(portal: Portal, customer: Customer) -> dict[str, str | int]:
    app = portal.codes.app_code(customer)
    return {"username": customer.username, "code": app.code, "seconds_left": app.seconds_left}


async def style(request: Request) -> Response:
    """The style sheet."""
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": f"{_A_DAY}, immutable"})


async def icon(request: Request) -> Response:
    """The icon."""
    return Response(ICON, media_type="image/svg+xml", headers={"Cache-Control": _A_DAY})


async def robots(request: Request) -> Response:
    """What robots may read: nothing."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")
