"""The portal as an ASGI application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from meterfarm.fake_utility.counters import CountRequests
from meterfarm.fake_utility.speculoos import (
    account_pages,
    bill_pages,
    controls,
    gates,
    mfa,
    prerender,
    public_pages,
    sign_in,
    usage_pages,
)
from meterfarm.fake_utility.speculoos.portal import Portal, message_page
from meterfarm.fake_utility.speculoos.static_files import STYLE_PATH
from meterfarm.fake_utility.speculoos.visits import not_found
from meterfarm.fake_utility.striking import Strike

ACCOUNT = "/accounts/{number}"
ROUTES = [
    Route("/", sign_in.home),
    Route("/login", sign_in.login_page),
    Route("/login", sign_in.login, methods=["POST"]),
    Route("/logout", sign_in.logout, methods=["POST"]),
    Route("/mfa", mfa.mfa_page),
    Route("/mfa/choice", mfa.choose, methods=["POST"]),
    Route("/mfa/send", mfa.send, methods=["POST"]),
    Route("/mfa/verify", mfa.verify, methods=["POST"]),
    Route("/password-expired", gates.password_page),
    Route("/password-expired", gates.change_password, methods=["POST"]),
    Route("/terms", gates.terms_page),
    Route("/terms", gates.answer_terms, methods=["POST"]),
    Route("/robot-check", gates.captcha_page),
    Route("/robot-check", gates.answer_captcha, methods=["POST"]),
    Route("/welcome", gates.splash_page),
    Route("/accounts", account_pages.accounts_page),
    Route(ACCOUNT, account_pages.account_page),
    Route(f"{ACCOUNT}/bills", bill_pages.bills_page),
    Route(f"{ACCOUNT}/bills/{{bill}}.pdf", bill_pages.bill_document),
    Route(f"{ACCOUNT}/usage", usage_pages.usage_page),
    Route(f"{ACCOUNT}/usage/export", usage_pages.export),
    Route("/outbox", public_pages.outbox_page),
    Route("/outbox.json", public_pages.outbox_json),
    Route("/stats.json", controls.stats),
    Route("/faults", controls.faults, methods=["GET", "POST"]),
    Route("/prerender", prerender.prerender, methods=["POST"]),
    Route(STYLE_PATH, public_pages.style),
    Route("/favicon.ico", public_pages.icon),
    Route("/robots.txt", public_pages.robots),
]
_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; "
        b"base-uri 'none'; object-src 'none'",
    ),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]


class SecurityHeaders:
    """ASGI middleware: the headers that a careful site sends with everything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, with the portal's headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return not_found(request)
    return message_page(request, "Not possible", "This page cannot be used that way.", status=status)


def make_app(portal: Portal) -> Starlette:
    """The portal as an ASGI application."""
    app = Starlette(
        routes=ROUTES,
        middleware=[
            Middleware(CountRequests, portal.counters),
            Middleware(Strike, portal.switch),
            Middleware(SecurityHeaders),
        ],
        exception_handlers={HTTPException: _http_error},
    )
    app.state.portal = portal
    return app
