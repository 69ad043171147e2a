"""The company's four hosts as one ASGI application."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Host, Route, Router
from starlette.types import ASGIApp

from meterfarm.fake_utility.kit.app import portal_app
from meterfarm.fake_utility.stroopwafel_energy import api, identity, site, widget
from meterfarm.fake_utility.stroopwafel_energy.portal import Company
from meterfarm.fake_utility.stroopwafel_energy.views import asset

_HEADERS = {
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=31536000",
}
_ASSET = Route("/app/{name}", asset)
_ACCOUNT = "/v1/accounts/{account}"
_SITE = [
    _ASSET,
    Route("/signin-oidc", site.signin_oidc, methods=["POST"]),
    Route("/session", site.session, methods=["POST"]),
    Route("/documents/statement.pdf", site.document),
    Route("/{path:path}", site.shell),
]
_API = [
    Route("/v1/me", api.me),
    Route("/v1/me/{what}", api.settle, methods=["POST"]),
    Route("/v1/accounts", api.accounts),
    Route(_ACCOUNT, api.account_page),
    Route(f"{_ACCOUNT}/bills", api.bills),
    Route(f"{_ACCOUNT}/bills/current/link", api.bill_link, methods=["POST"]),
    Route(f"{_ACCOUNT}/bills/{{bill}}/document", api.bill_document),
    Route(f"{_ACCOUNT}/usage", api.usage),
]
_WIDGET = [
    _ASSET,
    Route("/export/embed", widget.embed),
    Route("/sso/relay", site.relay, methods=["POST"]),
    Route("/export/api/meters", widget.meters),
    Route("/export/api/usage.zip", widget.usage_zip),
]


def make_app(company: Company) -> Starlette:
    """The application; which host it answers for is in the request."""
    brand = company.brand
    oauth = f"/{brand.tenant}/oauth2/v2.0"
    policy = f"/{brand.tenant}/b2c_1a_signin"
    login = [
        _ASSET,
        Route(f"{oauth}/authorize", identity.authorize),
        Route(f"{oauth}/token", identity.token, methods=["POST"]),
        Route(f"{oauth}/logout", identity.logout),
        Route(f"{policy}/SelfAsserted", identity.self_asserted, methods=["POST"]),
        Route(f"{policy}/api/confirmed", identity.confirmed),
    ]
    hosts: Sequence[BaseRoute] = [
        Host(brand.my, Router(_SITE)),
        Host(brand.login, _shared(login, brand.my)),
        Host(brand.api, _shared(_API, brand.my)),
        Host(brand.widget, Router(_WIDGET)),
    ]
    return portal_app(company, hosts, headers=_HEADERS)


def _shared(routes: Sequence[BaseRoute], my: str) -> ASGIApp:
    """Open to scripts of the application's host."""
    return CORSMiddleware(
        Router(routes),
        allow_origins=[f"https://{my}"],
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type"],
        max_age=600,
    )
