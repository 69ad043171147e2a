"""The script by which a company has the form in a page of its own: `/v1`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import FileResponse

from meterfarm.web.pages import STATIC

router = APIRouter(include_in_schema=False)
_HEADERS = {
    "Cache-Control": "public, max-age=300",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/v1")
def component() -> FileResponse:
    """The script; pages of any origin may load it, and it is no secret."""
    return FileResponse(STATIC / "v1.js", media_type="text/javascript", headers=_HEADERS)
