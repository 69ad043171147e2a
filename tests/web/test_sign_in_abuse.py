"""What whoever means harm tries at signing in: to guess longer, to lock others out, to learn who is there."""

from __future__ import annotations

import asyncio
import re
import threading
from itertools import count
from pathlib import Path

import httpx
import pyotp
import pytest
from starlette.requests import Request

from meterfarm.farm.settings import FarmSettings
from meterfarm.services.companies import add_company
from meterfarm.services.errors import InvalidRequest, NotFound
from meterfarm.services.users import (
    add_user,
    change_role,
    choose_password,
    forgot_password,
    remove_user,
    sign_in,
)
from meterfarm.storage.customers import Role
from meterfarm.web.context import WebContext
from meterfarm.web.dashboard.access import in_turn
from meterfarm.web.limits import place_of
from tests import asking
from tests.api.server import ApiServer, served
from tests.web.colleague import PASSWORD, Colleague

_numbers = count(1)


def email() -> str:
    return f"abused{next(_numbers)}@acme.example"


def test_an_address_is_counted_as_one_however_it_is_written(api: ApiServer) -> None:
    """What nobody sees at its ends leads to the same user, and so to the same count."""
    with Colleague(api, email()) as ada, asking.client(base_url=api.url, timeout=30) as eve:
        unseen = "\u200b"
        spellings = [f"{unseen * number}{ada.user.email.upper()} " for number in range(10)]
        statuses = [
            eve.post("/dashboard/sign_in", data={"email": each, "password": "wrong"}).status_code
            for each in spellings
        ]
        assert statuses == [422] * 9 + [429], "the first try was Ada's own"


def test_nobody_is_locked_out_by_an_address_that_is_none(api: ApiServer) -> None:
    with Colleague(api, email()) as ada, asking.client(base_url=api.url, timeout=30) as eve:
        for name in ("code of", "account", "user"):
            for _ in range(4):
                fields = {"email": f"{name} {ada.user.id}", "password": "wrong"}
                assert eve.post("/dashboard/sign_in", data=fields).status_code in (422, 429)
        answer = ada.post("/account/password", before="wrong", password="a phrase of some words")
        assert answer.status_code == 422


@pytest.mark.parametrize("address", ["a\0b@acme.example", "\0", "ada@" + "ü" * 1_000, "x" * 9_000])
def test_an_address_that_cannot_be_is_unknown(api: ApiServer, address: str) -> None:
    with asking.client(base_url=api.url, timeout=30) as eve:
        fields = {"email": address, "password": "x" * 3_000}
        assert eve.post("/dashboard/sign_in", data=fields).status_code == 422


def test_a_present_second_factor_is_not_replaced_by_whoever_has_the_browser(api: ApiServer) -> None:
    with Colleague(api, email()) as ada:
        for secret in ("1" * 32, "A" * 5_000, "", "a" * 32):
            assert ada.post("/account/factor", secret=secret, code="123456").status_code == 422
        secret = re.findall(r'class="secret">([A-Z2-7]+)<', ada.page("/account/factor").text)[0]
        ada.post("/account/factor", secret=secret, code=pyotp.TOTP(secret).now())
        theirs = pyotp.random_base32()
        again = ada.post("/account/factor", secret=theirs, code=pyotp.TOTP(theirs).now())
        assert again.status_code == 422
        assert "turn it off first" in again.text
        assert ada.page("/account/factor").url.path == "/dashboard/account"
        assert api.farm.users.totp_secret(ada.user.id) == secret


def test_a_password_may_have_letters_of_a_short_name_and_is_the_same_on_every_keyboard(
    api: ApiServer,
) -> None:
    company = api.farm.companies.find("default")
    user, link = add_user(api.farm, company, "e@acme.example", Role.MEMBER)
    for easy in ("e@acme.example", "acme acme acme", "eeeeeeeeexample"):
        with pytest.raises(InvalidRequest, match="too easy"):
            choose_password(api.farm, link, easy)
    choose_password(api.farm, link, "cr\u00e8me br\u00fbl\u00e9e")
    assert sign_in(api.farm, user.email, "cre\u0300me bru\u0302le\u0301e") is not None
    assert sign_in(api.farm, user.email, "creme brulee") is None


def test_codes_are_counted_by_user(api: ApiServer) -> None:
    """Over as many signings in as there are: so few that nobody guesses one."""
    with Colleague(api, email()) as ada:
        secret = re.findall(r'class="secret">([A-Z2-7]+)<', ada.page("/account/factor").text)[0]
        ada.post("/account/factor", secret=secret, code=pyotp.TOTP(secret).now())
        statuses = []
        for _ in range(3):
            ada.browser.cookies.clear()
            ada.sign_in()
            for _ in range(4):
                answer = ada.browser.post("/dashboard/code", data={"code": "letters"})
                statuses.append(answer.status_code)
        assert statuses == [422] * 10 + [429] * 2


def test_a_link_is_good_once_and_ends_with_its_user(api: ApiServer) -> None:
    company = api.farm.companies.find("default")
    user, link = add_user(api.farm, company, email(), Role.MEMBER)
    assert link not in str(api.farm.users.list())
    assert api.farm.users.set_password(user.id, "one hash", link)
    assert not api.farm.users.set_password(user.id, "another's", link), "who was slower by a moment"
    assert api.farm.users.password_hash(user.id) == "one hash"
    first, second = (forgot_password(api.farm, user.email) for _ in range(2))
    assert first is not None
    assert second is not None
    with pytest.raises(NotFound):
        choose_password(api.farm, first[1], "a phrase of some words")
    remove_user(api.farm, company, user.id)
    with pytest.raises(NotFound):
        choose_password(api.farm, second[1], "a phrase of some words")
    assert not api.farm.users.set_password(user.id, "too late")


def test_another_role_and_a_removal_count_at_once_in_an_open_browser(api: ApiServer) -> None:
    company = api.farm.companies.find("default")
    with Colleague(api, email()) as ada, Colleague(api, email()):
        change_role(api.farm, company, ada.user.id, Role.READER)
        assert ada.post("/test/settings/keys", name="mine").status_code == 403
        remove_user(api.farm, company, ada.user.id)
        assert ada.page("/test/customers").url.path == "/dashboard/sign_in"


def test_with_https_the_cookie_is_of_this_host_alone(tmp_path: Path) -> None:
    settings = FarmSettings(public_url="https://farm.example")
    with served(tmp_path / "home", settings) as api:
        user, link = add_user(api.farm, add_company(api.farm, "acme"), email(), Role.OWNER)
        choose_password(api.farm, link, PASSWORD)
        with asking.client(base_url=api.url, timeout=30) as browser:
            answer = browser.post("/dashboard/sign_in", data={"email": user.email, "password": PASSWORD})
    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-meterfarm=")
    wanted = {"httponly", "max-age=2592000", "path=/", "samesite=lax", "secure"}
    assert {flag.casefold() for flag in flags} == wanted


@pytest.mark.parametrize(
    ("client", "place"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_of_ipv6_the_network_is_counted_as_anybody_has_billions_of_addresses(client: str, place: str) -> None:
    scope: dict[str, object] = {"type": "http", "client": (client, 1) if client else None, "headers": []}
    assert place_of(Request(scope)) == place


async def test_few_passwords_are_hashed_at_once_and_others_take_no_thread(api: ApiServer) -> None:
    web = WebContext(api.farm, api.url)
    four, lock, at_once, most = threading.Barrier(4), threading.Lock(), 0, 0

    def hashes() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        four.wait(20)
        with lock:
            at_once -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(in_turn(web, hashes))
    assert most == 4


def test_pages_for_strangers_take_no_broken_origin(api: ApiServer) -> None:
    with httpx.Client(base_url=api.url) as eve:
        fields = {"email": email(), "password": "wrong"}
        answer = eve.post("/dashboard/sign_in", data=fields, headers={"Origin": "http://["})
    assert answer.status_code == 403
