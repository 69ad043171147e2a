"""Where onboarding links lead. There is no form yet; the page says who can give the login meanwhile."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from meterfarm.api.context import context_of
from meterfarm.services.links import onboarded_customer

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body{{font:1.05rem/1.55 system-ui,sans-serif;margin:0;background:#f4f6f5;color:#1d2b24}}
main{{max-width:34rem;margin:12vh auto;padding:2rem 2.2rem;background:#fff;border-radius:.8rem;
box-shadow:0 1px 4px #0002}}h1{{font-size:1.35rem;margin:0 0 .8rem}}p{{margin:.6rem 0}}</style></head>
<body><main><h1>{title}</h1>{text}</main></body></html>
"""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/companies/{company_id}/sign_up")
def sign_up(request: Request, company_id: str, key: str = "") -> Response:
    """What a customer sees who follows their link."""
    store = context_of(request).store
    customer_id = onboarded_customer(store, key)
    is_number = company_id.isascii() and company_id.isdigit() and len(company_id) < 10
    company = store.companies.get(int(company_id)) if is_number else None
    customer = company and customer_id and store.of(company).customers.by_id(customer_id)
    if not company or not customer:
        return _page("This link cannot be used", ["Ask the company that sent it to you for a new one."], 404)
    return _page(
        f"Connect your utility account to {company.name}",
        [
            "The form for this page is not there yet.",
            f"Whoever runs this service can enter your login: they know you as customer {customer.id}.",
        ],
    )


def _page(title: str, paragraphs: list[str], status: int = 200) -> Response:
    text = "".join(f"<p>{escape(each)}</p>" for each in paragraphs)
    return HTMLResponse(_PAGE.format(title=escape(title), text=text), status, _HEADERS)
