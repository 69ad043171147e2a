"""Renders pages: templates that escape everything, and the headers that hold a browser to our own files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)
_ICON = Markup('<svg class="icon" aria-hidden="true"><use href="/web/icons.svg#{}"></use></svg>')
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def page(
    template: str,
    values: dict[str, Any],
    status: int = 200,
    *,
    ancestors: Sequence[str] = (),
) -> HTMLResponse:
    """A page; ``ancestors`` are the origins of pages that may have it in a frame."""
    policy = _POLICY.format(ancestors=" ".join(ancestors) or "'none'")
    headers = {**_HEADERS, "Content-Security-Policy": policy}
    if not ancestors:
        headers["X-Frame-Options"] = "DENY"
    return HTMLResponse(rendered(template, values), status, headers)


def rendered(template: str, values: dict[str, Any]) -> str:
    """The text of a template."""
    return _templates().get_template(template).render(values)


def _icon(name: str) -> Markup:
    """An icon of ``static/icons.svg``; it repeats what words say beside it."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="/web/icons.svg#{}"></use></svg>').format(
        name
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["icon"] = _icon
    return environment
