"""Files that an API gives within JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meterfarm.scrapers.http.body import DOCUMENT, Limit
from meterfarm.scrapers.http.response import HttpResponse

if TYPE_CHECKING:
    from meterfarm.scrapers.visit import Visit


async def one_document(visit: Visit, address: str, limit: Limit = DOCUMENT) -> HttpResponse:
    """The API's answer that has a file in it; ``ItemFailed`` where that one cannot be had."""
    found = await visit.http.document(address, limit=limit)
    headers = {"content-type": found.media_type}
    return HttpResponse(address, 200, headers, found.content, visit.portal.name)
