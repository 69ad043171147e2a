"""The operator gets a notice when something broke, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meterfarm.nightly.nightly_run import NightlyRun, Remembered, remembered
from meterfarm.nightly.notice import deliver, notice_of
from tests.local_site import closed_site, local_site
from tests.nightly.made import look, night, result

WELL = night(result("ida", "complete"))
BROKEN = night(result("ida", "captcha", differences=["why"]))
DRIFTED = replace(WELL, live=[look("a_portal", "layout_changed")])
OUT = replace(WELL, live=[look("a_portal", "portal_down")])
LOOKED = replace(WELL, live=[look("a_portal", "complete")])


def _is_sent(of: NightlyRun, *before: NightlyRun) -> bool:
    return notice_of(of, [remembered(one) for one in before], Path("report")) is not None


def test_a_notice_is_sent_when_something_got_worse() -> None:
    assert not _is_sent(WELL)
    assert _is_sent(BROKEN)
    assert _is_sent(BROKEN, WELL)
    assert not _is_sent(BROKEN, BROKEN)
    assert not _is_sent(WELL, BROKEN)
    assert _is_sent(DRIFTED, WELL)
    assert not _is_sent(DRIFTED, LOOKED, DRIFTED)
    assert _is_sent(OUT, LOOKED)
    assert not _is_sent(OUT)
    assert _is_sent(replace(BROKEN, live=OUT.live), DRIFTED)


def _notice(of: NightlyRun, before: Sequence[Remembered]) -> Any:
    notice = notice_of(of, before, Path("/var/lib/report"))
    assert notice is not None
    return notice


def test_it_names_what_broke_and_whose_fault_it_is() -> None:
    notice = _notice(replace(BROKEN, live=DRIFTED.live), [remembered(LOOKED)])
    assert [each["key"] for each in notice["broken"]] == ["a_portal live", "a_portal/ida"]
    (utility,) = notice["utilities"]
    assert utility["verdict"] == ["regression", "drift"]
    assert utility["live"] == {"outcome": "layout_changed", "message": "It was <b>layout_changed</b>."}
    assert notice["counts"] == {
        "customers": {"as_meant": 0, "of": 1},
        "live portals": {"as_meant": 0, "of": 1},
    }
    assert (notice["as_meant"], notice["more_broken"], notice["report"]) == (False, 0, "/var/lib/report")
    assert notice["text"].startswith("Meterfarm nightly: A NightlyPortal: regression and drift; 2 broken")


async def test_it_is_posted_and_once_more_if_that_fails() -> None:
    posted: list[Any] = []

    async def receive(request: Request) -> Response:
        posted.append(await request.json())
        return Response(status_code=500 if len(posted) == 1 else 204)

    notice = _notice(BROKEN, ())
    with local_site([Route("/hook", receive, methods=["POST"])]) as site:
        assert await deliver(notice, SecretStr(f"{site.url}/hook?secret")) == ""
    assert posted == [notice, notice]
    closed = await deliver(notice, SecretStr(f"{await asyncio.to_thread(closed_site)}/secret"))
    assert closed.startswith("It cannot be reached (")
    assert "secret" not in closed
