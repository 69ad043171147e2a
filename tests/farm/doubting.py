"""A portal with Speculoos Power's sign-in page that answers in place and counts the passwords it was sent."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.local_site import local_site

WRONG = "The e-mail address or password you entered is incorrect."
_PAGE = """<!doctype html><title>Sign in</title><h1>Sign in to your account</h1><form method=post>
<label>E-mail address <input type=email name=email></label>
<label>Password <input type=password name=password></label>
<label><input type=checkbox name=keep> Keep me signed in</label><button>Sign in</button></form>
<p role=alert></p><script>
const form = document.forms[0];
form.onsubmit = async event => {
  event.preventDefault();
  const answer = await fetch('/login', {method: 'POST', body: new FormData(form)});
  document.querySelector('[role=alert]').textContent = (await answer.json()).alert;
};
</script>"""


@dataclass
class Doubting:
    """``sent`` counts passwords by user name. Who is called ``hangs@`` gets no answer, ``fails@`` a 503,
    anybody else is told in place that the password is wrong."""

    url: str = ""
    sent: Counter[str] = field(default_factory=Counter)
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def doubting_portal() -> Iterator[Doubting]:
    portal = Doubting()

    async def show(_: Request) -> Response:
        return HTMLResponse(_PAGE)

    async def login(request: Request) -> Response:
        username = str((await request.form())["email"])
        portal.sent[username] += 1
        if username.startswith("hangs"):
            await anyio.to_thread.run_sync(portal.closing.wait)
        if username.startswith("fails"):
            return JSONResponse({"alert": "Something went wrong."}, 503)
        return JSONResponse({"alert": WRONG}, 401)

    with local_site([Route("/login", show), Route("/login", login, methods=["POST"])]) as site:
        portal.url = site.url
        try:
            yield portal
        finally:
            portal.closing.set()
