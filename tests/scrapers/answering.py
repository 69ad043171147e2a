"""A portal whose sign-in page answers in place, in as many ways as there are, and counts what reached it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from meterfarm.records import Outcome
from meterfarm.scrapers.outcomes import SIGNED_OUT, Sign
from tests.scrapers.neutral import Neutral

WRONG = "The user name or password is wrong."
FORM = Sign("form", heading="Sign in")
CODE = Sign("code", heading="Enter your code")
INSIDE = Sign("inside", path="^/home$")


class Corner(Neutral):
    """Has pages of its own."""

    name: ClassVar[str] = "Corner Gas"
    settle_seconds: ClassVar[float] = 0.3
    signs: ClassVar[Sequence[Sign]] = (
        Sign(Outcome.BAD_CREDENTIALS, text=WRONG),
        Sign(Outcome.ACCOUNT_LOCKED, text="Your account is locked."),
        Sign(Outcome.MAINTENANCE, heading="Back soon"),
    )


class CornerThatSignsOut(Corner):
    """Knows its sign-in page as what comes when a session has ended."""

    signs: ClassVar[Sequence[Sign]] = (*Corner.signs, Sign(SIGNED_OUT, heading="Sign in"))


@dataclass
class Counter:
    """What reached the portal: the passwords that were posted, in order."""

    posted: list[str] = field(default_factory=list)
    hung: list[asyncio.Event] = field(default_factory=list)


SHOWN: dict[str, str] = {
    "text": "document.querySelector('#error').textContent = text",
    "alert_role": "document.body.insertAdjacentHTML('beforeend', `<p role=alert>${text}</p>`)",
    "dialog": "document.body.insertAdjacentHTML('beforeend', `<dialog><p>${text}</p></dialog>`);"
    " document.querySelector('dialog').showModal()",
    "shadow": "const host = document.body.appendChild(document.createElement('div'));"
    " host.attachShadow({mode: 'open'}).innerHTML = `<p>${text}</p>`",
    "spoken": "alert(text)",
    "toast": "const toast = document.body.appendChild(document.createElement('p')); toast.textContent = text;"
    " setTimeout(() => toast.remove(), 1500)",
    "after_a_while": "setTimeout(() => error.textContent = text, 900)",
    "whole_view": "document.body.innerHTML = `<h1>Sign in</h1><p>${text}</p>`",
    "another_address": "history.pushState({}, '', '/failed'); error.textContent = text",
    "then_elsewhere": "error.textContent = text; setTimeout(() => location = '/again', 700)",
}
"""How the page shows a text that its server answered with."""

TRACKS = {
    "beacon": "navigator.sendBeacon('/tracking', 'pressed')",
    "post": "fetch('/tracking', {method: 'POST', body: 'pressed'})",
    "get": "fetch('/tracked')",
}
"""What a page sends at every press, whatever becomes of the form."""

_PAGE = """<!doctype html><title>Sign in</title><h1>Sign in</h1>
<form action=/session method=post {form}>
  <label>User name <input name=username {username}></label>
  <label>Password <input type=password name=password {password}></label>
  {more}
  <button>Sign in</button>
</form><p id=error></p>
<script>
const form = document.forms[0], error = document.querySelector('#error');
form.action += location.search;
const show = text => {{ {show} }};
const send = () => fetch('/session' + location.search, {{method: 'POST', body: new FormData(form)}});
{script}
</script>"""
_IN_PLACE = """form.onsubmit = async event => {
  event.preventDefault();
  const answer = await send();
  if (answer.ok) { const {text, code, wait} = await answer.json();
    if (code) document.body.innerHTML = '<h1>Enter your code</h1>';
    else if (text) show(text);
    else setTimeout(() => location = '/home', wait); }
  else if (answer.status === 401) show((await answer.json()).text);
};"""


def sign_in_page(
    *,
    show: str = "text",
    form: str = "",
    username: str = "",
    password: str = "",
    more: str = "",
    script: str = _IN_PLACE,
) -> str:
    """The page; by default its script posts the form and shows in place what comes."""
    return _PAGE.format(
        show=SHOWN[show], form=form, username=username, password=password, more=more, script=script
    )


PAGES: dict[str, str] = {
    **{f"/shows/{name}": sign_in_page(show=name) for name in SHOWN},
    "/in-place": sign_in_page(),
    "/in-place-confirmed": sign_in_page(script=_IN_PLACE.replace("'/home'", "'/confirmed'")),
    "/plain": sign_in_page(script=""),
    "/email": sign_in_page(username="type=email"),
    "/email-plain": sign_in_page(username="type=email", script=""),
    "/long": sign_in_page(password="minlength=40"),
    "/pattern": sign_in_page(username="pattern='[0-9]+' title='Your account number'"),
    "/own-rule": sign_in_page(
        script=f"{_IN_PLACE} form.username.setCustomValidity('No account has that name.')"
    ),
    "/own-password-rule": sign_in_page(
        script=f"{_IN_PLACE} form.password.oninput = () =>"
        " form.password.setCustomValidity(`Not like ${form.password.value}!`)"
    ),
    "/checked-by-script": sign_in_page(
        form="novalidate",
        username="type=email",
        script=_IN_PLACE.replace("const answer", "if (!form.reportValidity()) return; const answer"),
    ),
    "/declares-invalid": sign_in_page(
        username="type=email",
        script=f"{_IN_PLACE} form.addEventListener('invalid', event => {{ event.preventDefault();"
        f" show('{WRONG}') }}, true)",
    ),
    **{
        f"/email-and-{name}": sign_in_page(
            username="type=email",
            script=f"{_IN_PLACE} document.querySelector('button').onclick = () => {{ {track} }}",
        )
        for name, track in TRACKS.items()
    },
    "/hidden-required": sign_in_page(more="<input name=token required hidden>"),
    "/hidden-required-sent": sign_in_page(
        more="<input name=token required hidden>", form="novalidate", script=_IN_PLACE
    ),
    "/other-form": sign_in_page(
        script=f"{_IN_PLACE} document.body.insertAdjacentHTML('afterbegin',"
        " '<form><input required name=q></form>')"
    ),
    "/terms": sign_in_page(more="<label><input type=checkbox required> I accept the terms</label>"),
    "/slow-button": sign_in_page(
        script=f"{_IN_PLACE} const button = document.querySelector('button'); button.disabled = true;"
        " setTimeout(() => button.disabled = false, 700)"
    ),
    "/stale": sign_in_page(script=_IN_PLACE + f" form.oninput = () => error.textContent = '{WRONG}'"),
    "/hash": sign_in_page(script=_IN_PLACE.replace("const answer", "location.hash = 'x'; const answer")),
    "/window": sign_in_page(form="target=_blank", script=""),
    "/frame": sign_in_page(form="target=f", more="<iframe name=f></iframe>", script=""),
    "/late-submit": sign_in_page(
        script="form.onsubmit = event => { event.preventDefault(); setTimeout(() => form.submit(), 1200) }"
    ),
    "/beacon": sign_in_page(
        script="form.onsubmit = event => { event.preventDefault();"
        " fetch('/tracked'); setTimeout(async () => { await send(); location = '/home' }, 1200) }"
    ),
    "/crunches": sign_in_page(
        script=_IN_PLACE.replace(
            "const answer", "await new Promise(done => setTimeout(done, 1500)); const answer"
        )
    ),
    "/stale-crunches": sign_in_page(
        script=_IN_PLACE.replace(
            "const answer", "await new Promise(done => setTimeout(done, 1500)); const answer"
        )
        + f" form.oninput = () => error.textContent = '{WRONG}'"
    ),
    "/dead": sign_in_page(script="form.onsubmit = event => event.preventDefault()"),
    "/home": "<!doctype html><h1>Your bills</h1>",
    "/again": "<!doctype html><h1>Sign in</h1>",
    "/survey": "<!doctype html><h1>How do you like us?</h1>",
    "/tracked": "",
    "/confirmed": "<!doctype html><p>Signing you in</p><script type=module src=/late.js></script>",
    "/hop/0": "<!doctype html><form action=/hop/1 method=post></form>"
    "<script>setTimeout(() => document.forms[0].submit(), 5)</script>",
    "/hop/2": "<!doctype html><script>setTimeout(() => location.replace('/home'), 5)</script>",
}
_REDRAWN = f"""<!doctype html><h1>Sign in</h1><p id=error></p>
<script>setTimeout(() => error.textContent = '{WRONG}', 200)</script>"""
_HOP = PAGES["/hop/0"].replace("/hop/1", "/hopped")


def routes(counter: Counter) -> list[BaseRoute]:
    async def page(request: Request) -> Response:
        return HTMLResponse(PAGES[request.url.path])

    async def session(request: Request) -> Response:
        """Answers as the query says: ``status``, ``late`` in seconds, ``hangs``, ``code``, ``wait``..."""
        fields, asked = await request.form(), request.query_params
        counter.posted.append(str(fields.get("password", "")))
        if "hangs" in asked:
            counter.hung.append(asyncio.Event())
            await counter.hung[-1].wait()
        if "late" in asked:
            await asyncio.sleep(float(asked["late"]))
        if "redirects" in asked:
            return RedirectResponse("/survey", 303)
        if "hops" in asked:
            return RedirectResponse("/hop/0", 303)
        wants_json = "text/html" not in request.headers.get("accept", "")
        if "loads" in asked:
            return HTMLResponse(f"<!doctype html><h1>Sign in</h1><p>{WRONG}</p><script src=/never></script>")
        if "redraws" in asked:
            return HTMLResponse(_REDRAWN)
        right = fields.get("password") == "right password"
        body = {"text": "" if right else WRONG, "code": "code" in asked, "wait": int(asked.get("wait", 0))}
        status = int(asked.get("status", 200 if right else 401))
        if status == 204:
            return Response(status_code=204)
        if wants_json:
            return JSONResponse(body, status)
        return HTMLResponse(f"<!doctype html><h1>{'Home' if right else 'Sign in'}</h1>{body['text']}", status)

    async def tracking(_: Request) -> Response:
        return Response(status_code=204)

    async def never(_: Request) -> Response:
        counter.hung.append(asyncio.Event())
        await counter.hung[-1].wait()
        return Response()

    async def late_script(_: Request) -> Response:
        await asyncio.sleep(1.5)  # that it comes later than a page has to settle is what is tried
        return Response("location.replace('/home')", media_type="text/javascript")

    async def hop(_: Request) -> Response:
        return HTMLResponse(_HOP)

    async def hopped(_: Request) -> Response:
        return RedirectResponse("/hop/2", 303)

    return [
        *(Route(path, page) for path in PAGES),
        Route("/session", session, methods=["POST"]),
        Route("/never", never),
        Route("/late.js", late_script),
        Route("/tracking", tracking, methods=["POST"]),
        Route("/hop/1", hop, methods=["POST"]),
        Route("/hopped", hopped, methods=["POST"]),
    ]
