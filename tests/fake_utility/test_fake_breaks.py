"""A customer's login broken and mended on demand: now, or after so many documents."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fake_utility.visitor import Visitor, where
from tests.fake_utility.waffle_guest import Waffle

VALID = "iamvalid@bayou.energy"
TEXTED = "ineedmfa+text_message@bayou.energy"


async def _break(client: httpx.AsyncClient, at: str = "", **asked: Any) -> httpx.Response:
    return await client.post(f"{at}/breaks", json=asked)


async def test_a_login_is_broken_after_so_many_documents_and_mended(visitor: Visitor) -> None:
    account = await visitor.account(VALID)
    answer = await _break(visitor.client, username=VALID.upper(), break_login_after=2)
    assert answer.json() == {"username": VALID, "login_is_broken": False, "breaks_after": 2}
    bills = [line.split('"')[0] for line in (await visitor.get(f"{account}/bills")).text.split('href="')]
    pdfs = [path for path in bills if path.endswith(".pdf")][:3]
    assert [(await visitor.get(path)).status_code for path in pdfs] == [200, 200, 303]
    assert (await visitor.sign_in(VALID)).status_code == 401
    shown = await visitor.get(f"/breaks?username={VALID}")
    assert shown.json() == {"username": VALID, "login_is_broken": True, "breaks_after": None}
    await _break(visitor.client, username=VALID, mend=True)
    assert where(await visitor.sign_in(VALID)) == (303, "/accounts")


async def test_sessions_and_trusted_devices_end_without_the_password(visitor: Visitor) -> None:
    account = await visitor.account(VALID)
    await _break(visitor.client, username=VALID, end_sessions=True)
    assert where(await visitor.get(account))[0] == 303
    assert (await visitor.get(await visitor.account(VALID))).status_code == 200, "a new session holds"

    await visitor.sign_in(TEXTED)
    await visitor.post("/mfa/send")
    await visitor.post("/mfa/verify", code="1234", remember="yes")
    assert where(await visitor.sign_in(TEXTED)) == (303, "/accounts"), "the device is trusted"
    await _break(visitor.client, username=TEXTED, forget_devices=True)
    assert where(await visitor.sign_in(TEXTED)) == (303, "/mfa")


async def test_tokens_end_too() -> None:
    waffle = Waffle()
    guest = waffle.guest()
    async with guest.client:
        await guest.sign_in("sanne")
        await _break(
            guest.client, "https://127.0.0.1", username="sanne@stroopwafel.example", break_login_after=0
        )
        assert (await guest.renew()).status_code == 400
        assert (await guest.password("sanne@stroopwafel.example"))["status"] == "400"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"username": "nobody@bayou.energy"}, 404),
        ({}, 400),
        ({"username": VALID, "break_login_after": -1}, 400),
        ({"username": VALID, "mend": 1}, 400),
        ({"username": VALID, "other": True}, 400),
    ],
)
async def test_what_cannot_be_meant_breaks_nothing(
    visitor: Visitor, asked: dict[str, Any], status: int
) -> None:
    assert (await _break(visitor.client, **asked)).status_code == status
    assert (await visitor.sign_in(VALID)).status_code == 303
