"""A portal that is one page after the other, and the utility that knows some of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import Sign
from tests.scrapers.neutral import Neutral

Endpoint = Callable[[Request], Awaitable[Response]]
BILLS = Sign("bills", heading="Your bills")
CODE = Sign("code", path="^/code$")


class Village(Neutral):
    """Has pages of its own."""

    name: ClassVar[str] = "Village Light"
    settle_seconds: ClassVar[float] = 0.3
    signs: ClassVar[Sequence[Sign]] = (
        Sign(Outcome.ACCOUNT_LOCKED, text="Your account has been locked."),
        Sign(Outcome.MAINTENANCE, heading="Back soon"),
    )


class TwoHosts(Village):
    """Signs in on another host than it is at."""

    hosts: ClassVar[Sequence[str]] = ("localhost",)


LATE = "<script>setTimeout(() => document.body.innerHTML = '<h1>Your bills</h1>', 100)</script>"
LOCKED = "<p>Your account <b>has been\n locked.</b></p>"
KEEP = "<h1>Your bills</h1><script>localStorage.kept = 'kept long'; sessionStorage.kept = 'kept now'</script>"
SHOW = (
    "<h1>Your bills</h1><p id=kept></p><script>kept.textContent = "
    "[localStorage.kept, sessionStorage.kept, document.cookie].join(' / ')</script>"
)
BUTTONS = {
    "named": "<button>Pay now</button>",
    "nested": "<button><span>Enroll in <b>AutoPay</b></span></button>",
    "input": "<input type=submit value='Pay now'>",
    "labelled": "<button aria-label='Pay now'><svg width=9 height=9></svg></button>",
}


def pages(foreign: str) -> list[BaseRoute]:
    """The portal's addresses; some lead, or reach, to ``foreign``."""
    plain = {
        "/bills": "<h1>Your\n bills</h1>",
        "/shouted": "<h1 style='text-transform: uppercase'>Your bills</h1>",
        "/late": LATE,
        "/locked": LOCKED,
        "/soon": "<h1>Back soon</h1>",
        "/code": "<p>Enter it",
        "/unknown": "<title>Hm</title><h1>A survey</h1>",
        "/keep": KEEP,
        "/show": SHOW,
        "/sub": f"<h1>Your bills</h1><img src={foreign}/img><script src={foreign}/js></script>"
        f"<iframe src={foreign}/frame></iframe><script>fetch('{foreign}/fetch').catch(() => 0)</script>",
        "/hop": f"<script>location = '{foreign}/hop'</script>",
        "/moving": "<script>setTimeout(() => location = '/bills', 0)</script>",
        "/form": "<form action=/bills><input name=q><button>Continue</button></form>",
        "/refreshes-to-503": "<meta http-equiv=refresh content='0; url=/to-503'>",
        "/scripted-to-503": "<script>location = '/to-503'</script>",
        "/posts-to-503": "<form action=/status/503 method=post></form>"
        "<script>document.forms[0].submit()</script>",
        "/form-to-503": "<form action=/refreshes-to-503><button>Continue</button></form>",
        "/renames": "<title>Hm</title><p>x<script>history.replaceState({}, '', '/status/500')</script>",
        "/downloads": "<form action=/file><button>Continue</button></form><a href=/file>Bill</a>",
        "/boxes": "<input maxlength=1>" * 6,
        "/dead": "<button type=button>Continue</button>",
    } | {
        f"/pay/{kind}": f"<form action=/paid method=post>{button}</form>" for kind, button in BUTTONS.items()
    }
    return [
        *(Route(path, _showing(body)) for path, body in plain.items()),
        Route("/status/{status}", _status, methods=["GET", "POST"]),
        Route("/to-503", _away("/status/503")),
        Route("/away", _away(foreign)),
        Route("/near-then-away", _away("/away")),
        Route("/cookie", _cookie),
        Route("/file", _file),
        Route("/nothing", _nothing),
        Route("/paid", _showing("<h1>Thank you for your payment</h1>"), methods=["POST"]),
    ]


def _showing(body: str) -> Endpoint:
    async def page(_: Request) -> Response:
        return HTMLResponse(f"<!doctype html>{body}")

    return page


def _away(where: str) -> Endpoint:
    async def away(_: Request) -> Response:
        return RedirectResponse(where if where.startswith("/") else f"{where}/away")

    return away


async def _status(request: Request) -> Response:
    return HTMLResponse("<h1>No</h1>", int(request.path_params["status"]), {"retry-after": "9"})


async def _file(_: Request) -> Response:
    return Response(b"%PDF-1.7", headers={"content-disposition": "attachment; filename=bill.pdf"})


async def _nothing(_: Request) -> Response:
    return Response(status_code=204)


async def _cookie(_: Request) -> Response:
    response = HTMLResponse("<!doctype html><h1>Your bills</h1>")
    response.set_cookie("device", "well-known", max_age=3600)
    return response
