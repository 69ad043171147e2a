"""Con Edison's portal: JSON, an authenticator, an identity provider of the Okta kind, Opower's data."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Host, Route, Router

from meterfarm.fake_utility._opower.apis import OpowerApis, as_json
from meterfarm.fake_utility._opower.customers import CON_EDISON, Household
from meterfarm.fake_utility.kit.app import portal_app, state_of
from meterfarm.fake_utility.kit.calendar import ZONE
from meterfarm.fake_utility.kit.challenges import Verdict
from meterfarm.fake_utility.kit.customers import Customer, Factor, Gate, normalise
from meterfarm.fake_utility.kit.outbox import Message
from meterfarm.fake_utility.kit.sessions import set_cookie
from meterfarm.fake_utility.kit.state import PortalContext, PortalState

_LOGIN = "/sitecore/api/ssc/ConEdWeb-Foundation-Login-Areas-LoginAPI/User/0"
_TOKEN = "/sitecore/api/ssc/ConEd-Cms-Services-Controllers-Opower/OpowerService/0/GetOPowerToken"  # noqa: S105
_ENERGY_USE = "/en/accounts-billing/my-account/energy-use"
_BEFORE, _INSIDE, _OF_OPOWER, _DEVICE = "CE_PRE", "CE_SESSION", "CE_OPOWER", "CE_DEVICE_ID"
_TRUSTED = timedelta(days=730)
_FIREWALL = "<!doctype html><title>Access Denied</title><h1>Access Denied</h1><p>Reference #18.2d1c</p>"
_SPLASH = "<!doctype html><title>Con Edison</title><h1>We have redesigned your account</h1>"
View = Callable[["ConEdison", Request], Awaitable[Response]]


class ConEdison(PortalState[Household]):
    """Con Edison's state."""

    def __init__(self, context: PortalContext) -> None:
        super().__init__(context, CON_EDISON, Path(__file__).parent, ())
        self.apis = OpowerApis(self, context.key, "cned", ZONE)
        self._signed = URLSafeSerializer(context.key, salt="con edison")

    def letter(self, customer: Customer, factor: Factor, code: str, now: datetime) -> Message:
        """None is ever sent: authenticators make the codes."""
        raise ValueError(f"Con Edison sends no code by {factor}")

    def sign(self, what: str, username: str) -> str:
        """What a cookie or an address has of a step that a customer has come to."""
        return str(self._signed.dumps([what, username, secrets.token_urlsafe(6)]))

    def at(self, what: str, text: str | None) -> Household | None:
        """Who has come to this step."""
        try:
            found = self._signed.loads(text or "")
        except BadSignature:
            return None
        return self.find(found[1]) if found[0] == what else None


def _view(view: View, *, methods: tuple[str, ...] = ("GET",)) -> dict[str, Any]:
    async def endpoint(request: Request) -> Response:
        state: ConEdison = state_of(request)
        return await view(state, request)

    return {"endpoint": endpoint, "methods": list(methods)}


async def _fields(request: Request) -> Mapping[str, Any]:
    try:
        found = json.loads(await request.body())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _login_page(state: ConEdison, request: Request) -> Response:
    page = HTMLResponse("<!doctype html><title>Log In | Con Edison</title><h1>Log In</h1>")
    set_cookie(page, _BEFORE, state.sign("before", ""))
    return page


async def _log_in(state: ConEdison, request: Request) -> Response:
    """Judge user name and password."""
    fields = await _fields(request)
    username, password = normalise(str(fields.get("LoginEmail", ""))), str(fields.get("LoginPassword", ""))
    if _BEFORE not in request.cookies:
        return HTMLResponse(_SPLASH)
    tally = state.counters.of(username)
    tally.password_attempts += 1
    found = state.find(username)
    if found is None or not password or username in state.memory.refused:
        tally.password_rejections += 1
        return as_json({"login": False, "message": "Your email or password is incorrect."})
    if found.oddities.gate:
        return _gate(found.oddities.gate)
    if found.challenges and not state.sessions.knows_device(request.cookies.get(_DEVICE), username):
        state.begin_sign_in(username, found)
        answer = as_json({"login": True, "newDevice": True, "noMfa": False})
        set_cookie(answer, _BEFORE, state.sign("code", username))
        return answer
    return as_json(
        {"login": True, "newDevice": False, "noMfa": True, "authRedirectUrl": _led_on(state, username)}
    )


async def _verify(state: ConEdison, request: Request) -> Response:
    """Judge a code."""
    found = state.at("code", request.cookies.get(_BEFORE))
    open_ = state.sign_ins.get(found.username) if found else None
    if found is None or open_ is None:
        return as_json({"code": False})
    state.counters.of(found.username).code_attempts += 1
    code = str((await _fields(request)).get("MFACode", ""))
    verdict = state.judge.verdict(open_.challenge, code, state.clock.now())
    if verdict is not Verdict.RIGHT:
        return as_json({"code": False})
    del state.sign_ins[found.username]
    answer = as_json({"code": True, "authRedirectUrl": _led_on(state, found.username)})
    state.sessions.remember_device(answer, found.username)
    handed = [line for name, line in answer.raw_headers if name == b"set-cookie"]
    device = handed[-1].decode().partition("=")[2].partition(";")[0]
    answer.raw_headers = [pair for pair in answer.raw_headers if pair[0] != b"set-cookie"]
    answer.set_cookie(
        _DEVICE, device, int(_TRUSTED.total_seconds()), domain=".coned.com", secure=True, httponly=True
    )
    return answer


def _led_on(state: ConEdison, username: str) -> str:
    return (
        f"https://coned.okta.com/oauth2/v1/authorize?state=login&sessionToken={state.sign('okta', username)}"
    )


async def _authorize(state: ConEdison, request: Request) -> Response:
    """The identity provider: it knows its customer by a token, then by its own cookie."""
    asked = request.query_params
    found = state.at("okta", asked.get("sessionToken") or request.cookies.get("sid"))
    if found is None:
        return RedirectResponse("https://www.coned.com/en/login", 302)
    back = RedirectResponse(
        f"https://www.coned.com/en/login/callback?code={state.sign('code granted', found.username)}"
        f"&state={asked.get('state', '')}",
        302,
    )
    set_cookie(back, "sid", state.sign("okta", found.username))
    return back


async def _callback(state: ConEdison, request: Request) -> Response:
    found = state.at("code granted", request.query_params.get("code"))
    if found is None:
        return RedirectResponse("/en/login", 302)
    for_opower = request.query_params.get("state", "").startswith("opower")
    answer = RedirectResponse(_ENERGY_USE, 302) if for_opower else HTMLResponse("<title>My Account</title>")
    set_cookie(answer, _OF_OPOWER if for_opower else _INSIDE, state.sign("inside", found.username))
    if not for_opower:
        state.counters.of(found.username).sign_ins += 1
    return answer


async def _energy_use(state: ConEdison, request: Request) -> Response:
    """Goes to the identity provider once more, for the data's token."""
    if state.at("inside", request.cookies.get(_INSIDE)) is None:
        return RedirectResponse("/en/login", 302)
    if state.at("inside", request.cookies.get(_OF_OPOWER)) is None:
        return RedirectResponse("https://coned.okta.com/oauth2/v1/authorize?state=opower%7Cenergy", 302)
    return HTMLResponse("<!doctype html><title>Energy Use</title><h1>Energy Use</h1>")


async def _opower_token(state: ConEdison, request: Request) -> Response:
    found = state.at("inside", request.cookies.get(_OF_OPOWER))
    return as_json(state.apis.token(found.username) if found else None)


def _gate(gate: Gate) -> Response:
    match gate:
        case "firewall":
            return HTMLResponse(_FIREWALL, 403)
        case "too_many_requests":
            return PlainTextResponse("Too Many Requests", 429, {"Retry-After": "120"})
        case "maintenance":
            return HTMLResponse("<!doctype html><title>Maintenance</title><h1>Back soon</h1>", 503)
        case "splash":
            return HTMLResponse(_SPLASH)
        case _:
            return PlainTextResponse("Internal Server Error", 500)


def make_app(state: ConEdison) -> Starlette:
    """The application, for all of its hosts."""
    site = Router(
        [
            Route("/en/login", **_view(_login_page)),
            Route("/en/login/callback", **_view(_callback)),
            Route(f"{_LOGIN}/Login", **_view(_log_in, methods=("POST",))),
            Route(f"{_LOGIN}/VerifyFactor", **_view(_verify, methods=("POST",))),
            Route(_ENERGY_USE, **_view(_energy_use)),
            Route(_TOKEN, **_view(_opower_token)),
        ]
    )
    provider = Router([Route("/oauth2/v1/authorize", **_view(_authorize))])
    return portal_app(
        state,
        [
            Host("coned.okta.com", provider),
            Host("cned.opower.com", Router(state.apis.routes())),
            Host("www.coned.com", site),
        ],
    )
