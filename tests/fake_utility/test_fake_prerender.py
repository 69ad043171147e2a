"""With `--prerender` what was made once is kept, and nobody can tell from the answers."""

import re
from functools import partial

import httpx

from meterfarm.fake_utility.kit.kept import Kept
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from tests.fake_utility.visitor import House, Visitor, where

VALID = "iamvalid@bayou.energy"
ACCOUNT = CUSTOMERS[VALID].accounts[0]
MIB = 2**20
YEAR = "from=2025-10-24&to=2026-11-20&format=xml"


def made(size: int, log: list[int]) -> bytes:
    log.append(size)
    return bytes(size)


def test_what_nobody_asked_for_the_longest_is_dropped_first() -> None:
    kept, log = Kept(100), list[int]()
    for size in (40, 50, 40, 10, 30, 40, 50):
        assert len(kept.get(size, partial(made, size, log))) == size
    assert log == [40, 50, 10, 30, 50]
    assert len(kept) == 2


def test_an_answer_too_large_to_keep_is_given_all_the_same() -> None:
    kept = Kept(100)
    assert kept.get("large", lambda: bytes(101)) == bytes(101)
    assert len(kept) == 0


async def answers(visitor: Visitor) -> list[tuple[int, str, bytes]]:
    """What a visitor is told at every page and at two documents, but for the form's token."""
    account = await visitor.account(VALID)
    pages = [
        "/login",
        "/accounts",
        account,
        f"{account}/bills",
        f"{account}/bills?page=3",
        f"{account}/usage",
    ]
    listing = (await visitor.get(f"{account}/bills")).text
    pages.append(listing.partition(".pdf")[0].rpartition('"')[2] + ".pdf")
    pages += [f"{account}/usage/export?meter={meter.id}&{YEAR}" for meter in ACCOUNT.meters]
    pages += [f"{account}/usage/export?meter=E1&{YEAR}", f"{account}/bills?page=4"]
    told = []
    for path in pages:
        page = await visitor.get(path)
        token = visitor.client.cookies["__Host-csrf"].encode()
        told.append((page.status_code, path, page.content.replace(token, b"TOKEN")))
    return told


async def test_kept_answers_are_the_same_as_new_ones(visitor: Visitor) -> None:
    fresh = await answers(visitor)
    house = House(prerender=64 * MIB)
    for _ in range(2):
        async with house.visitor() as guest:
            assert await answers(guest) == fresh


async def test_a_kept_page_has_each_browsers_own_token() -> None:
    house = House(prerender=MIB)
    tokens = set()
    for _ in range(2):
        async with house.visitor() as visitor:
            account = await visitor.account(VALID)
            page = await visitor.get(account)
            (token,) = set(re.findall(r'name="csrf_token" value="(.+?)"', page.text))
            assert token == visitor.client.cookies["__Host-csrf"]
            tokens.add(token)
            assert where(await visitor.post("/logout")) == (303, "/login?signed_out=1")
            assert "You have signed out." in (await visitor.get("/login?signed_out=1")).text
    assert len(tokens) == 2


async def test_a_forged_token_is_not_written_into_a_kept_page_as_it_is() -> None:
    async with House(prerender=MIB).visitor() as visitor:
        page = await visitor.client.get("/login", headers={"Cookie": '__Host-csrf="><b>x'})
    assert "<b>x" not in page.text


async def test_a_kept_page_is_of_its_day() -> None:
    house = House(prerender=MIB)
    async with house.visitor() as visitor:
        account = await visitor.account(VALID, keep=True)
        assert 'max="2026-11-20"' in (await visitor.get(f"{account}/usage")).text
        house.move(days=1)
        assert 'max="2026-11-21"' in (await visitor.get(f"{account}/usage")).text


async def prerendered(visitor: Visitor, username: str) -> httpx.Response:
    return await visitor.client.post("/prerender", params={"username": username})


async def test_all_of_a_customers_documents_can_be_made_beforehand() -> None:
    house = House(prerender=64 * MIB)
    async with house.visitor() as visitor:
        assert (await prerendered(visitor, VALID)).status_code == 204
        assert house.portal.counters.as_json()["requests"] == 0
        assert house.portal.counters.usernames == []
        assert len(house.portal.kept) == 24 + 2
        account = await visitor.account(VALID)
        pages = [(await visitor.get(f"{account}/bills?page={number}")).text for number in (1, 2, 3)]
        before = len(house.portal.kept)
        paths = [path for page in pages for path in re.findall(r'href="(\S+\.pdf)"', page)]
        paths += [f"{account}/usage/export?meter={meter.id}&{YEAR}" for meter in ACCOUNT.meters]
        assert {(await visitor.get(path)).status_code for path in paths} == {200}
        assert len(paths) == 24 + 2
        assert len(house.portal.kept) == before


async def test_customers_with_nothing_to_hand_out_are_prerendered_too() -> None:
    house = House(prerender=64 * MIB)
    async with house.visitor() as visitor:
        for outcome, count in (("no_accounts", 0), ("no_data_yet", 0), ("partial", 23 + 2)):
            before = len(house.portal.kept)
            assert (await prerendered(visitor, f"{outcome}@speculoos.example")).status_code == 204
            assert len(house.portal.kept) - before == count


async def test_prerendering_is_refused_where_it_cannot_be(visitor: Visitor) -> None:
    assert (await prerendered(visitor, VALID)).status_code == 404
    async with House(prerender=MIB).visitor() as guest:
        refused = await prerendered(guest, "nobody@bayou.energy")
    assert (refused.status_code, "'nobody@bayou.energy'" in refused.text) == (404, True)
