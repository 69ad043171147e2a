"""A portal that asks for a code once, remembers the device, and shows what a test wants behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from starlette.requests import Request as WebRequest
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from meterfarm.mfa.port import Code
from meterfarm.records import Account, Challenge, Factor, Outcome
from meterfarm.scrapers.outcomes import SIGNED_OUT, Sign
from meterfarm.scrapers.utility import Credentials
from meterfarm.scrapers.visit import Visit
from tests.scrapers.village import Village

_CODE = Sign("code", heading="Your code")
_LOGIN = Sign(SIGNED_OUT, path="^/login$", heading="Sign in")
_INSIDE = Sign("inside", heading="Accounts")
FORM = (
    "<h1>{}</h1><form action={} method=post><input name=q aria-label=Field><button>Continue</button></form>"
)


@dataclass
class Behind:
    """What the portal shows those who have entered the code, and how often it asked for one."""

    shown: Response = field(default_factory=lambda: Response(status_code=500))
    codes_asked: int = 0
    turn: int = 0


class Trusting(Village):
    """Asks for a code, unless it knows the device."""

    signs: ClassVar[Sequence[Sign]] = (Sign(Outcome.ACTION_REQUIRED, heading="New terms"), _LOGIN)

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        await visit.page.open("/login")
        await visit.page.arrive(Sign("form", heading="Sign in"))
        await visit.page.fill(visit.page.label("Field"), credentials.password.get_secret_value())
        await visit.page.press(visit.page.button())
        if await visit.page.arrive(_INSIDE, _CODE) is _CODE:
            answer = await visit.ask(Challenge("Your code?", Factor.SMS))
            if isinstance(answer, Code):
                await visit.page.fill(visit.page.label("Field"), answer.text)
            await visit.page.press(visit.page.button())
            await visit.page.arrive(_INSIDE)

    async def is_signed_in(self, visit: Visit) -> bool:
        await visit.http.get("/accounts")
        return True

    async def accounts(self, visit: Visit) -> Sequence[Account]:
        await visit.http.get("/accounts")
        return []


class Posting(Trusting):
    """Signs in without a page."""

    signs: ClassVar[Sequence[Sign]] = (
        Sign(Outcome.BAD_CREDENTIALS, pointer="/error", value="wrong"),
        *Trusting.signs,
    )

    async def sign_in(self, visit: Visit, credentials: Credentials) -> None:
        password = credentials.password.get_secret_value()
        await visit.http.post("/session", json={"user": credentials.username, "pass": [password]})


def routes(behind: Behind) -> list[Route]:
    async def login(request: WebRequest) -> Response:
        if request.method == "GET":
            return HTMLResponse(FORM.format("Sign in", "/login"))
        return RedirectResponse("/accounts" if "device" in request.cookies else "/code", 303)

    async def code(request: WebRequest) -> Response:
        if request.method == "GET":
            behind.codes_asked += 1
            return HTMLResponse(FORM.format("Your code", "/code"))
        response = RedirectResponse("/accounts", 303)
        response.set_cookie("device", "known", max_age=180 * 86400)
        response.set_cookie("half", "way")
        response.set_cookie("soon", "over", max_age=600)
        return response

    async def accounts(_: WebRequest) -> Response:
        return behind.shown

    async def turn(_: WebRequest) -> Response:
        behind.turn += 1
        response = PlainTextResponse("done")
        response.set_cookie("token", str(behind.turn))
        return response

    both = ["GET", "POST"]
    return [
        Route("/session", accounts, methods=["POST"]),
        Route("/login", login, methods=both),
        Route("/code", code, methods=both),
        Route("/accounts", accounts),
        Route("/turn", turn),
    ]
