"""The small files that pages need. What is cached for long has its version in its address."""

from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_A_DAY = "public, max-age=86400"


class StaticFiles:
    """A portal's `style.css` and `icon.svg`, from the folder `static` beside its modules.

    `icon_url` is the icon itself: no browser has to ask for it.
    """

    def __init__(self, folder: Path) -> None:
        self.style = (folder / "static" / "style.css").read_bytes()
        self.style_path = f"/static/style.{blake2b(self.style, digest_size=6).hexdigest()}.css"
        self.icon = (folder / "static" / "icon.svg").read_bytes()
        self.icon_url = f"data:image/svg+xml,{quote(self.icon, safe=' =:/')}"

    def routes(self) -> list[Route]:
        """Where they are served, and what robots may read: nothing."""
        return [
            Route(self.style_path, self._style),
            Route("/favicon.ico", self._icon),
            Route("/robots.txt", _robots),
        ]

    async def _style(self, request: Request) -> Response:
        return Response(self.style, media_type="text/css", headers={"Cache-Control": f"{_A_DAY}, immutable"})

    async def _icon(self, request: Request) -> Response:
        return Response(self.icon, media_type="image/svg+xml", headers={"Cache-Control": _A_DAY})


async def _robots(request: Request) -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /\n")
