"""Pages rendered from templates; when answers are kept, each is rendered once for whoever asks again."""

import secrets
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from meterfarm.fake_utility.kit.calendar import ZONE, long_date, us_date
from meterfarm.fake_utility.kit.clock import Clock
from meterfarm.fake_utility.kit.kept import Kept
from meterfarm.fake_utility.kit.money import dollars, quantity
from meterfarm.fake_utility.kit.sessions import CSRF, set_cookie
from meterfarm.fake_utility.kit.static_files import StaticFiles

_SHARED = Path(__file__).parent / "templates"


class Pages:
    """Those of a portal's folder `templates`.

    `kept`: where to keep what was rendered; without it every page is rendered anew.
    """

    def __init__(self, folder: Path, static: StaticFiles, clock: Clock, kept: Kept | None) -> None:
        self._clock = clock
        self._kept = kept
        self._any_token = secrets.token_urlsafe(24)
        self._templates = Environment(
            loader=FileSystemLoader([folder / "templates", _SHARED]),
            autoescape=True,
            trim_blocks=True,
            auto_reload=False,
        )
        self._templates.filters |= {
            "dollars": dollars,
            "quantity": quantity,
            "long_date": long_date,
            "us_date": us_date,
        }
        self._templates.globals |= {"icon_url": static.icon_url, "style_path": static.style_path}
        self._templates.globals["script_path"] = static.script_path

    def page(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """Render a page; its forms get the browser's CSRF token."""
        token = _token(request)
        body = self._render(request, template, token, context or {})
        return _with_token(request, HTMLResponse(body, status, headers), token)

    def kept_page(
        self,
        request: Request,
        template: str,
        make_context: Callable[[], Mapping[str, Any]],
        about: Hashable = None,
    ) -> HTMLResponse:
        """A page that nothing decides but the path, the day and `about`."""
        if self._kept is None:
            return self.page(request, template, make_context())
        key = (template, request.url.path, self._clock.today(ZONE), about)
        body = self._kept.get(key, lambda: self._render(request, template, self._any_token, make_context()))
        token = _token(request)
        body = body.replace(self._any_token.encode(), escape(token).encode())
        return _with_token(request, HTMLResponse(body), token)

    def _render(self, request: Request, template: str, token: str, context: Mapping[str, Any]) -> bytes:
        always = {"csrf_token": token, "path": request.url.path, "year": self._clock.today(ZONE).year}
        return self._templates.get_template(template).render(always | dict(context)).encode()


def _token(request: Request) -> str:
    return request.cookies.get(CSRF) or secrets.token_urlsafe(24)


def _with_token(request: Request, response: HTMLResponse, token: str) -> HTMLResponse:
    if CSRF not in request.cookies:
        set_cookie(response, CSRF, token)
    return response
