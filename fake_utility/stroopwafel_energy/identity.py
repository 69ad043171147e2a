"""The identity provider, on a host of its own: its page, the steps, and the tokens."""

import base64
import hashlib
import json

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from meterfarm.fake_utility.kit.sessions import DEVICE
from meterfarm.fake_utility.stroopwafel_energy.brand import FOLDER
from meterfarm.fake_utility.stroopwafel_energy.families import InvalidGrant, Tokens
from meterfarm.fake_utility.stroopwafel_energy.portal import Company, company_of
from meterfarm.fake_utility.stroopwafel_energy.steps import Steps, TooMany
from meterfarm.fake_utility.stroopwafel_energy.views import answer, json_fields, page

_UNKNOWN_CLIENT = "AADB2C90018: The client id specified in the request is not registered in tenant."
_INVALID = "AADB2C90080: The provided grant has expired. Please re-authenticate and try again."


async def authorize(request: Request) -> Response:
    """The page on which a sign-in begins; it is where the steps follow."""
    company, asked = company_of(request), request.query_params
    redirect = f"https://{company.brand.my}/signin-oidc"
    if asked.get("redirect_uri") != redirect or not asked.get("code_challenge"):
        return page(
            request, "message.html", status=400, title="This link does not work", words="Start from our site."
        )
    transaction = company.transactions.begin(redirect, asked.get("state", ""), asked["code_challenge"])
    base = f"/{company.brand.tenant}/b2c_1a_signin"
    settings = {
        "tx": transaction.id,
        "csrf": transaction.csrf,
        "endpoint": f"{base}/SelfAsserted",
        "confirmed": f"{base}/api/confirmed?tx={transaction.id}",
    }
    return page(request, "identity.html", transaction=json.dumps(settings))


async def self_asserted(request: Request) -> Response:
    """A step, answered in place."""
    company, fields = company_of(request), await json_fields(request)
    transaction = company.transactions.find(fields.get("tx"))
    if transaction is None:
        return answer({"status": "200", "next": "over"})
    if request.headers.get("x-csrf-token") != transaction.csrf:
        return PlainTextResponse("Bad Request\n", 400)
    known = company.sessions.knows_device(request.cookies.get(DEVICE), transaction.username)
    try:
        return answer(Steps(company).take(transaction, fields, knows_device=known))
    except TooMany:
        return PlainTextResponse("Too Many Requests\n", 429, {"Retry-After": "120"})


async def confirmed(request: Request) -> Response:
    """Back to the application, by a form that posts itself."""
    company = company_of(request)
    transaction = company.transactions.find(request.query_params.get("tx"))
    if transaction is None or transaction.stage != "done" or transaction.customer is None:
        return RedirectResponse(f"https://{company.brand.my}/signed-out", 303)
    customer = transaction.customer
    if customer.oddities.gate == "server_error":
        return PlainTextResponse("Internal Server Error\n", 500)
    if customer.oddities.gate == "firewall":
        refused = (FOLDER / "templates" / "firewall.html").read_text()
        return HTMLResponse(refused.replace("{host}", company.brand.login), 403)
    company.transactions.end(transaction)
    company.counters.of(customer.username).sign_ins += 1
    code = company.families.code(customer.username, transaction.pkce)
    fields = {"state": transaction.state, "code": code}
    through = f"https://{company.brand.widget}/sso/relay"
    action = through if customer.has("auto-post-chain") else transaction.redirect
    response = page(request, "post.html", action=action, fields=fields)
    if transaction.trust:
        company.sessions.remember_device(response, customer.username)
    return response


async def token(request: Request) -> Response:
    """Tokens for a code, or for a refresh token (RFC 6749 section 4.1.3 and 6)."""
    company = company_of(request)
    async with request.form(max_files=0) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
    if fields.get("client_id") != company.brand.client:
        return answer({"error": "invalid_client", "error_description": _UNKNOWN_CLIENT}, 401)
    try:
        given = _grant(company, fields)
    except InvalidGrant:
        return answer({"error": "invalid_grant", "error_description": _INVALID}, 400)
    customer = company.find(given.username)
    return answer(
        {
            "kept_after": 1_500 if customer and customer.has("late-token") else 0,
            "token_type": "Bearer",
            "access_token": given.access,
            "expires_in": given.access_seconds,
            "refresh_token": given.refresh,
            "scope": "openid offline_access api",
        }
    )


def _grant(company: Company, fields: dict[str, str]) -> Tokens:
    match fields.get("grant_type"):
        case "authorization_code":
            digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            return company.families.redeem(fields.get("code", ""), challenge, company.access_seconds)
        case "refresh_token":
            return company.families.renew(fields.get("refresh_token", ""), company.access_seconds)
        case _:
            raise InvalidGrant


async def logout(request: Request) -> Response:
    """Back to the application; what the browser had there it has thrown away itself."""
    return RedirectResponse(f"https://{company_of(request).brand.my}/signed-out", 303)
