"""What the hosts' views have in common: the page of a template, its policy, JSON."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from meterfarm.fake_utility.stroopwafel_energy.brand import FOLDER
from meterfarm.fake_utility.stroopwafel_energy.portal import Company, company_of

_SCRIPTS = {path.name: path.read_bytes() for path in (FOLDER / "static").glob("*.js")}
_A_DAY = {"Cache-Control": "public, max-age=86400"}


def page(request: Request, template: str, *, status: int = 200, **context: object) -> HTMLResponse:
    """A page, with what it may load and talk to."""
    company = company_of(request)
    brand = company.brand
    values = {"brand": brand, "company": brand.settings(), "icon": brand.icon, **context}
    response = company.pages.page(request, template, values, status=status)
    response.headers["Content-Security-Policy"] = _policy(company)
    response.headers["Cache-Control"] = "no-store"
    return response


def _policy(company: Company) -> str:
    my, login, api, widget = (f"https://{host}" for host in company.brand.hosts)
    return (
        f"default-src 'self'; img-src 'self' data:; connect-src 'self' {api} {login}; frame-src {widget}; "
        f"frame-ancestors {my}; form-action 'self' {my} {widget}; base-uri 'none'; object-src 'none'; "
        "style-src 'self' 'unsafe-inline'"
    )


async def asset(request: Request) -> Response:
    """The style sheet in the company's colours, and the scripts."""
    name = request.path_params["name"]
    if name == "style.css":
        return Response(company_of(request).style, media_type="text/css", headers=_A_DAY)
    if name not in _SCRIPTS:
        return PlainTextResponse("Not found\n", 404)
    return Response(_SCRIPTS[name], media_type="text/javascript", headers=_A_DAY)


def answer(data: object, status: int = 200, *, guard: str = "") -> Response:
    """JSON that no cache keeps; `guard` goes before it."""
    content = guard + json.dumps(data, separators=(",", ":"))
    return Response(content, status, {"Cache-Control": "no-store"}, "application/json")


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as the data's host writes it."""
    response = answer({"error": {"code": code, "message": message}}, status)
    response.headers.update(headers or {})
    return response


async def json_fields(request: Request) -> Mapping[str, Any]:
    """What was posted as JSON; nothing if it is no object."""
    try:
        given = json.loads(await request.body())
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}
