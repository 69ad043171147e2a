"""Multi-factor sign-in: choice, sending, tries, expiry, cooldown, authenticator codes, remembered devices."""

import re

import httpx
import pyotp
import pytest

from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from tests.fake_utility.visitor import House, Visitor, alert, heading, where

TEXT = "ineedmfa+text_message@bayou.energy"
MAIL = "ineedmfa+email@bayou.energy"
CHOICE = "ineedmfa+choice@bayou.energy"
QUESTION = "ineedmfa+security_question@bayou.energy"
APP = "ineedmfa+totp@bayou.energy"
REAL_APP = "totp@speculoos.example"
TWICE = "two-challenges@speculoos.example"
INVALID = "Your code is invalid. Please try again."


def tries_left(page: httpx.Response) -> int:
    found = re.search(r'data-attempts-left="(\d)"', page.text)
    assert found
    return int(found[1])


async def ask(visitor: Visitor, email: str) -> httpx.Response:
    """The page that follows the password."""
    assert where(await visitor.sign_in(email)) == (303, "/mfa")
    return await visitor.get("/mfa")


@pytest.mark.parametrize(
    ("email", "factor", "destination"),
    [(TEXT, "sms", f"***-***-{CUSTOMERS[TEXT].phone[-4:]}"), (MAIL, "email", "i***l@bayou.energy")],
)
async def test_a_code_is_sent_when_asked_for(
    house: House, visitor: Visitor, email: str, factor: str, destination: str
) -> None:
    page = await ask(visitor, email)
    assert heading(page) == "Verify it's you"
    assert f'data-destination="{destination}"' in page.text
    assert not house.portal.outbox.messages
    page = await visitor.post("/mfa/send")
    assert heading(page) == "Enter your verification code"
    assert f'data-factor="{factor}" data-destination="{destination}"' in page.text
    (message,) = house.portal.outbox.messages
    assert (message.kind, message.code, message.username) == (factor, "1234", email)
    assert where(await visitor.get("/accounts")) == (303, "/mfa")
    assert where(await visitor.post("/mfa/verify", code=" 1234 ")) == (303, "/accounts")
    assert where(await visitor.get("/mfa")) == (303, "/accounts")
    tally = house.portal.counters.of(email)
    assert (tally.codes_sent, tally.code_attempts, tally.sign_ins) == (1, 1, 1)


async def test_the_choice_to_stay_signed_in_survives_the_challenge(house: House, visitor: Visitor) -> None:
    challenged = await visitor.sign_in(TEXT, keep=True)
    assert "max-age" not in challenged.headers["set-cookie"].lower()
    await visitor.post("/mfa/send")
    inside = await visitor.post("/mfa/verify", code="1234")
    assert "max-age=2592000" in inside.headers["set-cookie"].lower()
    house.move(days=29)
    assert (await visitor.get("/accounts")).headers["location"].startswith("/accounts/")


async def test_random_codes_are_not_1234_and_differ(visitor: Visitor) -> None:
    house = House(random_codes=True)
    seen = set()
    for _ in range(3):
        async with house.visitor() as guest:
            await ask(guest, TEXT)
            await guest.post("/mfa/send")
            assert alert(await guest.post("/mfa/verify", code="1234")) == INVALID
            seen.add(house.newest_code())
            assert where(await guest.post("/mfa/verify", code=house.newest_code())) == (303, "/accounts")
    assert all(len(code) == 6 for code in seen)
    assert len(seen) > 1


async def test_a_choice_sends_at_once_and_may_be_changed(house: House, visitor: Visitor) -> None:
    page = await ask(visitor, CHOICE)
    assert heading(page) == "How should we verify it's you?"
    assert f"Text message to {CUSTOMERS[CHOICE].destination('sms')}" in page.text
    assert "E-mail to i***e@bayou.energy" in page.text
    assert (
        alert(await visitor.post("/mfa/choice", factor="carrier pigeon"))
        == "Please choose one of the ways below."
    )
    assert 'data-factor="email"' in (await visitor.post("/mfa/choice", factor="email")).text
    assert heading(await visitor.get("/mfa?choose=1")) == "How should we verify it's you?"
    assert 'data-factor="sms"' in (await visitor.post("/mfa/choice", factor="sms")).text
    assert [message.kind for message in house.portal.outbox.messages] == ["email", "sms"]
    assert where(await visitor.post("/mfa/verify", code=house.newest_code())) == (303, "/accounts")


async def test_three_wrong_codes_close_the_challenge(house: House, visitor: Visitor) -> None:
    await ask(visitor, TEXT)
    assert tries_left(await visitor.post("/mfa/send")) == 3
    for left in (2, 1):
        page = await visitor.post("/mfa/verify", code="0000")
        assert (page.status_code, alert(page), tries_left(page)) == (200, INVALID, left)
    page = await visitor.post("/mfa/verify", code="0000")
    assert (page.status_code, heading(page)) == (403, "Verification failed")
    assert "Too many incorrect attempts. Please sign in again later." in page.text
    assert where(await visitor.post("/mfa/verify", code="1234")) == (303, "/login")
    assert house.portal.counters.of(TEXT).sign_ins == 0


async def test_a_new_code_waits_for_its_time_and_makes_the_old_one_void() -> None:
    house = House(random_codes=True)
    async with house.visitor() as visitor:
        await ask(visitor, MAIL)
        await visitor.post("/mfa/send")
        first = house.newest_code()
        house.move(seconds=10)
        page = await visitor.post("/mfa/send")
        assert page.status_code == 200
        assert alert(page) == "Please wait 20 seconds before requesting another code."
        assert house.portal.counters.of(MAIL).codes_sent == 1
        house.move(seconds=20)
        assert alert(await visitor.post("/mfa/send")) is None
        assert house.portal.counters.of(MAIL).codes_sent == 2
        assert first != house.newest_code()
        assert alert(await visitor.post("/mfa/verify", code=first)) == INVALID
        assert where(await visitor.post("/mfa/verify", code=house.newest_code())) == (303, "/accounts")


async def test_a_code_expires_without_costing_a_try(house: House, visitor: Visitor) -> None:
    await ask(visitor, TEXT)
    await visitor.post("/mfa/send")
    house.move(minutes=10, seconds=1)
    page = await visitor.post("/mfa/verify", code="1234")
    assert alert(page) == "Your code has expired. Please request a new one."
    assert tries_left(page) == 3
    await visitor.post("/mfa/send")
    assert where(await visitor.post("/mfa/verify", code="1234")) == (303, "/accounts")


async def test_one_customers_code_has_always_expired(house: House, visitor: Visitor) -> None:
    await ask(visitor, "mfa_expired@speculoos.example")
    for _ in range(4):
        await visitor.post("/mfa/send")
        page = await visitor.post("/mfa/verify", code="1234")
        assert alert(page) == "Your code has expired. Please request a new one."
        house.move(seconds=31)


async def test_a_challenge_left_open_too_long_starts_over(house: House, visitor: Visitor) -> None:
    await ask(visitor, TEXT)
    await visitor.post("/mfa/send")
    house.move(minutes=16)
    assert where(await visitor.post("/mfa/verify", code="1234")) == (303, "/login?expired=1")
    assert where(await visitor.get("/mfa")) == (303, "/login")


async def test_a_security_question(visitor: Visitor) -> None:
    page = await ask(visitor, QUESTION)
    assert heading(page) == "Security question"
    assert "What is your favorite chef&#39;s last name?" in page.text
    page = await visitor.post("/mfa/verify", answer="Child")
    assert (alert(page), tries_left(page)) == ("Your answer is incorrect. Please try again.", 2)
    assert where(await visitor.post("/mfa/verify", answer=" cOOk ")) == (303, "/accounts")


async def test_two_challenges_follow_each_other(house: House, visitor: Visitor) -> None:
    await ask(visitor, TWICE)
    await visitor.post("/mfa/choice", factor="sms")
    assert where(await visitor.post("/mfa/verify", code=house.newest_code(), remember="yes")) == (303, "/mfa")
    assert "__Host-device" not in visitor.client.cookies
    assert heading(await visitor.get("/mfa")) == "Security question"
    assert house.portal.counters.of(TWICE).sign_ins == 0
    assert where(await visitor.post("/mfa/verify", answer="Cook")) == (303, "/accounts")
    assert "__Host-device" in visitor.client.cookies


async def test_a_real_authenticators_code_counts_once(house: House, visitor: Visitor) -> None:
    totp = pyotp.TOTP(CUSTOMERS[REAL_APP].totp_secret or "")
    page = await ask(visitor, REAL_APP)
    assert "Enter the code from your authenticator app." in page.text
    code = totp.at(int(house.app_seconds))
    assert where(await visitor.post("/mfa/verify", code=code)) == (303, "/accounts")
    async with house.visitor() as other:
        await ask(other, REAL_APP)
        for _ in range(5):
            page = await other.post("/mfa/verify", code=code)
            assert alert(page) == "That code was already used. Wait for the next one."
            assert tries_left(page) == 3
        assert (await other.post("/mfa/verify", code=code)).status_code == 403
        house.app_seconds += 30
        await ask(other, REAL_APP)
        assert where(await other.post("/mfa/verify", code=totp.at(int(house.app_seconds)))) == (
            303,
            "/accounts",
        )


async def test_the_code_before_the_current_one_still_counts_an_older_one_does_not(house: House) -> None:
    totp = pyotp.TOTP(CUSTOMERS[REAL_APP].totp_secret or "")
    old, last = (totp.at(int(house.app_seconds) - seconds) for seconds in (60, 30))
    async with house.visitor() as visitor:
        await ask(visitor, REAL_APP)
        assert alert(await visitor.post("/mfa/verify", code=old)) == INVALID
        assert where(await visitor.post("/mfa/verify", code=last)) == (303, "/accounts")


@pytest.mark.parametrize("random_codes", [False, True])
async def test_the_invented_authenticator_shows_its_code_in_the_outbox(random_codes: bool) -> None:
    house = House(random_codes=random_codes)
    async with house.visitor() as visitor:
        shown = (await visitor.get("/outbox.json")).json()["authenticators"]
        (row,) = [row for row in shown if row["username"] == APP]
        assert row["seconds_left"] == 30
        assert (row["code"] == "1234") is not random_codes
        await ask(visitor, APP)
        assert where(await visitor.post("/mfa/verify", code=row["code"])) == (303, "/accounts")
        house.app_seconds += 30
        (later,) = [
            r for r in (await visitor.get("/outbox.json")).json()["authenticators"] if r["username"] == APP
        ]
        assert (later["code"] != row["code"]) is random_codes


async def test_a_remembered_device_skips_the_challenge_for_180_days(house: House, visitor: Visitor) -> None:
    await ask(visitor, TEXT)
    await visitor.post("/mfa/send")
    entered = await visitor.post("/mfa/verify", code="1234", remember="yes")
    (device,) = [c for c in entered.headers.get_list("set-cookie") if c.startswith("__Host-device=")]
    for attribute in ("Max-Age=15552000", "Secure", "HttpOnly", "Path=/", "SameSite=lax"):
        assert attribute in device
    assert where(await visitor.sign_in(TEXT)) == (303, "/accounts")
    assert where(await visitor.sign_in(MAIL)) == (303, "/mfa")
    house.move(days=179)
    assert where(await visitor.sign_in(TEXT)) == (303, "/accounts")
    house.move(days=2)
    assert where(await visitor.sign_in(TEXT)) == (303, "/mfa")


async def test_a_forged_device_is_not_known(visitor: Visitor) -> None:
    visitor.client.cookies.set("__Host-device", "eyJ1c2VybmFtZSI6ImEifQ.forged")
    assert where(await visitor.sign_in(TEXT)) == (303, "/mfa")
