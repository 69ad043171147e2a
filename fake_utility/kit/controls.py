"""What a portal itself is asked: what it sent, its counters, faults, hostility, quirks, drift, broken logins,
its clock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address
from json import JSONDecodeError
from typing import Any, TypedDict

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from meterfarm.fake_utility.kit.customers import Customer, normalise
from meterfarm.fake_utility.kit.drift import BadDrift, parse_drift
from meterfarm.fake_utility.kit.faults import BadFaults, parse_faults
from meterfarm.fake_utility.kit.hostility import BadHostility, parse_hostility
from meterfarm.fake_utility.kit.outbox import Message
from meterfarm.fake_utility.kit.quirks import EVERYBODY, BadQuirks
from meterfarm.fake_utility.kit.state import PortalState

MOST_FORWARD = 366 * 86_400
Endpoint = Callable[[Request], Awaitable[Response]]


class BadBreaks(ValueError):
    """What was posted cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Breaks:
    """What is to become of a customer's login, sessions and trusted devices.

    `break_login_after`: once so many more documents were handed out, 0 for at once; None: not at all.
    """

    username: str
    break_login_after: int | None = None
    end_sessions: bool = False
    forget_devices: bool = False
    mend: bool = False


class _Shown(TypedDict):
    messages: list[Message]
    authenticators: list[dict[str, str | int]]
    security_answers: list[dict[str, str]]


class Controls:
    """A portal's control pages."""

    def __init__(self, state: PortalState[Any]) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Where they are, below the portal's address."""
        return [
            Route("/outbox", self.outbox_page),
            Route("/outbox.json", self.outbox),
            Route("/stats.json", self.stats),
            Route("/faults", _from_here(self.faults), methods=["GET", "POST"]),
            Route("/hostile", _from_here(self.hostile), methods=["GET", "POST"]),
            Route("/quirks", _from_here(self.quirks), methods=["GET", "POST"]),
            Route("/drift", _from_here(self.drift), methods=["GET", "POST"]),
            Route("/breaks", _from_here(self.breaks), methods=["GET", "POST"]),
            Route("/clock", _from_here(self.clock), methods=["GET", "POST"]),
            Route("/prerender", self.prerender, methods=["POST"]),
        ]

    async def stats(self, request: Request) -> Response:
        """Counters as JSON."""
        return JSONResponse(self._state.counters.as_json())

    async def faults(self, request: Request) -> Response:
        """`GET` shows which faults are on; `POST` puts others in their place, `{}` none."""
        switch = self._state.switch
        if request.method == "POST":
            try:
                switch.set(parse_faults(await request.json()))
            except (BadFaults, JSONDecodeError, UnicodeDecodeError) as exc:
                return PlainTextResponse(f"These are no faults: {exc}\n", 400)
        return JSONResponse(switch.on.as_json())

    async def hostile(self, request: Request) -> Response:
        """`GET` shows what is done to visitors, and how often they paid; `POST` puts other in its place."""
        hostile = self._state.hostile
        if request.method == "POST":
            try:
                hostile.on = parse_hostility(await request.json())
            except (BadHostility, JSONDecodeError, UnicodeDecodeError) as exc:
                return PlainTextResponse(f"This is no hostility: {exc}\n", 400)
        return JSONResponse({**hostile.on.as_json(), "paid": hostile.paid})

    async def quirks(self, request: Request) -> Response:
        """`GET` shows which quirks are on; `POST` puts others in their place, of one customer or of
        everybody.
        """
        quirks = self._state.quirks
        if request.method == "POST":
            try:
                names, username, since = _parse_quirks(await request.json())
                if username and self._state.book.find(username) is None:
                    return PlainTextResponse(f"Nobody here is called {username!r}.\n", 404)
                quirks.set(names, username, since)
            except (BadQuirks, JSONDecodeError, UnicodeDecodeError) as exc:
                return PlainTextResponse(f"This switches no quirk: {exc}\n", 400)
        return JSONResponse(quirks.as_json())

    async def drift(self, request: Request) -> Response:
        """`GET` shows the drift that is on, `null` for none; `POST` puts that of a seed in its place."""
        drifts = self._state.drifts
        if request.method == "POST":
            try:
                drifts.on = parse_drift(await request.json())
            except (BadDrift, JSONDecodeError, UnicodeDecodeError) as exc:
                return PlainTextResponse(f"This is no drift: {exc}\n", 400)
        return JSONResponse(drifts.on.as_json() if drifts.on else None)

    async def breaks(self, request: Request) -> Response:
        """`GET ?username=U` shows whether a customer's login is broken; `POST` breaks or mends it."""
        try:
            given = await request.json() if request.method == "POST" else dict(request.query_params)
            wanted = _parse_breaks(given)
        except (BadBreaks, JSONDecodeError, UnicodeDecodeError) as exc:
            return PlainTextResponse(f"This breaks nothing: {exc}\n", 400)
        state = self._state
        if state.find(wanted.username) is None:
            return PlainTextResponse(f"Nobody here is called {wanted.username!r}.\n", 404)
        if wanted.mend:
            state.mend_login(wanted.username)
        if wanted.end_sessions:
            state.end_sessions(wanted.username)
        if wanted.forget_devices:
            state.sessions.forget_devices(wanted.username)
        if wanted.break_login_after is not None:
            state.break_login(wanted.username, wanted.break_login_after)
        return JSONResponse(
            {
                "username": wanted.username,
                "login_is_broken": wanted.username in state.memory.refused,
                "breaks_after": state.memory.breaks_after.get(wanted.username),
            }
        )

    async def clock(self, request: Request) -> Response:
        """`GET` shows the portal's time; `POST` `{"forward_seconds": N}` puts it forward."""
        if request.method == "POST":
            try:
                given = await request.json()
                seconds = given["forward_seconds"]
            except (JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
                seconds = None
            if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= MOST_FORWARD:
                return PlainTextResponse(
                    f'Write {{"forward_seconds": N}}, with N from 0 to {MOST_FORWARD}.\n', 400
                )
            self._state.clock.forward(seconds)
        return JSONResponse({"now": self._state.clock.now().isoformat()})

    async def outbox(self, request: Request) -> Response:
        """What was sent, and what customers know, as JSON."""
        shown = self._shown(request)
        return JSONResponse({**shown, "messages": [message.as_json() for message in shown["messages"]]})

    async def outbox_page(self, request: Request) -> Response:
        """The same as a page."""
        shown = self._shown(request)
        return self._state.pages.page(request, "outbox.html", {**shown, "messages": shown["messages"][::-1]})

    async def prerender(self, request: Request) -> Response:
        """`POST /prerender?username=U`: 204 once that customer's documents are there to hand out."""
        if not self._state.prerenders:
            return PlainTextResponse("This portal keeps nothing; start it with --prerender.\n", 404)
        username = normalise(request.query_params.get("username", ""))
        customer = self._state.find(username)
        if customer is None:
            sentence = f"Nobody here is called {username!r}; name a customer with ?username=.\n"
            return PlainTextResponse(sentence, 404)
        for make in self._state.documents(customer):
            make()
            await asyncio.sleep(0)  # others are served in between
        return Response(status_code=204)

    def _shown(self, request: Request) -> _Shown:
        """What `?username=` may see; without it, what all have who are in the list or were here."""
        state, asked = self._state, request.query_params.get("username")
        owners: list[Customer]
        if asked is None:
            messages = list(state.outbox.messages)
            every = [*state.book.listed.values(), *state.book.numbered_among(state.counters.usernames)]
            owners = [state.quirks.bent(one) for one in every]
        else:
            username = normalise(asked)
            messages = state.outbox.to(username)
            customer = state.find(username)
            owners = [customer] if customer else []
        return {
            "messages": messages,
            "authenticators": [self._authenticator(owner) for owner in owners if "totp" in owner.factors],
            "security_answers": [
                {"username": owner.username, "question": owner.question.text, "answer": owner.question.answer}
                for owner in owners
                if owner.question
            ],
        }

    def _authenticator(self, customer: Customer) -> dict[str, str | int]:
        app = self._state.codes.app_code(customer)
        return {"username": customer.username, "code": app.code, "seconds_left": app.seconds_left}


def _parse_breaks(data: object) -> Breaks:
    if not isinstance(data, dict) or not isinstance(data.get("username"), str):
        raise BadBreaks('write {"username": U, ...}')
    username = normalise(data["username"])
    after = data.get("break_login_after")
    if after is not None and (isinstance(after, bool) or not isinstance(after, int) or after < 0):
        raise BadBreaks("break_login_after is a whole number of documents, 0 for now")
    flags = ("end_sessions", "forget_devices", "mend")
    if unknown := set(data) - {"username", "break_login_after", *flags}:
        raise BadBreaks(f"there is no {min(unknown)!r}")
    if wrong := [name for name in flags if not isinstance(data.get(name, False), bool)]:
        raise BadBreaks(f"{wrong[0]} is true or false")
    return Breaks(username, after, **{name: data.get(name, False) for name in flags})


def _parse_quirks(data: object) -> tuple[list[str], str, dict[str, date]]:
    """The names, whom they are for, and since when some are."""
    wanted = data.get("quirks") if isinstance(data, dict) else None
    known = {"quirks", "username", "since"}
    if not isinstance(data, dict) or not isinstance(wanted, list) or set(data) - known:
        raise BadQuirks('write {"quirks": [NAME, ...]}, with "username": U for one customer')
    username = data.get("username", EVERYBODY)
    if not isinstance(username, str) or not all(isinstance(name, str) for name in wanted):
        raise BadQuirks("names are texts")
    try:
        since = {name: date.fromisoformat(day) for name, day in data.get("since", {}).items()}
    except (AttributeError, TypeError, ValueError):
        raise BadQuirks('write days as "since": {NAME: "2026-12-01"}') from None
    return wanted, normalise(username), since


def _from_here(endpoint: Endpoint) -> Endpoint:
    """The page is for visitors on this machine."""

    async def here_only(request: Request) -> Response:
        if request.client is None or not ip_address(request.client.host).is_loopback:
            return PlainTextResponse("This is switched from this machine only.\n", 403)
        return await endpoint(request)

    return here_only
