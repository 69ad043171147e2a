"""As many customers as anybody needs: `name.N@domain`."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pyotp
import pytest

from meterfarm.fake_utility.kit.billing import bills
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS, find_customer
from tests.fake_utility.visitor import House, Visitor, where

ROOT = Path(__file__).parents[2]
VALID = "iamvalid.17@bayou.energy"
TOTP = "totp.3@speculoos.example"


def known(username: str) -> Customer:
    customer = find_customer(username)
    assert customer is not None
    return customer


@pytest.mark.parametrize("base", CUSTOMERS.values(), ids=lambda base: base.username)
def test_a_numbered_customer_is_of_the_kind_of_the_one_without(base: Customer) -> None:
    local, _, domain = base.username.partition("@")
    one = known(f"{local}.1@{domain}")
    assert (one.oddities, one.challenges, one.outcome, one.then) == (
        base.oddities,
        base.challenges,
        base.outcome,
        base.then,
    )
    assert [
        (
            account.community_solar,
            [(meter.commodity, meter.directions, meter.new) for meter in account.meters],
        )
        for account in one.accounts
    ] == [
        (
            account.community_solar,
            [(meter.commodity, meter.directions, meter.new) for meter in account.meters],
        )
        for account in base.accounts
    ]
    assert (one.totp_secret is None) == (base.totp_secret is None)


def test_numbered_customers_share_nothing() -> None:
    many = [known(f"totp.{number}@speculoos.example") for number in range(1, 101)]
    many.append(CUSTOMERS["totp@speculoos.example"])
    accounts = [account for customer in many for account in customer.accounts]
    for values in (
        [customer.totp_secret for customer in many],
        [customer.phone for customer in many],
        [account.number for account in accounts],
        [meter.id for account in accounts for meter in account.meters],
        [bills(account, date(2026, 11, 21))[0].total_cents for account in accounts[:20]],
    ):
        assert len(set(values)) == len(values)
    assert len({customer.name for customer in many}) > 50


def test_a_numbered_customer_is_the_same_in_every_process() -> None:
    """Portals come up without the library for bills, which takes longer to import than all the rest."""
    program = (
        "import sys; from meterfarm.fake_utility.speculoos_power.customers import find_customer\n"
        "from meterfarm.fake_utility.registry import fake_portals; fake_portals()\n"
        "print(find_customer(sys.argv[1]), 'fpdf' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, TOTP], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() == f"{known(TOTP)} False"


@pytest.mark.parametrize(
    "username",
    [
        "iamvalid.0@bayou.energy",
        "iamvalid.01@bayou.energy",
        "iamvalid.@bayou.energy",
        "iamvalid.x@bayou.energy",
        "iamvalid.1.1@bayou.energy",
        "iamvalid.³@bayou.energy",
        "iamvalid.1@speculoos.example",
        "nobody.1@bayou.energy",
    ],
)
def test_what_is_numbered_otherwise_is_nobody(username: str) -> None:
    assert find_customer(username) is None


async def test_a_numbered_customer_signs_in_and_is_counted_by_its_own_name(
    house: House, visitor: Visitor
) -> None:
    account = await visitor.account(VALID)
    assert (await visitor.get(account)).status_code == 200
    (number,) = [one.number for one in CUSTOMERS["iamvalid@bayou.energy"].accounts]
    assert (await visitor.get(f"/accounts/{number}")).status_code == 404
    assert [*house.portal.counters.usernames] == [VALID]
    assert house.portal.counters.of(VALID).sign_ins == 1


async def test_a_numbered_authenticator_has_its_own_secret(house: House, visitor: Visitor) -> None:
    await visitor.sign_in(TOTP)
    code = pyotp.TOTP(known(TOTP).totp_secret or "").at(int(house.app_seconds))
    other = pyotp.TOTP(CUSTOMERS["totp@speculoos.example"].totp_secret or "").at(int(house.app_seconds))
    assert (await visitor.post("/mfa/verify", code=other)).status_code == 200
    assert where(await visitor.post("/mfa/verify", code=code)) == (303, "/accounts")


async def test_one_numbered_customer_loses_the_session_and_another_does_not(house: House) -> None:
    """What happens to one of a kind happens to that one."""
    for number in (1, 2):
        once = f"customer-must-reauthenticate.{number}@bayou.energy"
        async with house.visitor() as visitor:
            account = await visitor.account(once)
            assert (await visitor.get(f"{account}/bills")).status_code == 200
            listing = (await visitor.get(f"{account}/bills")).text
            pdf = listing.partition(".pdf")[0].rpartition('"')[2] + ".pdf"
            assert (await visitor.get(pdf)).status_code == 200
            assert where(await visitor.get("/accounts")) == (303, "/login?expired=1")
            assert (await visitor.sign_in(once)).status_code == 401


async def test_the_outbox_of_one_customer_shows_only_what_is_theirs(house: House, visitor: Visitor) -> None:
    texts = [f"ineedmfa+text_message.{number}@bayou.energy" for number in (1, 2)]
    for text in texts:
        async with house.visitor() as guest:
            await guest.sign_in(text)
            await guest.post("/mfa/send")
    shown = (await visitor.client.get("/outbox.json", params={"username": texts[1].upper()})).json()
    assert [message["username"] for message in shown["messages"]] == [texts[1]]
    assert [message["to"] for message in shown["messages"]] == [known(texts[1]).phone]
    assert shown["authenticators"] == shown["security_answers"] == []
    page = await visitor.client.get("/outbox", params={"username": texts[1]})
    assert known(texts[1]).phone in page.text
    assert known(texts[0]).phone not in page.text


async def test_the_outbox_names_a_numbered_customer_once_asked_for_or_seen(
    house: House, visitor: Visitor
) -> None:
    double = "ineedmfa+security_question.5@bayou.energy"
    for username, its_list in ((TOTP, "authenticators"), (double, "security_answers")):
        asked = (await visitor.client.get("/outbox.json", params={"username": username})).json()
        assert [row["username"] for row in asked[its_list]] == [username]
        assert username not in (await visitor.get("/outbox.json")).text
        async with house.visitor() as guest:
            await guest.sign_in(username)
        shown = (await visitor.get("/outbox.json")).json()
        assert shown[its_list][-1] == asked[its_list][0]
    nobody = (await visitor.client.get("/outbox.json", params={"username": "x@y"})).json()
    assert nobody == {"messages": [], "authenticators": [], "security_answers": []}
