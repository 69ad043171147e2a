"""Passwords, cookies, sessions, and what may stand between a password and the account."""

import re

import pytest

from meterfarm.fake_utility.kit.outcomes import OUTCOMES
from meterfarm.fake_utility.speculoos_power.bill_pdf import placeholder_pdf
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from tests.fake_utility.visitor import House, Visitor, alert, heading, where

VALID = "iamvalid@bayou.energy"
ONCE = "customer-must-reauthenticate@bayou.energy"


async def test_a_password_leads_to_the_account(house: House, visitor: Visitor) -> None:
    assert where(await visitor.get("/")) == (303, "/login")
    page = await visitor.get("/login")
    assert heading(page) == "Sign in to your account"
    assert where(await visitor.post("/login", email=f"  {VALID.upper()} ", password="x")) == (
        303,
        "/accounts",
    )
    number = CUSTOMERS[VALID].accounts[0].number
    assert where(await visitor.get("/")) == (303, "/accounts")
    assert where(await visitor.get("/accounts")) == (303, f"/accounts/{number}")
    page = await visitor.get(f"/accounts/{number}")
    assert heading(page) == f"Account {number}"
    assert 'data-tariff="Residential - Gas Heating"' in page.text
    tally = house.portal.counters.of(VALID)
    assert (tally.password_attempts, tally.sign_ins, tally.pages) == (1, 1, 1)


@pytest.mark.parametrize(("email", "password"), [("nobody@bayou.energy", "x"), (VALID, "")])
async def test_an_unknown_address_or_an_empty_password_is_refused(
    house: House, visitor: Visitor, email: str, password: str
) -> None:
    page = await visitor.sign_in(email, password)
    assert page.status_code == 401
    assert alert(page) == "The e-mail address or password you entered is incorrect."
    assert house.portal.counters.of(email).password_attempts == 1
    assert house.portal.counters.of(email).sign_ins == 0


async def test_cookies_are_as_a_careful_site_sets_them(visitor: Visitor) -> None:
    page = await visitor.get("/login")
    cookies = page.headers.get_list("set-cookie")
    cookies += (await visitor.sign_in(VALID)).headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-csrf", "__Host-session"]
    for cookie in cookies:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert attributes == {"secure", "httponly", "samesite=lax", "path=/"}


async def test_a_form_without_its_token_is_refused_and_no_password_attempt(
    house: House, visitor: Visitor
) -> None:
    await visitor.get("/login")
    for token in ("", "forged", "é"):
        page = await visitor.client.post(
            "/login", data={"csrf_token": token, "email": VALID, "password": "x"}
        )
        assert (page.status_code, heading(page)) == (403, "Your form has expired")
    async with house.visitor() as other:
        page = await other.client.post("/login", data={"csrf_token": "", "email": VALID, "password": "x"})
    assert page.status_code == 403
    assert house.portal.counters.of(VALID).password_attempts == 0


async def test_a_session_ends_after_half_an_hour_of_rest(house: House, visitor: Visitor) -> None:
    account = await visitor.account(VALID)
    for _ in range(4):
        house.move(minutes=20)
        assert (await visitor.get(account)).status_code == 200
    house.move(minutes=31)
    assert where(await visitor.get(account)) == (303, "/login?expired=1")
    page = await visitor.get("/login?expired=1")
    assert "Your session has ended. Please sign in again." in page.text


async def test_a_kept_session_lasts_thirty_days_since_its_last_use(house: House, visitor: Visitor) -> None:
    account = await visitor.account(VALID, keep=True)
    for _ in range(3):
        house.move(days=29)
        page = await visitor.get(account)
        assert page.status_code == 200
        assert "max-age=2592000" in page.headers["set-cookie"].lower()
    house.move(days=30, seconds=1)
    assert where(await visitor.get(account)) == (303, "/login?expired=1")


async def test_keeping_signed_in_changes_the_cookie_only_by_its_life(visitor: Visitor) -> None:
    (cookie,) = (await visitor.sign_in(VALID, keep=True)).headers.get_list("set-cookie")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"secure", "httponly", "samesite=lax", "path=/", "max-age=2592000"}


async def test_a_kept_session_holds_a_day_later_in_another_process(visitor: Visitor) -> None:
    account = await visitor.account(VALID, keep=True)
    cookie = visitor.client.cookies["__Host-session"]
    async with House("2026-11-22T10:00").visitor() as later:
        later.client.cookies.set("__Host-session", cookie)
        assert (await later.get(account)).status_code == 200


async def test_the_box_stays_ticked_after_a_wrong_password(visitor: Visitor) -> None:
    box = '<input type="checkbox" name="keep" value="yes"{}> Keep me signed in'
    assert box.format("") in (await visitor.sign_in("nobody@bayou.energy")).text
    assert box.format(" checked") in (await visitor.sign_in("nobody@bayou.energy", keep=True)).text


async def test_the_choice_to_stay_signed_in_survives_what_stands_in_the_way(
    house: House, visitor: Visitor
) -> None:
    """What stands in the way does not wait for 30 days itself."""
    email = "action_required@speculoos.example"
    waiting = await visitor.sign_in(email, keep=True)
    assert "max-age" not in waiting.headers["set-cookie"].lower()
    house.move(minutes=31)
    assert where(await visitor.get("/terms")) == (303, "/login?expired=1")
    await visitor.sign_in(email, keep=True)
    assert where(await visitor.post("/terms", answer="accept")) == (303, "/accounts")
    house.move(days=29)
    assert (await visitor.get("/accounts")).headers["location"].startswith("/accounts/")


async def test_a_session_is_renewed_only_when_it_is_some_minutes_old(house: House, visitor: Visitor) -> None:
    account = await visitor.account(VALID)
    assert "set-cookie" not in (await visitor.get(account)).headers
    house.move(minutes=6)
    assert "__Host-session=" in (await visitor.get(account)).headers["set-cookie"]


async def test_signing_out_ends_the_session_wherever_its_cookie_is(house: House, visitor: Visitor) -> None:
    account = await visitor.account(VALID)
    cookie = visitor.client.cookies["__Host-session"]
    assert where(await visitor.post("/logout")) == (303, "/login?signed_out=1")
    async with house.visitor() as other:
        other.client.cookies.set("__Host-session", cookie)
        assert where(await other.get(account)) == (303, "/login?expired=1")
    assert where(await visitor.get(account)) == (303, "/login")


async def test_a_session_outlives_a_restart_with_the_same_key_and_no_other(visitor: Visitor) -> None:
    account = await visitor.account(VALID)
    cookie = visitor.client.cookies["__Host-session"]
    for key, status in ((b"k" * 32, 200), (b"x" * 32, 303)):
        async with House(key=key).visitor() as later:
            later.client.cookies.set("__Host-session", cookie)
            assert (await later.get(account)).status_code == status


async def test_nobody_sees_the_account_of_another(visitor: Visitor) -> None:
    await visitor.account(VALID)
    other = CUSTOMERS["gas-only@bayou.energy"].accounts[0].number
    for path in ("", "/bills", "/usage", "/bills/1.pdf"):
        page = await visitor.get(f"/accounts/{other}{path}")
        assert (page.status_code, heading(page)) == (404, "Page not found")


@pytest.mark.parametrize(
    ("outcome", "status", "text"),
    [
        ("account_locked", 403, "Your account has been locked. Call 1-800-555-0142 to unlock it."),
        ("maintenance", 503, "down for scheduled maintenance"),
        ("portal_down", 500, "Internal Server Error"),
        ("rate_limited", 429, "Too many requests"),
        ("blocked", 403, "Reference&#32;&#35;18&#46;2f"),
    ],
)
async def test_a_portal_that_refuses_answers_the_password_itself(
    visitor: Visitor, outcome: str, status: int, text: str
) -> None:
    page = await visitor.sign_in(f"{outcome}@speculoos.example")
    assert page.status_code == status
    assert text in page.text
    assert page.headers.get("retry-after") == {"rate_limited": "120", "maintenance": "3600"}.get(outcome)
    assert "__Host-session" not in visitor.client.cookies


@pytest.mark.parametrize(
    ("outcome", "path", "title"),
    [
        ("password_change_required", "/password-expired", "Your password has expired"),
        ("action_required", "/terms", "Our terms of service have changed"),
        ("captcha", "/robot-check", "Please confirm you are not a robot"),
        ("unknown_page", "/welcome", "Welcome to the new energy experience"),
    ],
)
async def test_a_page_stands_in_the_way_of_the_account(
    visitor: Visitor, outcome: str, path: str, title: str
) -> None:
    email = f"{outcome}@speculoos.example"
    assert where(await visitor.sign_in(email)) == (303, path)
    assert heading(await visitor.get(path)) == title
    for inside in ("/accounts", f"/accounts/{CUSTOMERS[email].accounts[0].number}"):
        assert where(await visitor.get(inside)) == (303, path)


async def test_what_the_customer_settles_is_not_asked_again(house: House, visitor: Visitor) -> None:
    await visitor.sign_in("password_change_required@speculoos.example")
    page = await visitor.post("/password-expired", new_password="short", repeat_password="short")
    assert alert(page) == "Choose a password of at least 8 characters."
    page = await visitor.post("/password-expired", new_password="long enough", repeat_password="long enouhg")
    assert alert(page) == "The two passwords are not the same."
    page = await visitor.post("/password-expired", new_password="long enough", repeat_password="long enough")
    assert where(page) == (303, "/accounts")
    assert (await visitor.get("/accounts")).headers["location"].startswith("/accounts/")
    async with house.visitor() as other:
        assert where(await other.sign_in("password_change_required@speculoos.example")) == (303, "/accounts")


async def test_terms_are_accepted_or_declined(visitor: Visitor) -> None:
    await visitor.sign_in("action_required@speculoos.example")
    assert where(await visitor.post("/terms", answer="decline")) == (303, "/login")
    assert where(await visitor.sign_in("action_required@speculoos.example")) == (303, "/terms")
    assert where(await visitor.post("/terms", answer="accept")) == (303, "/accounts")


async def test_the_robot_check_lets_nobody_through(visitor: Visitor) -> None:
    await visitor.sign_in("captcha@speculoos.example")
    assert alert(await visitor.post("/robot-check", captcha="ACKEV")) is not None
    assert where(await visitor.get("/accounts")) == (303, "/robot-check")


def pdf_path(html: str) -> str:
    """The path of the first bill's PDF."""
    return html.partition(".pdf")[0].rpartition('"')[2] + ".pdf"


async def test_one_visit_brings_the_data_and_then_the_password_is_refused(
    house: House, visitor: Visitor
) -> None:
    account = await visitor.account(ONCE)
    assert where(await visitor.get("/accounts")) == (303, account)
    listing = await visitor.get(f"{account}/bills")
    assert (await visitor.get(pdf_path(listing.text))).status_code == 200
    assert (await visitor.get(f"{account}/bills?page=2")).status_code == 200
    assert where(await visitor.get("/accounts")) == (303, "/login?expired=1")
    assert where(await visitor.get(account)) == (303, "/login")
    assert (await visitor.sign_in(ONCE)).status_code == 401
    assert house.portal.counters.of(ONCE).password_attempts == 2


@pytest.mark.parametrize("keep", [False, True])
async def test_a_session_of_an_earlier_life_counts_as_that_one_visit(visitor: Visitor, keep: bool) -> None:
    account = await visitor.account(ONCE, keep=keep)
    async with House().visitor() as later:
        later.client.cookies.set("__Host-session", visitor.client.cookies["__Host-session"])
        assert where(await later.get(account)) == (303, "/login?expired=1")
        assert (await later.sign_in(ONCE)).status_code == 401


@pytest.mark.parametrize("keep", [False, True])
async def test_a_session_is_lost_after_twelve_bills_and_only_once(
    house: House, visitor: Visitor, keep: bool
) -> None:
    email = "session-lost@speculoos.example"
    account = await visitor.account(email, keep=keep)
    pdf = pdf_path((await visitor.get(f"{account}/bills")).text)
    for _ in range(12):
        assert (await visitor.get(pdf)).status_code == 200
    assert where(await visitor.get(pdf)) == (303, "/login?expired=1")
    await visitor.account(email, keep=keep)
    for _ in range(14):
        assert (await visitor.get(pdf)).status_code == 200
    assert house.portal.counters.of(email).documents.bills == 26


def test_every_outcome_customer_is_named_after_its_outcome() -> None:
    named = {name.partition("@")[0]: customer for name, customer in CUSTOMERS.items()}
    for name in set(named) & set(OUTCOMES):
        assert named[name].outcome == name
    ours = {"not_configured", "internal"}
    of_other_portals = {"pending"}
    portal_caused = set(OUTCOMES) - {"complete", "bad_credentials", "mfa_required", "mfa_failed"}
    portal_caused -= ours | of_other_portals
    assert portal_caused <= set(named)


async def test_one_bill_of_the_partial_customer_is_a_placeholder(visitor: Visitor) -> None:
    account = await visitor.account("partial@speculoos.example")
    pages = [(await visitor.get(f"{account}/bills?page={number}")).text for number in (1, 2, 3)]
    paths = [path for page in pages for path in re.findall(r'href="(\S+\.pdf)"', page)]
    assert len(set(paths)) == 24
    bills = [(await visitor.get(path)).content for path in paths]
    assert [place for place, content in enumerate(bills) if content == placeholder_pdf()] == [5]


async def test_a_page_or_a_path_that_does_not_exist_is_told_so(visitor: Visitor) -> None:
    account = await visitor.account(VALID)
    for path in (f"{account}/bills?page=4", f"{account}/bills/123456789012.pdf", "/nowhere"):
        page = await visitor.get(path)
        assert (page.status_code, heading(page)) == (404, "Page not found")
    assert (await visitor.get(f"{account}/bills?page=x")).status_code == 200
    assert (await visitor.get("/logout")).status_code == 405
    assert "Disallow: /" in (await visitor.get("/robots.txt")).text
    assert (await visitor.get("/favicon.ico")).headers["content-type"] == "image/svg+xml"


async def test_a_page_needs_one_file_which_may_be_kept_for_a_day(visitor: Visitor) -> None:
    links = re.findall(r'<link rel="(\w+)" href="(.+?)"', (await visitor.get("/login")).text)
    (icon,), (style,) = ([href for rel, href in links if rel == kind] for kind in ("icon", "stylesheet"))
    assert icon.startswith("data:image/svg+xml,")
    answer = await visitor.get(style)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert answer.headers["cache-control"] == "public, max-age=86400, immutable"
    assert (await visitor.get(re.sub(r"\.\w+\.css", ".0.css", style))).status_code == 404
