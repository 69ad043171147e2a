"""Who may not: tokens that are none, other sites, text that would be markup, guesses without end."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from meterfarm.records import ChallengeState, SecretKind
from meterfarm.services.consents import list_consents
from meterfarm.services.links import ONBOARDING
from meterfarm.storage.customers import CompanyBrand
from meterfarm.web.limits import FormLimits, Tries
from tests.api.server import ApiServer
from tests.console.asked import SMS, UTILITY, WAIT
from tests.web.person import Person

New = Callable[..., Person]
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def test_only_a_token_of_that_customer_and_company_opens_a_form(api: ApiServer, person: New) -> None:
    ann, bob = person(utility=UTILITY), person(utility=UTILITY)
    vault, soon = api.farm.vault, int(time.time()) + 600
    of_ann, end, signature = ann.token.split("_")
    other = "0" if signature[0] != "0" else "1"
    none = (
        f"{bob.customer.id}_{end}_{signature}",
        f"{of_ann}_{int(end) + 1}_{signature}",
        f"{of_ann}_{end}_{other}{signature[1:]}",
        f"{of_ann}_{end}",
        vault.sign(ONBOARDING, of_ann, int(time.time()) - 1),
        vault.sign("file", of_ann, soon),
        vault.sign(ONBOARDING, "999999", soon),
        api.key,
        "\0",
        "x" * 5000,
    )
    for token in none:
        for answer in (
            ann.browser.get(ann.path, params={"key": token}),
            ann.browser.get(f"{ann.path}/changes", params={"key": token}),
            ann.browser.post(f"{ann.path}/terms", data={"key": token, "accept": "yes"}),
        ):
            assert (answer.status_code, "cannot be used" in answer.text) == (404, True), token
    live = api.farm.companies.find("default", live=True)
    for company in (live.id, 999, "x", "1e0", "-1"):
        assert ann.browser.get(f"/companies/{company}/sign_up", params={"key": ann.token}).status_code == 404
    with api.client_of(ann.token) as as_key:
        assert as_key.get("/api/v2/customers").status_code == 401
    assert list_consents(api.store, ann.customer) == list_consents(api.store, bob.customer) == []


def test_one_customer_cannot_answer_what_another_is_asked(api: ApiServer, person: New) -> None:
    ann, eve = person(utility=UTILITY), person(utility=UTILITY)
    claim = ann.sign_in("security-ann")
    asked = api.store.challenges.open(claim.lease, SMS, WAIT)
    eve.accept()
    assert eve.post("answer", challenge=str(asked), answer="1234") == "login"
    eve_claim = (eve.post("login", username="security-eve@bayou.energy", password="x"), eve.taken())[1]
    own = api.store.challenges.open(eve_claim.lease, SMS, WAIT)
    assert eve.post("answer", challenge=str(asked), answer="1234") == "challenge"
    states = [found.state for found in map(api.store.challenges.find, (asked, own)) if found]
    assert states == [ChallengeState.OPEN, ChallengeState.OPEN]


def test_a_form_that_another_site_sends_is_not_taken(api: ApiServer, person: New) -> None:
    ann = person(utility=UTILITY)
    fields = {"key": ann.token, "accept": "yes"}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        for what in ("terms", "login", "answer", "again", "withdraw", "wish", "utility", "email"):
            refused = ann.browser.post(f"{ann.path}/{what}", data=fields, headers=headers)
            assert refused.status_code == 403, (what, headers)
        file = {"file": ("bill.pdf", b"%PDF-", "application/pdf")}
        sent = ann.browser.post(f"{ann.path}/bill?key={ann.token}", files=file, headers=headers)
        assert sent.status_code in (200, 403), "before the terms nothing is read"
    json = ann.browser.post(f"{ann.path}/terms", json=fields)
    large = ann.browser.post(f"{ann.path}/terms", data={**fields, "more": "x" * 20_000})
    many = ann.browser.post(f"{ann.path}/terms", data={f"f{n}": "x" for n in range(200)})
    assert [answer.status_code for answer in (json, large, many)] == [415, 413, 400]
    assert list_consents(api.store, ann.customer) == []


def test_text_of_anybody_is_text(api: ApiServer, person: New) -> None:
    before = api.farm.companies.brand(api.store.company_id)
    api.farm.companies.set_brand(api.store.company_id, replace(before, shown_name=f"Acme {SCRIPT}"))
    try:
        ann = person(utility=UTILITY, email="a@b.example", first_name="<b>Ann")
        pages = [ann.page.text]
        claim = ann.sign_in("security-text")
        api.store.challenges.open(
            claim.lease, replace(SMS, prompt=SCRIPT, destination=SCRIPT, error=SCRIPT), WAIT
        )
        ann.look(q=SCRIPT)
        pages.append(ann.page.text)
        bob = person()
        bob.accept()
        bob.look(q=SCRIPT)
        pages.append(bob.page.text)
        bob.post("wish", name=SCRIPT)
        pages.append(bob.page.text)
        bob.post("login", username=SCRIPT, password=SCRIPT)
        pages.append(bob.page.text)
    finally:
        api.farm.companies.set_brand(api.store.company_id, before)
    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in pages[1]


def test_pages_hold_the_browser_to_our_own_files(api: ApiServer, person: New) -> None:
    ann = person(utility=UTILITY)
    headers = ann.page.headers
    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == (
        "'none'",
        "'self'",
        "'self'",
    )
    assert (policy["frame-ancestors"], headers["x-frame-options"]) == ("'none'", "DENY")
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert headers["referrer-policy"] == "same-origin"
    assert "set-cookie" not in headers
    assert "onclick" not in ann.page.text
    assert "style=" not in ann.page.text


def test_a_password_is_on_no_page_and_in_no_log(
    api: ApiServer, person: New, capfd: pytest.CaptureFixture[str]
) -> None:
    ann = person(utility=UTILITY)
    ann.accept()
    ann.post("login", username="security-canary@bayou.energy", password="canary-7031")
    pages = [ann.page.text]
    ann.post("login", username="\0", password="canary-7032")
    pages.append(ann.page.text)
    logged = capfd.readouterr()
    kept = api.store.credentials.load(ann.customer)[SecretKind.PASSWORD].get_secret_value()
    assert kept == "canary-7031"
    assert "sign_up/login" in logged.out + logged.err
    assert "canary" not in "".join(pages) + logged.out + logged.err
    assert ann.token not in logged.out + logged.err


def test_guesses_end(api: ApiServer, person: New) -> None:
    ann = person(utility=UTILITY)
    claim = ann.sign_in("security-guesses")
    asked = api.store.challenges.open(claim.lease, SMS, WAIT)
    statuses = [
        ann.browser.post(
            f"{ann.path}/answer", data={"key": ann.token, "challenge": str(asked + 1), "answer": f"{n:04}"}
        ).status_code
        for n in range(40)
    ]
    assert statuses.count(429) >= 8
    found = api.store.challenges.find(asked)
    assert found is not None
    assert found.state is ChallengeState.OPEN
    last = ann.browser.post(f"{ann.path}/answer", data={"key": ann.token})
    assert (last.status_code, int(last.headers["retry-after"]) > 0) == (429, True)
    assert "too many tries" in last.text
    strangers = [ann.browser.get(ann.path, params={"key": f"1_1_{n:032x}"}).status_code for n in range(120)]
    assert strangers[-1] == 429
    assert set(strangers) == {404, 429}
    assert ann.look() == "challenge", "whose link is good is let in from the same address"


def test_tries_come_back_with_time() -> None:
    now = 0.0
    tries = Tries(3, 60, lambda: now)
    assert [tries.take("ann") for _ in range(4)] == [0, 0, 0, 60]
    assert tries.take("bob") == 0
    now = 59.0
    assert tries.take("ann") == 1
    now = 61.0
    assert tries.take("ann") == 0
    limits = FormLimits()
    assert [limits.begun.take("127.0.0.1") for _ in range(50)] == [0] * 50


def test_fifty_at_once_are_each_asked_their_own(api: ApiServer, person: New) -> None:
    api.farm.companies.set_brand(api.store.company_id, CompanyBrand())
    people = [person(utility=UTILITY) for _ in range(50)]

    def connects(at: int) -> str:
        claim = people[at].sign_in(f"fifty-{at}")
        asked = replace(
            SMS, prompt=f"We sent a code to the number of person {at}.", destination=f"***{at:04}"
        )
        challenge = api.store.challenges.open(claim.lease, asked, WAIT)
        assert people[at].look() == "challenge"
        seen = people[at].text
        assert people[at].post("answer", challenge=str(challenge), answer=f"code{at}") == "working"
        answer = api.store.challenges.take_answer(claim.lease, challenge)
        assert answer is not None
        assert f"code{at}" in answer.values()
        return seen

    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(connects, range(50)))
    for at, text in enumerate(seen):
        assert f"the number of person {at}." in text
        assert text.count("the number of person") == 1
