"""An Exelon company's portal: an identity provider of the Azure B2C kind, tokens, accounts, Opower's data.

What it shows is for its mobile application: forms are posted as scripts do, and the end is an address of the
application's own.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Host, Route, Router

from meterfarm.fake_utility._opower.apis import OpowerApis, as_json
from meterfarm.fake_utility._opower.customers import Household
from meterfarm.fake_utility.kit.app import portal_app, state_of
from meterfarm.fake_utility.kit.challenges import Verdict
from meterfarm.fake_utility.kit.customers import Customer, Factor, Gate, normalise
from meterfarm.fake_utility.kit.letters import Sender
from meterfarm.fake_utility.kit.numbered import CustomerBook
from meterfarm.fake_utility.kit.outbox import Message
from meterfarm.fake_utility.kit.state import PortalContext, PortalState

_POLICY, _MOBILE = "B2C_1A_SignIn", "B2C_1A_SignIn_Mobile"
_REFUSED = "The email or password you entered is incorrect. Please try again."
_LOCKED = "Your account is locked. Please reset your password."
_NOT_RIGHT = "That code is incorrect. Please try again."
_ACTION = "/DisplayControlAction/vbeta/{control}/{action}"
_FACTORS: Mapping[str, Factor] = {
    "Text": "sms",
    "Email": "email",
    "textVerificationControl": "sms",
    "emailVerificationControl": "email",
}
View = Callable[["Exelon", Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Company:
    """Where it is: `site`, `provider` and `accounts` are hosts, `tenant` and `code` its names there."""

    name: str
    domain: str
    site: str
    provider: str
    accounts: str
    opower: str
    tenant: str
    code: str
    zone: ZoneInfo

    @property
    def application(self) -> str:
        """The scheme of its mobile application's addresses."""
        return f"msauth.com.{self.domain.partition('.')[0]}.mobile"

    @property
    def hosts(self) -> tuple[str, ...]:
        """All of them."""
        return self.site, self.provider, self.accounts, self.opower


class Exelon(PortalState[Household]):
    """The state of one company's portal."""

    code_digits = 6

    def __init__(self, context: PortalContext, company: Company, book: CustomerBook[Household]) -> None:
        super().__init__(context, book, Path(__file__).parent, ())
        self.company = company
        self.apis = OpowerApis(self, context.key, company.code, company.zone)
        self.inside: dict[str, str] = {}
        self._signed = URLSafeSerializer(context.key, salt=company.code)

    def letter(self, customer: Customer, factor: Factor, code: str, now: datetime) -> Message:
        """By text message or mail."""
        sender = Sender(self.company.name, "+18005550142", f"no-reply@{self.company.domain}")
        words = f"Your {self.company.name} verification code is {code}."
        if factor == "sms":
            return sender.text_message(customer, code, words, now)
        return sender.mail(customer, code, "Verification code", words, f"<p>{words}</p>", now)

    def sign(self, what: str, username: str) -> str:
        """What a code or token stands for."""
        return str(self._signed.dumps([what, username, secrets.token_urlsafe(6)]))

    def at(self, what: str, text: str) -> Household | None:
        """Who such a text is of, if it is one."""
        try:
            found = self._signed.loads(text)
        except BadSignature:
            return None
        return self.find(found[1]) if found[0] == what and found[1] not in self.memory.refused else None


def _view(view: View, *, methods: tuple[str, ...] = ("GET",)) -> dict[str, Any]:
    async def endpoint(request: Request) -> Response:
        state: Exelon = state_of(request)
        return await view(state, request)

    return {"endpoint": endpoint, "methods": list(methods)}


def _page(state: Exelon, policy: str, tx: str, fields: Mapping[str, Any] | None = None) -> Response:
    """A page of the identity provider: what its script is to know."""
    settings = {
        "csrf": secrets.token_urlsafe(12),
        "transId": tx,
        "api": "CombinedSigninAndSignup" if fields is None else "SelfAsserted",
        "pageViewId": "0",
        "hosts": {"tenant": f"/{state.company.tenant}/{policy}", "policy": policy},
    }
    shown = f"<script>var SETTINGS = {json.dumps(settings)};</script>\n"
    if fields is not None:
        shown += f"<script>var SA_FIELDS = {json.dumps(fields)};</script>"
    return HTMLResponse(f"<!doctype html><title>Sign in</title>{shown}")


def _said(message: str, status: str = "400") -> Response:
    return as_json({"status": status, "errorCode": "AADB2C90225", "message": message})


_WELL = {"status": "200"}


async def _to_sign_in(state: Exelon, request: Request) -> Response:
    company = state.company
    return RedirectResponse(
        f"https://{company.provider}/{company.tenant}/{_POLICY}/oauth2/v2.0/authorize?response_type=code", 302
    )


async def _authorize(state: Exelon, request: Request) -> Response:
    return _page(state, request.query_params.get("p", _POLICY), secrets.token_urlsafe(12))


async def _posted(request: Request) -> Mapping[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


async def _asserted(state: Exelon, request: Request) -> Response:
    """User name and password, the choice of a way, or a code that was judged before."""
    tx, fields = request.query_params.get("tx", ""), await _posted(request)
    if "signInName" in fields:
        return _judged(state, tx, fields)
    open_ = state.sign_ins.get(tx)
    if open_ is None:
        return _said("Your session has expired.")
    if "mfaEnabledRadio" in fields:
        return as_json(_WELL)
    return as_json(_WELL) if tx in state.inside else _said(_NOT_RIGHT)


def _judged(state: Exelon, tx: str, fields: Mapping[str, str]) -> Response:
    username = normalise(fields["signInName"])
    tally = state.counters.of(username)
    tally.password_attempts += 1
    found = state.find(username)
    if found is None or not fields.get("password") or username in state.memory.refused:
        tally.password_rejections += 1
        return _said(_REFUSED)
    if found.oddities.gate:
        return _gate(found.oddities.gate)
    state.begin_sign_in(tx, found)
    return as_json(_WELL)


async def _confirmed(state: Exelon, request: Request) -> Response:
    """Where a form leads on to: the choice of a way, or the application."""
    tx = request.query_params.get("tx", "")
    open_ = state.sign_ins.get(tx)
    if open_ is None:
        return _page(state, _MOBILE, tx)
    if tx in state.inside:
        del state.sign_ins[tx]
        username = state.inside.pop(tx)
        return RedirectResponse(
            f"{state.company.application}://auth/?code={state.sign('code', username)}", 302
        )
    customer = open_.customer
    fields = [
        {"ID": "displayEmailAddress", "PRE": customer.destination("email")},
        {"ID": "displayPhoneNumber", "PRE": customer.destination("sms")},
    ]
    return _page(state, _MOBILE, tx, {"AttributeFields": fields})


async def _send_code(state: Exelon, request: Request) -> Response:
    open_ = state.sign_ins.get(request.query_params.get("tx", ""))
    if open_ is None:
        return _said("Your session has expired.")
    state.send_code(open_.challenge, _FACTORS[request.path_params["control"]])
    return as_json(_WELL)


async def _verify_code(state: Exelon, request: Request) -> Response:
    tx = request.query_params.get("tx", "")
    open_ = state.sign_ins.get(tx)
    if open_ is None:
        return _said("Your session has expired.")
    state.counters.of(open_.customer.username).code_attempts += 1
    code = (await _posted(request)).get("verificationCode", "")
    verdict = state.judge.verdict(open_.challenge, code, state.clock.now())
    if verdict is not Verdict.RIGHT:
        return _said(
            "You have made too many incorrect attempts." if verdict is Verdict.CLOSED else _NOT_RIGHT
        )
    state.inside[tx] = open_.customer.username
    state.counters.of(open_.customer.username).sign_ins += 1
    return as_json(_WELL)


async def _token(state: Exelon, request: Request) -> Response:
    fields = await _posted(request)
    is_first = fields.get("grant_type") == "authorization_code"
    found = state.at(
        "code" if is_first else "refresh", fields.get("code" if is_first else "refresh_token", "")
    )
    if found is None:
        return as_json({"error": "invalid_grant", "error_description": "AADB2C90080"}, 400)
    tokens = {"refresh_token": state.sign("refresh", found.username), "token_type": "Bearer"}
    if "opower" in fields.get("scope", ""):
        return as_json({**tokens, "access_token": state.apis.token(found.username)})
    return as_json({**tokens, "access_token": state.sign("access", found.username)})


async def _accounts(state: Exelon, request: Request) -> Response:
    found = state.at("access", request.headers.get("authorization", "").removeprefix("Bearer "))
    if found is None:
        return as_json({"success": False}, 401)
    rows = [
        {
            "accountNumber": account.number,
            "status": "Active",
            "isDefaultProfile": place == 0,
            "isResidential": True,
        }
        for place, account in enumerate(found.accounts)
    ]
    return as_json({"success": True, "data": rows})


def _gate(gate: Gate) -> Response:
    match gate:
        case "locked":
            return _said(_LOCKED)
        case "firewall":
            return HTMLResponse("<!doctype html><title>Access Denied</title><h1>Access Denied</h1>", 403)
        case "too_many_requests":
            return PlainTextResponse("Too Many Requests", 429, {"Retry-After": "120"})
        case "maintenance":
            return HTMLResponse("<!doctype html><title>Maintenance</title>", 503)
        case "splash":
            return HTMLResponse("<!doctype html><title>New</title><h1>We have redesigned your account</h1>")
        case _:
            return PlainTextResponse("Internal Server Error", 500)


def make_app(state: Exelon) -> Starlette:
    """The application, for all of its hosts."""
    company = state.company
    mobile = f"/{company.tenant}/{_MOBILE}"
    provider = Router(
        [
            Route(f"/{company.tenant}/{_POLICY}/oauth2/v2.0/authorize", **_view(_authorize)),
            Route(f"{mobile}/SelfAsserted", **_view(_asserted, methods=("POST",))),
            Route(f"{mobile}/api/SelfAsserted/confirmed", **_view(_confirmed)),
            Route(
                f"{mobile}/SelfAsserted{_ACTION.format(control='{control}', action='SendCode')}",
                **_view(_send_code, methods=("POST",)),
            ),
            Route(
                f"{mobile}/SelfAsserted{_ACTION.format(control='{control}', action='VerifyCode')}",
                **_view(_verify_code, methods=("POST",)),
            ),
            Route(f"{mobile}/oauth2/v2.0/token", **_view(_token, methods=("POST",))),
        ]
    )
    site = Router([Route("/Pages/Login.aspx", **_view(_to_sign_in))])
    accounts = Router([Route("/mobile/custom/auth/accounts", **_view(_accounts))])
    return portal_app(
        state,
        [
            Host(company.provider, provider),
            Host(company.accounts, accounts),
            Host(company.opower, Router(state.apis.routes())),
            Host(company.site, site),
        ],
    )
