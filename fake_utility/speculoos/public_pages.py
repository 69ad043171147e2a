"""What is open to all: the outbox, the counters, and the small files that browsers ask for."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from fake_utility.speculoos.customers import ANSWER, CUSTOMERS, QUESTION
from fake_utility.speculoos.portal import HERE, Portal, portal_of

_LONG = {"Cache-Control": "public, max-age=3600"}


async def stats(request: Request) -> Response:
    return JSONResponse(portal_of(request).counters.as_json())


async def outbox_json(request: Request) -> Response:
    portal = portal_of(request)
    return JSONResponse(
        {
            "messages": [message.as_json() for message in portal.outbox.messages],
            "authenticators": _authenticators(portal),
            "security_answers": _security_answers(),
        }
    )


async def outbox_page(request: Request) -> Response:
    portal = portal_of(request)
    context = {
        "messages": list(reversed(portal.outbox.messages)),
        "authenticators": _authenticators(portal),
        "security_answers": _security_answers(),
    }
    return portal.page(request, "outbox.html", context)


def _authenticators(portal: Portal) -> list[dict[str, str | int]]:
    codes = [
        (customer.username, portal.codes.app_code(customer))
        for customer in CUSTOMERS.values()
        if "totp" in customer.factors
    ]
    return [{"username": name, "code": app.code, "seconds_left": app.seconds_left} for name, app in codes]


def _security_answers() -> list[dict[str, str]]:
    return [
        {"username": customer.username, "question": QUESTION, "answer": ANSWER}
        for customer in CUSTOMERS.values()
        if "question" in customer.factors
    ]


async def style(request: Request) -> Response:
    return Response((HERE / "static" / "style.css").read_bytes(), media_type="text/css", headers=_LONG)


async def icon(request: Request) -> Response:
    return Response((HERE / "static" / "icon.svg").read_bytes(), media_type="image/svg+xml", headers=_LONG)


async def robots(request: Request) -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /\n")
