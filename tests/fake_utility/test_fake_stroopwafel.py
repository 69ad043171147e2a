"""Stroopwafel Energy: its identity provider, its tokens, and what its hosts hand out."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import AsyncIterator

import pytest

from meterfarm.fake_utility.stroopwafel_energy import PORTAL
from meterfarm.fake_utility.stroopwafel_energy.numbers import checked, dashed, key, zeroed
from meterfarm.fake_utility.suikerwafel_energy import PORTAL as SISTER
from tests.fake_utility.waffle_guest import API, MY, WIDGET, Guest, Waffle

AT = "@stroopwafel.example"


@pytest.fixture
def waffle() -> Waffle:
    return Waffle()


@pytest.fixture
async def guest(waffle: Waffle) -> AsyncIterator[Guest]:
    guest = waffle.guest()
    async with guest.client:
        yield guest


async def test_a_choice_leaves_out_nothing_and_a_code_is_sent_when_it_is_asked_for(
    waffle: Waffle, guest: Guest
) -> None:
    """A call is offered, and counted if it is chosen; a wrong code is answered in place, twice alike."""
    username = f"choice{AT}"
    asked = await guest.password(username)
    assert [option["factor"] for option in asked["options"]] == ["call", "email", "sms"]
    assert (await guest.step("choice", factor="call"))["status"] == "400"
    assert waffle.state.calls_asked_for == 1
    assert (await guest.step("choice", factor="sms"))["next"] == "send"
    assert not waffle.state.outbox.messages
    sent = await guest.step("send")
    assert (sent["next"], sent["several"]) == ("code", True)
    (message,) = waffle.state.outbox.to(username)
    assert (message.kind, message.code) == ("sms", "001234")
    wrong = [await guest.step("code", code="999999") for _ in range(2)]
    assert wrong == 2 * [{"status": "400", "message": "That code isn't right. Check it and try again."}]
    assert (await guest.step("code", code=message.code, trust=True))["next"] == "done"
    assert (await guest.enter()).status_code == 200
    assert (await guest.password(username))["next"] == "done", "the device is trusted"
    waffle.seconds += 181 * 86_400
    assert (await guest.password(username))["next"] == "choice"


async def test_a_code_that_is_too_old_or_never_right_leads_nowhere(waffle: Waffle, guest: Guest) -> None:
    await guest.password(f"mail{AT}")
    await guest.step("send")
    waffle.seconds += 601
    assert (await guest.step("code", code="001234"))["message"].startswith("That code has expired.")
    await guest.password(f"mfa_failed{AT}")
    await guest.step("send")
    for expected in ("400", "400", "200"):
        answer = await guest.step("code", code="001234")
        assert answer["status"] == expected
    assert answer["next"] == "failed"
    waffle.seconds += 1201
    assert (await guest.step("code", code="001234"))["next"] == "over"


@pytest.mark.parametrize(
    ("username", "answer"),
    [
        ("nobody", "incorrect"),
        ("bad_credentials", "incorrect"),
        ("account_locked", "locked"),
        ("password_change_required", "newPassword"),
        ("captcha", "captcha"),
    ],
)
async def test_a_password_can_be_answered_otherwise(guest: Guest, username: str, answer: str) -> None:
    found = await guest.password(f"{username}{AT}")
    assert answer in str(found.get("message", found.get("next")))


@pytest.mark.parametrize(("username", "status"), [("portal_down", 500), ("blocked", 403)])
async def test_behind_a_right_password_the_way_can_be_barred(
    guest: Guest, username: str, status: int
) -> None:
    await guest.password(f"{username}{AT}")
    assert (await guest.enter()).status_code == status


async def test_a_bearer_token_lasts_five_minutes_and_a_refresh_token_counts_once(
    waffle: Waffle, guest: Guest
) -> None:
    """One that comes again after its successor was used ends the family."""
    await guest.sign_in("sanne")
    first = guest.tokens["refresh_token"]
    assert (await guest.get(f"{API}/me")).status_code == 200
    waffle.seconds += 300
    refused = await guest.get(f"{API}/me")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "TOKEN_INVALID")
    assert (await guest.renew()).status_code == 200
    assert (await guest.get(f"{API}/me")).status_code == 200
    second = guest.tokens["refresh_token"]
    waffle.seconds += 9
    assert (await guest.renew(first)).status_code == 200, "an answer may have been lost"
    assert (await guest.get(f"{API}/me")).status_code == 200
    waffle.seconds += 11
    assert (await guest.renew(second)).status_code == 400, "what came after it is in use"
    assert (await guest.get(f"{API}/me")).status_code == 401
    assert waffle.state.families.ended_by_reuse == 1


async def test_a_used_token_counts_on_while_nobody_has_used_its_successor(
    waffle: Waffle, guest: Guest
) -> None:
    """Whoever was killed between the answer and the store comes back with the old one, however late."""
    await guest.sign_in("sanne")
    before = guest.tokens["refresh_token"]
    await guest.renew()
    waffle.seconds += 3600
    assert (await guest.renew(before)).status_code == 200
    assert (await guest.get(f"{API}/me")).status_code == 200
    waffle.seconds += 11
    assert (await guest.renew(before)).status_code == 400, "its successor's successor is in use"


async def test_accounts_come_in_pages_and_their_numbers_in_three_ways(guest: Guest) -> None:
    await guest.sign_in("many")
    accounts = PORTAL.book.listed[f"many{AT}"].accounts
    listed, cursor = [], ""
    while cursor is not None:
        page = await guest.data("/accounts", cursor=cursor)
        assert len(page["items"]) <= 3
        listed += page["items"]
        cursor = page["next"]
    assert [item["accountNumber"] for item in listed] == [dashed(account) for account in accounts]
    assert [item["status"] for item in listed].count("CLOSED") == 1
    for account in (accounts[0], accounts[3]):
        detail = await guest.data(f"/accounts/{key(account)}")
        bills = await guest.data(f"/accounts/{key(account)}/bills")
        assert (detail["accountNumber"], bills["accountNumber"]) == (zeroed(account), checked(account))
        assert (bills["current"] is None) is account.closed
        meters = await guest.get(f"{WIDGET}/meters", account=key(account))
        assert meters.text.startswith(")]}',\n")
        assert ('"meters":null' in meters.text) is account.closed


async def test_older_bills_are_in_json_and_the_newest_by_a_link_for_a_minute(
    waffle: Waffle, guest: Guest
) -> None:
    """Of 24 months, with payments in between."""
    await guest.sign_in("sanne")
    base = f"/accounts/{key(PORTAL.book.listed[f'sanne{AT}'].accounts[0])}/bills"
    listed = await guest.data(base)
    history = [item for item in listed["history"] if item["type"] == "BILL"]
    assert len(history) == 23
    assert len(history) < len(listed["history"])
    older = await guest.data(f"{base}/{history[0]['id']}/document")
    assert "\n" in older["content"].strip()
    assert base64.b64decode(older["content"]).startswith(b"%PDF-")
    assert (await guest.get(f"{API}{base}/{listed['current']['id']}/document")).status_code == 404
    url = (await guest.post(f"{API}{base}/current/link")).json()["data"]["url"]
    newest = await guest.client.get(url)
    assert newest.content.startswith(b"%PDF-")
    waffle.seconds += 61
    assert (await guest.client.get(url)).status_code == 403
    assert (await guest.client.get(f"{MY}/documents/statement.pdf?d=forged")).status_code == 403
    assert waffle.state.counters.of(f"sanne{AT}").documents.bills == 2


async def test_an_export_is_a_zip_of_tables_whose_ends_are_included(guest: Guest) -> None:
    """The hour that comes twice in November does; a solar meter has a table for each direction."""
    await guest.sign_in("solar")
    account = PORTAL.book.listed[f"solar{AT}"].accounts[0]
    asked = {"account": key(account), "meter": account.meters[0].id, "from": "2025-11-02", "to": "2025-11-02"}
    answer = await guest.get(f"{WIDGET}/usage.zip", **asked)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        tables = [archive.read(name).decode().splitlines() for name in archive.namelist()]
    assert len(tables) == 2
    assert tables[0][1] == f"Account number,{zeroed(account)}"
    rows = tables[0][6:]
    assert len(rows) == 100
    assert rows[0].startswith("Electricity,11/02/2025,00:00,00:14,")
    assert sum(",01:00,01:14," in row for row in rows) == 2
    too_long = await guest.get(f"{WIDGET}/usage.zip", **asked | {"to": "2026-11-20"})
    assert too_long.json()["error"]["code"] == "RANGE_TOO_LONG"


async def test_a_customer_is_signed_out_once_on_the_way(guest: Guest) -> None:
    await guest.sign_in("signed-out")
    base = f"/accounts/{key(PORTAL.book.listed[f'signed-out{AT}'].accounts[0])}/bills"
    history = [item for item in (await guest.data(base))["history"] if item["type"] == "BILL"]
    for item in history[:12]:
        assert (await guest.get(f"{API}{base}/{item['id']}/document")).status_code == 200
    assert (await guest.get(f"{API}/me")).status_code == 401
    assert (await guest.renew()).json()["error"] == "invalid_grant"
    stranger = await guest.token(
        grant_type="refresh_token", refresh_token=guest.tokens["refresh_token"], client_id=""
    )
    assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_client")
    await guest.sign_in("signed-out")
    for item in history:
        assert (await guest.get(f"{API}{base}/{item['id']}/document")).status_code == 200


def test_a_sister_company_has_customers_and_hosts_of_its_own() -> None:
    assert not set(PORTAL.hosts) & set(SISTER.hosts)
    kinds = [[name.partition("@")[0] for name in portal.book.listed] for portal in (PORTAL, SISTER)]
    assert kinds[0] == kinds[1]
    numbers = [
        {zeroed(account) for customer in portal.book.listed.values() for account in customer.accounts}
        for portal in (PORTAL, SISTER)
    ]
    assert not numbers[0] & numbers[1]
