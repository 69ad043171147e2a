"""How a company shows itself on our pages: its name, logo and colour, and where the last two are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from meterfarm.storage.customers import CompanyBrand
from meterfarm.web.colours import Accent, accent
from meterfarm.web.context import WebContext, web_of

router = APIRouter(prefix="/companies/{company_id}", include_in_schema=False)
_LONGEST_ID = 10
_HEADERS = {
    "Cache-Control": "public, max-age=300",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What the frame of a page has of a company; an address is "" where it has no such thing.

    ``secured``: the page is reached by https.
    """

    name: str
    logo: str
    stylesheet: str
    policy_url: str
    secured: bool


def look_of(company_id: int, name: str, brand: CompanyBrand, *, is_encrypted: bool) -> Look:
    """How this side of a company looks; an address changes with what is at it, so browsers may keep that."""
    at = f"/companies/{company_id}"
    logo = f"{at}/logo?v={hashlib.sha256(brand.logo).hexdigest()[:12]}" if brand.logo else ""
    stylesheet = f"{at}/brand.css?v={brand.colour.removeprefix('#')}" if brand.colour else ""
    return Look(name, logo, stylesheet, brand.policy_url, is_encrypted)


@router.get("/logo")
async def logo(request: Request, company_id: str) -> Response:
    """The company's logo, by its own type."""
    brand = await run_in_threadpool(_brand, web_of(request), company_id)
    if not brand.logo:
        return Response("There is no logo.\n", 404, media_type="text/plain")
    return Response(brand.logo, headers=_HEADERS, media_type=brand.logo_type)


@router.get("/brand.css")
async def stylesheet(request: Request, company_id: str) -> Response:
    """The company's colour, in both themes."""
    brand = await run_in_threadpool(_brand, web_of(request), company_id)
    if not brand.colour:
        return Response("There is no colour.\n", 404, media_type="text/plain")
    light, dark = (_tokens(accent(brand.colour, dark=dark)) for dark in (False, True))
    text = f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    return Response(text, headers=_HEADERS, media_type="text/css")


def _tokens(of: Accent) -> str:
    return (
        f"--accent: {of.button}; --on-accent: {of.on_button}; --accent-edge: {of.edge}; "
        f"--accent-text: {of.text}; --accent-tint: {of.tint};"
    )


def _brand(web: WebContext, company_id: str) -> CompanyBrand:
    if not (company_id.isascii() and company_id.isdigit() and len(company_id) < _LONGEST_ID):
        return CompanyBrand()
    return web.store.companies.brand(int(company_id))
