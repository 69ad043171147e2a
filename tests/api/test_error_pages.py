"""The page that every docs_url leads to."""

from __future__ import annotations

import re
from types import SimpleNamespace

import httpx
from fastapi import FastAPI

from meterfarm.api import error_pages
from meterfarm.api.error_responses import errors
from meterfarm.api.errors import ERRORS

HERE = "https://meterfarm.example"


async def test_each_code_has_an_anchor_and_the_calls_that_answer_it_and_nothing_asks_another_host() -> None:
    app = FastAPI()
    app.state.context = SimpleNamespace(public_url=HERE)
    app.include_router(error_pages.router)

    @app.get("/api/v2/bills/{id}", responses=errors("bill_id_invalid"))
    def get_bill(id: str) -> None:
        pass

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as client:
        answer = await client.get("/docs/error-codes")
    anchors = re.findall('id="([^"]+)"', answer.text)
    assert sorted(anchors) == sorted([*ERRORS, "utility_lacks_interval"])
    section = answer.text.partition('<section id="bill_id_invalid">')[2].partition("</section>")[0]
    assert "GET /api/v2/bills/{id}" in section
    assert "404" in section
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|@import|url\(""", answer.text)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
