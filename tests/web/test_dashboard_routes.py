"""Over all routes of the dashboard: whose form is taken, what another company finds, what a reader changes.

The routes are those of the app: one whose address names something new fails here until it is known by what.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
from fastapi.routing import APIRoute

from meterfarm.farm.settings import FarmSettings
from meterfarm.services.api_keys import create_key
from meterfarm.services.companies import add_company, company_store
from meterfarm.services.troubles import post_trouble
from meterfarm.storage.customers import Role
from meterfarm.web.dashboard.app import ROUTERS
from tests.api.one_of_everything import Filled, filled
from tests.api.server import served
from tests.hook import listening_hook
from tests.services.printed import printed
from tests.storage.company_rows import rows_of
from tests.storage.made import UTILITY
from tests.web.colleague import Colleague

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
READS = [route for route in ROUTES if "GET" in (route.methods or ())]
CHANGES = [route for route in ROUTES if not {"GET", "HEAD"} & (route.methods or set())]
OPEN = {"/sign_in", "/code", "/forgot", "/password", "/sign_up"}
"""Posted by somebody who is not signed in yet."""
FILES = {"/{side}/uploads", "/{side}/settings/logo"}
OWN_SESSION = "/account/sessions/{number}/end"
FOREIGN: Sequence[Mapping[str, str]] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


@dataclass(frozen=True)
class Peopled:
    """A company with one of everything and its people, and the owner of another company."""

    victim: Filled
    owner: Colleague
    reader: Colleague
    stranger: Colleague
    named: Mapping[str, Mapping[str, str]]
    """What an address has in braces, by how the address begins."""

    def at(self, path: str, side: str = "test") -> str:
        """The route's address, by the victim's own."""
        (begins,) = [each for each in self.named if path.startswith(each)] or ("",)
        names = {"side": side, "form": "json", **self.named.get(begins, {})}
        return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], path)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peopled]:
    home = tmp_path_factory.mktemp("routes") / "home"
    settings = FarmSettings(api_burst=0, webhooks_private=True)
    with ExitStack() as stack:
        api, hook = stack.enter_context(served(home, settings)), stack.enter_context(listening_hook())
        victim = filled(api.store, api.client, "victim", 711_111_111, hook.url)
        other = company_store(api.farm, add_company(api.farm, "other").name)
        theirs = stack.enter_context(api.client_of(create_key(other)[1]))
        filled(other, theirs, "other", 722_222_222, hook.url)
        owner = stack.enter_context(Colleague(api, "victim@acme.example", is_operator=True))
        reader = stack.enter_context(Colleague(api, "victim-reader@acme.example", Role.READER))
        stranger = stack.enter_context(Colleague(api, "eve@other.example", company="other"))
        bills, runs = victim.ids["bills"][0], victim.ids["runs"][0]
        session = api.farm.users.sessions(owner.user.id)[0].id
        trouble = post_trouble(api.farm, UTILITY, "It is slow.", "ops")
        named = {
            "/{side}/customers/": {"number": victim.ids["customers"][0], "bill": bills, "run": runs},
            "/customers/": {"number": victim.ids["customers"][0]},
            "/{side}/settings/users/": {"number": str(reader.user.id)},
            "/{side}/settings/keys/": {"number": str(create_key(api.store, "victim")[0].id)},
            "/{side}/settings/webhooks/": {
                "number": victim.ids["webhooks"][0],
                "event": victim.ids["events"][0],
            },
            "/{side}/utilities/troubles/": {"number": str(trouble)},
            "/account/sessions/": {"number": str(session)},
        }
        yield Peopled(victim, owner, reader, stranger, named)


def _names_one(route: APIRoute) -> bool:
    return "{" in route.path.replace("{side}", "")


def _posted(who: Colleague, path: str, token: str, headers: Mapping[str, str]) -> httpx.Response:
    """The form with a token; of a file as browsers send that."""
    if path.endswith(("/uploads", "/logo")):
        file = {"file": printed("of a stranger")}
        return who.browser.post(
            f"/dashboard{path}", params={"csrf": token}, files=file, headers=headers, follow_redirects=False
        )
    data = {"csrf": token}
    return who.browser.post(f"/dashboard{path}", data=data, headers=headers, follow_redirects=False)


@pytest.fixture
def untouched(people: Peopled) -> Iterator[None]:
    """Nothing of the victim is another afterwards."""
    before = rows_of(people.victim.store, people.victim.customer)
    yield
    assert rows_of(people.victim.store, people.victim.customer) == before
    assert people.owner.page("/account").url.path == "/dashboard/account", "and they are signed in still"


@pytest.mark.usefixtures("untouched")
def test_a_form_is_taken_from_a_page_of_ours_alone(people: Peopled) -> None:
    """By whoever may do everything: the token is this session's, and no other site sent it."""
    owner = people.owner
    taken = []
    for route in CHANGES:
        path = people.at(route.path)
        if route.path not in OPEN:
            for token in ("", "0" * 32, people.reader.csrf, people.stranger.csrf):
                if _posted(owner, path, token, {}).status_code != 403:
                    taken.append((route.path, token))
        token = owner.csrf
        for headers in FOREIGN:
            if _posted(owner, path, token, headers).status_code != 403:
                taken.append((route.path, str(headers)))
    assert taken == []
    assert len(CHANGES) > 30


@pytest.mark.usefixtures("untouched")
def test_a_form_without_a_file_is_refused_where_one_is_taken(people: Peopled) -> None:
    for path in FILES:
        assert people.owner.post(people.at(path)).status_code == 415


@pytest.mark.usefixtures("untouched")
def test_another_company_finds_and_changes_nothing(people: Peopled) -> None:
    stranger = people.stranger
    seen: list[tuple[str, object]] = []
    own = stranger.csrf
    for route in ROUTES:
        path = people.at(route.path)
        if route in READS:
            answer = stranger.page(path)
        elif route.path in OPEN or route.path == "/sign_out" or not _names_one(route):
            continue
        else:
            answer = _posted(stranger, path, own, {})
        expected = {404, 422, 403} if "troubles" in path else {404, 422}
        if route.path == OWN_SESSION:
            expected = {303}
        if _names_one(route) and answer.status_code not in expected:
            seen.append((route.path, answer.status_code))
        seen += [(route.path, text) for text in people.victim.texts if text in answer.text]
    assert seen == []
    sent = stranger.send_file(
        "/test/uploads", printed("eve's"), customer=people.named["/customers/"]["number"]
    )
    assert sent.status_code == 404


@pytest.mark.usefixtures("untouched")
def test_the_other_side_has_nothing_of_this_one(people: Peopled) -> None:
    """But for the company's people, who are of both."""
    of_both = ("/{side}/settings/users", "/{side}/utilities/troubles")
    owner, token = people.owner, people.owner.csrf
    seen = []
    for route in ROUTES:
        if "{side}" not in route.path or route.path.startswith(of_both) or not _names_one(route):
            continue
        path = people.at(route.path, "live")
        answer = owner.page(path) if route in READS else _posted(owner, path, token, {})
        if answer.status_code != 404:
            seen.append((route.path, answer.status_code))
    assert seen == []


@pytest.mark.usefixtures("untouched")
def test_a_reader_changes_nothing_and_every_page_holds_browsers(people: Peopled) -> None:
    """Nor is a reader given a link by which others change something."""
    loose = []
    names = ("x-frame-options", "x-content-type-options", "cache-control", "referrer-policy")
    for route in READS:
        answer = people.reader.page(people.at(route.path))
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        policy = answer.headers.get("content-security-policy", "")
        is_held = "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        given = [answer.headers.get(name) for name in names]
        if not is_held or "unsafe" in policy or given != ["DENY", "nosniff", "no-store", "same-origin"]:
            loose.append((route.path, policy, given))
        if "sign_up?key=" in answer.text:
            loose.append((route.path, "has a link", []))
    assert loose == []
    customer = people.at("/{side}/customers/{number}")
    assert "sign_up?key=" in people.owner.page(customer).text
    for route in CHANGES:
        if route.path in OPEN or route.path == "/sign_out" or route.path.startswith("/account"):
            continue
        assert _posted(people.reader, people.at(route.path), people.reader.csrf, {}).status_code == 403
