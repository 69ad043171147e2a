"""Who gets into the dashboard, as whom, and what they may change there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import count

import httpx
import pyotp
import pytest
from fastapi.routing import APIRoute

from meterfarm.services.companies import add_company
from meterfarm.services.users import add_user, forgot_password
from meterfarm.storage.customers import MOST_TRIES, Role
from meterfarm.web.dashboard.app import ROUTERS
from tests import asking
from tests.api.server import ApiServer
from tests.web.colleague import PASSWORD, Colleague

_numbers = count(1)
_POSTS = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "POST" in (route.methods or ())
]
_OPEN = {"/sign_in", "/code", "/forgot", "/password", "/sign_up"}
"""Posted by somebody who is not signed in yet."""
_OWN = {"/sign_out"}
"""Everybody's own, as all that is below ``/account``."""


def email() -> str:
    return f"user{next(_numbers)}@acme.example"


@pytest.fixture(scope="module")
def reader(api: ApiServer) -> Iterator[Colleague]:
    with Colleague(api, email(), Role.READER) as colleague:
        yield colleague


@pytest.fixture
def owner(api: ApiServer) -> Iterator[Colleague]:
    with Colleague(api, email()) as colleague:
        yield colleague


@pytest.fixture
def stranger(api: ApiServer) -> Iterator[httpx.Client]:
    with asking.client(base_url=api.url, timeout=30) as client:
        yield client


def turn_on_factor(colleague: Colleague) -> tuple[str, list[str]]:
    """The secret, and the codes for who loses it."""
    secret = re.findall(r'class="secret">([A-Z2-7]+)<', colleague.page("/account/factor").text)[0]
    answer = colleague.post("/account/factor", secret=secret, code=pyotp.TOTP(secret).now())
    return secret, re.findall(r"<code>([a-z0-9-]+)</code>", answer.text)


def test_whoever_is_not_signed_in_gets_to_the_page_they_asked_for_once_they_are(
    api: ApiServer, stranger: httpx.Client
) -> None:
    wanted = "/dashboard/test/settings/users?x=1"
    sent = stranger.get(wanted)
    assert sent.status_code == 303
    assert (
        sent.headers["location"] == "/dashboard/sign_in?next=%2Fdashboard%2Ftest%2Fsettings%2Fusers%3Fx%3D1"
    )
    with Colleague(api, email()) as colleague:
        assert str(colleague.sign_in(next=wanted).url) == f"{api.url}{wanted}"
        for elsewhere in (
            "https://evil.example/",
            "//evil.example/",
            "/dashboard/\\evil.example",
            "/api/v2/x",
        ):
            assert "evil" not in str(colleague.sign_in(next=elsewhere).url)


def test_a_wrong_password_and_an_unknown_address_look_alike(owner: Colleague, stranger: httpx.Client) -> None:
    answers = [
        stranger.post("/dashboard/sign_in", data={"email": address, "password": "wrong password"})
        for address in (owner.user.email, email())
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].text.replace(owner.user.email, "") == re.sub(
        r"user\d+@acme.example", "", answers[1].text
    )
    assert "set-cookie" not in answers[0].headers


def test_tries_at_a_password_are_counted(api: ApiServer, stranger: httpx.Client) -> None:
    address = email()
    add_user(api.farm, api.farm.companies.find("default"), address, Role.OWNER)
    statuses = [
        stranger.post("/dashboard/sign_in", data={"email": address, "password": "wrong"}).status_code
        for _ in range(11)
    ]
    assert statuses == [422] * 10 + [429]


def test_a_cookie_that_somebody_planted_opens_nothing_after_signing_in(api: ApiServer) -> None:
    """A session's number is new with each signing in, and known to no page or script."""
    with Colleague(api, email()) as colleague:
        first = colleague.browser.cookies["meterfarm"]
        answer = colleague.browser.post(
            "/dashboard/sign_in",
            data={"email": colleague.user.email, "password": PASSWORD},
            follow_redirects=False,
        )
        assert colleague.browser.cookies["meterfarm"] != first
        flags = answer.headers["set-cookie"].casefold()
        assert "httponly" in flags
        assert "samesite=lax" in flags
        assert "path=/dashboard" in flags


def test_the_second_factor_is_asked_for_and_good_once(api: ApiServer) -> None:
    with Colleague(api, email()) as colleague:
        secret, codes = turn_on_factor(colleague)
        assert len(codes) == len(set(codes)) == 8
        colleague.browser.cookies.clear()
        assert colleague.sign_in().url.path == "/dashboard/code"
        assert colleague.page("/account").url.path == "/dashboard/sign_in"  # the password alone opens nothing
        used = pyotp.TOTP(secret).at(int(time.time()))
        assert (
            colleague.browser.post("/dashboard/code", data={"code": used}).status_code == 422
        )  # it proved the app
        fresh = pyotp.TOTP(secret).at(int(time.time()) + 30)
        assert (
            colleague.browser.post("/dashboard/code", data={"code": fresh}).url.path
            == "/dashboard/test/customers"
        )
        assert colleague.page("/account").status_code == 200
        colleague.browser.cookies.clear()
        colleague.sign_in()
        assert colleague.browser.post("/dashboard/code", data={"code": fresh}).status_code == 422
        spoken = codes[0].upper().replace("-", " ")
        assert (
            colleague.browser.post("/dashboard/code", data={"code": spoken}).url.path
            == "/dashboard/test/customers"
        )
        colleague.browser.cookies.clear()
        colleague.sign_in()
        answers = [
            colleague.browser.post("/dashboard/code", data={"code": codes[0]}) for _ in range(MOST_TRIES)
        ]
        assert "Sign in again" in answers[-1].text
        assert [answer.status_code for answer in answers] == [422] * MOST_TRIES
        colleague.sign_in()
        colleague.browser.post("/dashboard/code", data={"code": codes[1]})
        assert "not your present" in colleague.post("/account/factor/remove", before="something else").text
        colleague.post("/account/factor/remove", before=PASSWORD)
        colleague.browser.cookies.clear()
        assert colleague.sign_in().url.path == "/dashboard/test/customers"


def test_a_new_password_signs_every_browser_out(api: ApiServer) -> None:
    with Colleague(api, email()) as colleague, asking.client(base_url=api.url, timeout=30) as other:
        other.post("/dashboard/sign_in", data={"email": colleague.user.email, "password": PASSWORD})
        assert other.get("/dashboard/account").status_code == 200
        for password, reason in (
            ("short", "fewer than"),
            ("aaaaaaaaaaaa", "too easy"),
            (colleague.user.email, "too easy"),
        ):
            assert reason in colleague.post("/account/password", before=PASSWORD, password=password).text
        assert (
            "not your present"
            in colleague.post("/account/password", before="no", password="a good long one").text
        )
        colleague.post("/account/password", before=PASSWORD, password="another long phrase")
        assert other.get("/dashboard/account").status_code == 303
        assert colleague.sign_in().status_code == 422
        assert colleague.sign_in("another long phrase").url.path == "/dashboard/test/customers"


def test_a_browser_is_signed_out_from_another(api: ApiServer) -> None:
    with Colleague(api, email()) as colleague, asking.client(base_url=api.url, timeout=30) as other:
        other.post(
            "/dashboard/sign_in",
            data={"email": colleague.user.email, "password": PASSWORD},
            headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Gecko Firefox/130.0"},
        )
        page = colleague.page("/account").text
        assert "Firefox on Windows" in page
        assert len(re.findall(r"/account/sessions/\d+/end", page)) == 1
        colleague.post(re.findall(r"/account/sessions/\d+/end", page)[0])
        assert other.get("/dashboard/account").status_code == 303
        colleague.post("/sign_out")
        assert colleague.page("/account").url.path == "/dashboard/sign_in"


def test_a_mailed_link_is_good_once(api: ApiServer, owner: Colleague, stranger: httpx.Client) -> None:
    found = forgot_password(api.farm, f" {owner.user.email.upper()} ")
    assert found is not None
    page = stranger.get("/dashboard/password", params={"link": found[1]})
    assert owner.user.email in page.text
    fields = {"link": found[1], "password": "a phrase of some words"}
    assert stranger.post("/dashboard/password", data=fields).status_code == 303
    assert stranger.post("/dashboard/password", data=fields).status_code == 404
    assert stranger.get("/dashboard/password", params={"link": found[1]}).status_code == 404
    assert owner.sign_in("a phrase of some words").status_code == 200


def test_without_a_mail_server_nothing_is_begun_that_a_mail_must_end(
    api: ApiServer, owner: Colleague, stranger: httpx.Client
) -> None:
    """Nor is it shown which addresses have a user."""
    answers = [
        stranger.post("/dashboard/forgot", data={"email": each}) for each in (owner.user.email, email())
    ]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].text == answers[1].text
    wanted = email()
    assert owner.post("/test/settings/users", email=wanted, role="member").status_code == 503
    assert api.farm.users.of_email(wanted) is None


def test_a_form_of_another_page_is_not_taken(owner: Colleague) -> None:
    path, fields = "/dashboard/account/password", {"before": PASSWORD, "password": "a phrase of some words"}
    without = owner.browser.post(path, data=fields)
    wrong = owner.browser.post(path, data={**fields, "csrf": "0" * 32})
    foreign = owner.browser.post(
        path, data={**fields, "csrf": owner.csrf}, headers={"Origin": "https://evil.example"}
    )
    assert [answer.status_code for answer in (without, wrong, foreign)] == [403, 403, 403]
    assert owner.sign_in().status_code == 200


def _filled(path: str) -> str:
    return re.sub(r"\{[a-z_]+\}", "1", path.replace("{side}", "test"))


@pytest.mark.parametrize("route", _POSTS, ids=lambda route: route.path)
def test_no_form_is_taken_from_whoever_may_not_change_it(
    api: ApiServer, reader: Colleague, route: APIRoute
) -> None:
    """Each route that changes something has a role; a reader's forms are refused by all but their own."""
    if route.path in _OPEN:
        return
    least = [getattr(each.call, "least", None) for each in route.dependant.dependencies]
    assert any(least), f"{route.path} has no role"
    with asking.client(base_url=api.url, timeout=30) as nobody:
        answer = nobody.post(f"/dashboard{_filled(route.path)}", data={})
        assert answer.headers["location"] == "/dashboard/sign_in"
    if route.path in _OWN or route.path.startswith("/account"):
        return
    answer = reader.post(_filled(route.path))
    assert answer.status_code == 403
    assert "You may not change this" in answer.text


def test_the_last_owner_stays(api: ApiServer) -> None:
    company = add_company(api.farm, "Alone Ltd")
    with Colleague(api, email(), company=company.name) as owner:
        person, _ = add_user(api.farm, company, email(), Role.OWNER)  # invited only
        answer = owner.post(f"/test/settings/users/{owner.user.id}/role", role="read-only")
        assert "is the only owner" in answer.text
        assert owner.post(f"/test/settings/users/{owner.user.id}/remove").status_code == 422
        assert owner.post(f"/test/settings/users/{person.id}/role", role="king").status_code == 422
        owner.post(f"/test/settings/users/{person.id}/role", role="member")
        assert owner.post(f"/test/settings/users/{person.id}/remove").status_code == 200
        assert [user.email for user in api.farm.users.list(company.id)] == [owner.user.email]


def test_users_of_another_company_are_not_there(api: ApiServer, owner: Colleague) -> None:
    other, _ = add_user(api.farm, add_company(api.farm, "Elsewhere Ltd"), email(), Role.MEMBER)
    for act, fields in (("role", {"role": "owner"}), ("remove", {}), ("invite", {})):
        answer = owner.post(f"/test/settings/users/{other.id}/{act}", **fields)
        assert "There is no user" in answer.text
    assert other.email not in owner.page("/test/settings/users").text
    assert [user.role for user in api.farm.users.list(other.company_id)] == [Role.MEMBER]


def test_pages_that_are_not_there_say_so(owner: Colleague) -> None:
    for path in ("/nothing", "/nowhere/settings/users", "/test/settings/users/x/role"):
        answer = owner.page(path)
        assert answer.status_code in (404, 405)
        assert "<h1>" in answer.text
