"""The dashboard's pages: what their frame shows, and pages that say why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.responses import HTMLResponse

from meterfarm.storage.customers import Role
from meterfarm.support.instants import shown
from meterfarm.web.dashboard.access import CSRF, HOME, SIDES, Visitor
from meterfarm.web.dashboard.words import date_of, moment
from meterfarm.web.pages import page

DONE = {
    "created": "The customer is created. Copy the onboarding link and send it to them.",
    "queued": "A run is queued. What it brings is shown here as soon as it is there.",
    "answered": "The answer is on its way to the portal.",
    "unlocked": "The bill is unlocked.",
    "stopped": "The customer is removed: nothing is fetched any more.",
    "erased": "The customer's data is erased.",
    "invited": "The invitation is on its way.",
    "role": "The role is changed.",
    "removed": "The user is removed.",
    "password": "Your password is changed. Other browsers are signed out.",
    "factor": "The second factor is on.",
    "no_factor": "The second factor is off.",
    "trouble": "The trouble is announced.",
    "trouble_over": "The trouble is over.",
    "saved": "Your changes are saved.",
    "revoked": "The key is revoked. It opens nothing any more.",
    "endpoint_removed": "The endpoint is removed.",
    "turned_on": "The endpoint is on. What waited for it is delivered now.",
    "turned_off": "The endpoint is off. Events wait for it.",
    "resent": "It is delivered once more.",
    "nothing_resent": "There is nothing to deliver once more.",
    "signed_out": "That browser is signed out.",
}
"""What was done, by what is in the address afterwards: to load it again does nothing twice."""


@dataclass(frozen=True, slots=True)
class NavigationTab:
    """A page of the navigation, and whether it is the one that is shown."""

    name: str
    path: str
    is_here: bool


TABS = (
    ("Customers", "customers"),
    ("Uploads", "uploads"),
    ("Utilities", "utilities"),
    ("Settings", "settings"),
)


def shown_page(
    request: Request,
    asking: Visitor,
    name: str,
    values: Mapping[str, Any],
    status: int = 200,
) -> HTMLResponse:
    """A page within the frame of the dashboard: ``templates/dashboard/<name>.html``."""
    at = request.url.path
    tabs = [
        NavigationTab(words, f"{asking.path}/{path}", at.startswith(f"{asking.path}/{path}"))
        for words, path in TABS
    ]
    below = at.removeprefix(asking.path) if at.startswith(asking.path) else "/customers"
    sides = [
        NavigationTab(side.capitalize(), f"{HOME}/{side}{_of_both(below)}", side == asking.side)
        for side in SIDES
    ]
    frame = {
        "company": asking.company.name,
        "user": asking.user,
        "side": asking.side,
        "path": asking.path,
        "tabs": tabs,
        "sides": sides,
        "hidden": {"name": CSRF, "value": asking.csrf},
        "may_change": asking.may(Role.MEMBER),
        "may_own": asking.may(Role.OWNER),
        "done": DONE.get(request.query_params.get("done", ""), ""),
        "shown": shown,
        "moment": moment,
        "date_of": date_of,
    }
    return page(f"dashboard/{name}.html", {**frame, **values}, status)


def plain_page(name: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page for somebody who is not signed in."""
    return page(f"dashboard/{name}.html", dict(values), status)


def refusal_page(status: int, title: str, words: str) -> HTMLResponse:
    """Why a page is not shown."""
    return plain_page("refused", {"title": title, "words": words, "home": HOME}, status)


def _of_both(below: str) -> str:
    """What the other side has, too: of a page of one customer the list."""
    first = below.strip("/").partition("/")[0]
    return f"/{first}" if first else ""
