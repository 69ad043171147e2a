"""The co-op's host as an ASGI application: one page, its services, and signed documents."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from meterfarm.fake_utility.kit.app import portal_app
from meterfarm.fake_utility.pepernoot_coop import services, sign_in
from meterfarm.fake_utility.pepernoot_coop.portal import Coop, coop_of

SERVICES = "/services/secured"
ROUTES = [
    Route("/", lambda _: RedirectResponse("/ui/", 302)),
    Route("/services/oauth/login", sign_in.login, methods=["POST"]),
    Route("/services/oauth/token", sign_in.token, methods=["POST"]),
    Route("/services/oauth/logout", sign_in.logout, methods=["POST"]),
    Route(f"{SERVICES}/user-data", services.user_data),
    Route(f"{SERVICES}/billing/history", services.history),
    Route(f"{SERVICES}/billing/pdf-link", services.pdf_link, methods=["POST"]),
    Route(f"{SERVICES}/usage/summary", services.usage_summary),
    Route(f"{SERVICES}/usage/export", services.ask_export, methods=["POST"]),
    Route(f"{SERVICES}/usage/export/{{job}}", services.look_at_export),
    Route("/documents/bill.pdf", services.bill_document),
]


async def _shell(request: Request) -> Response:
    """The page that all views are in."""
    return coop_of(request).pages.page(request, "shell.html")


def make_app(coop: Coop) -> Starlette:
    """The application."""
    return portal_app(coop, [*ROUTES, Route("/ui/", _shell)])
