"""The small files that pages need. What is cached for long has its version in its address."""

from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_A_DAY = "public, max-age=86400"


class StaticFiles:
    """A portal's `style.css`, `icon.svg` and, if it has one, `app.js`, from its folder `static`.

    `icon_url` is the icon itself: no browser has to ask for it.
    """

    def __init__(self, folder: Path) -> None:
        self.style = (folder / "static" / "style.css").read_bytes()
        self.style_path = _path("style", self.style, "css")
        script = folder / "static" / "app.js"
        self.script = script.read_bytes() if script.exists() else b""
        self.script_path = _path("app", self.script, "js")
        self.icon = (folder / "static" / "icon.svg").read_bytes()
        self.icon_url = f"data:image/svg+xml,{quote(self.icon, safe=' =:/')}"

    def routes(self) -> list[Route]:
        """Where they are served, and what robots may read: nothing."""
        return [
            Route(self.style_path, self._style),
            *([Route(self.script_path, self._script)] if self.script else []),
            Route("/favicon.ico", self._icon),
            Route("/robots.txt", _robots),
        ]

    async def _style(self, request: Request) -> Response:
        return Response(self.style, media_type="text/css", headers={"Cache-Control": f"{_A_DAY}, immutable"})

    async def _script(self, request: Request) -> Response:
        cached = {"Cache-Control": f"{_A_DAY}, immutable"}
        return Response(self.script, media_type="text/javascript", headers=cached)

    async def _icon(self, request: Request) -> Response:
        return Response(self.icon, media_type="image/svg+xml", headers={"Cache-Control": _A_DAY})


def _path(name: str, content: bytes, suffix: str) -> str:
    return f"/static/{name}.{blake2b(content, digest_size=6).hexdigest()}.{suffix}"


async def _robots(request: Request) -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /\n")
