"""The page /docs/error-codes: what each code means, who must act and what to do. It asks no other host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import orjson
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from meterfarm.api.errors import ERRORS, PAGE, Actor, ApiError, ErrorKind

router = APIRouter(include_in_schema=False)
Calls = Mapping[str, Iterable[str]]
"""By code the calls that can answer it, as `GET /api/v2/customers`."""

_ACTORS = {
    Actor.DEVELOPER: "Your program: the request has to change.",
    Actor.OPERATOR: "Whoever runs this installation. Your request may stay as it is.",
    Actor.NOBODY: "Nobody. The same request works in a moment.",
}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --line: #d9dee5; --soft: #f4f6f9; --ink: #17202c; --link: #0b57a4;
  --dim: #566270 }
@media (prefers-color-scheme: dark) {
  :root { --line: #303a47; --soft: #171e28; --ink: #e3e8ee; --link: #80b8f2; --dim: #9aa7b6 }
  body { background: #10151c }
}
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif }
a { color: var(--link) }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem }
h2 { font: 600 1.05rem/1.3 ui-monospace, monospace; margin: 0; overflow-wrap: anywhere }
h2 a { color: inherit; text-decoration: none }
h2 a:hover, h2 a:focus { text-decoration: underline }
nav ul { columns: 17rem; padding: 0; margin: 1rem 0; list-style: none;
  font: .85rem/1.8 ui-monospace, monospace }
section { border-top: 1px solid var(--line); padding: 1.4rem 0 }
section:target { box-shadow: -.35rem 0 0 var(--link); padding-left: .8rem }
.kind { color: var(--dim); margin: .2rem 0 .8rem; font-size: .9rem }
dl { margin: 0; display: grid; grid-template-columns: 8.5rem 1fr; gap: .35rem 1rem }
dt { color: var(--dim) } dd { margin: 0 }
code, pre { font: .85rem/1.5 ui-monospace, monospace }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .8rem;
  margin: .9rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .6rem } }
"""


@router.get(PAGE)
def error_codes(request: Request) -> HTMLResponse:
    """The page."""
    calls = calls_by_code(request.app.openapi())
    page = error_page(request.app.state.context.public_url, calls)
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


def calls_by_code(openapi: Mapping[str, object]) -> Calls:
    """Which calls answer which code, by the examples of the OpenAPI's responses."""
    found: dict[str, list[str]] = {}
    paths = openapi.get("paths")
    for path, operations in paths.items() if isinstance(paths, Mapping) else ():
        for method, operation in operations.items():
            for response in operation.get("responses", {}).values():
                for code in response.get("content", {}).get("application/json", {}).get("examples", {}):
                    found.setdefault(code, []).append(f"{method.upper()} {path}")
    return found


def error_page(public_url: str, calls: Calls) -> str:
    """The page as HTML."""
    entries = "".join(f'<li><a href="#{code}">{code}</a></li>' for code in ERRORS)
    sections = "".join(_section(kind, public_url, calls.get(kind.code, ())) for kind in ERRORS.values())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Error codes of the API</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>Error codes</h1>
<p>Every error of the API is a JSON object of four strings: <code>error_type</code>, <code>error_code</code>,
<code>error_message</code> and <code>docs_url</code>, which leads here. Decide by <code>error_code</code>; the
message is for people and may change.</p>
<p>Two headers stand beside it: <code>X-Error-Who-Acts</code> is <code>developer</code>,
<code>operator</code> or <code>nobody</code>, and <code>X-Should-Retry</code> says whether the same request
can succeed later. Where it can, wait as long as <code>Retry-After</code> says, and send a POST again with
the same <code>Idempotency-Key</code>. Name the <code>X-Request-Id</code> of the answer in a report.</p>
<p><a href="/docs">Reference of the API</a></p>
</header>
<nav aria-label="Codes"><ul>{entries}</ul></nav>
<main>{sections}</main>
</body>
</html>
"""


def _section(kind: ErrorKind, public_url: str, calls: Iterable[str]) -> str:
    error = ApiError(kind.code, **kind.sample or {})
    example = orjson.dumps(error.rendered(public_url), option=orjson.OPT_INDENT_2).decode()
    anchors = "".join(f'<span id="{anchor}"></span>' for anchor in kind.other_anchors)
    rows = {
        "Meaning": kind.meaning,
        "Who acts": _ACTORS[kind.actor],
        "What to do": kind.advice,
        "Try again": "Yes, the same request." if kind.retry else "Not the same request.",
    }
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items())
    if calls:
        listed += f"<dt>Calls</dt><dd><code>{escape(', '.join(calls))}</code></dd>"
    return f"""
<section id="{kind.code}">{anchors}
<h2><a href="#{kind.code}">{kind.code}</a></h2>
<p class="kind">HTTP {kind.status}, <code>{kind.type}</code></p>
<dl>{listed}</dl>
<pre>{escape(example, quote=False)}</pre>
</section>"""
