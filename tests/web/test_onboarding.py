"""The form's pages over HTTP, without a browser: each step, what is refused, and what the store has then."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meterfarm.records import ChallengeState, CustomerState, EventKind, Factor, Outcome, RunKind, SecretKind
from meterfarm.services.consents import list_consents
from meterfarm.services.onboarding import METHOD, utility_wishes
from meterfarm.storage.customers import CompanyBrand
from meterfarm.storage.runs import FollowUp
from tests import asking
from tests.api.server import ApiServer
from tests.console.asked import CHOICE, QUESTION, SMS, UTILITY, WAIT
from tests.storage.made import claimed
from tests.web.person import Person

PDF = Path(__file__).parents[2] / "utilities/pepernoot_coop/samples/bill_carried_over/input.pdf"
New = Callable[..., Person]


def test_from_the_terms_to_being_connected(api: ApiServer, person: New) -> None:
    ann = person()
    assert ann.step == "terms"
    assert ann.post("terms", terms="0" * 64) == "terms"
    assert "Tick the box" in ann.text
    assert list_consents(api.store, ann.customer) == []
    assert ann.accept() == "utility"
    (consent,) = list_consents(api.store, ann.customer)
    assert (consent.method, len(consent.terms_hash), consent.scope) == (METHOD, 64, "bills intervals")
    assert ann.look(q="spekulos") == "utility"
    assert "Speculoos Power" in ann.text
    assert ann.post("utility", utility="speculoos_power") == "login"
    assert ann.post("login", username="", password="x") == "login"
    assert ann.page.status_code == 422
    assert ann.post("login", username="form1@bayou.energy", password="a password") == "working"
    stored = api.store.credentials.load(ann.customer)[SecretKind.PASSWORD]
    assert stored.get_secret_value() == "a password"
    claim = ann.taken()
    assert "Signing in at Speculoos Power" in ann.text
    assert ann.ended(claim, Outcome.COMPLETE) == "done"
    known = api.client.get(f"/api/v2/customers/{ann.customer.id}").json()
    assert known["has_filled_credentials"]
    assert known["has_accepted_terms_on"]
    assert "You are connected" in ann.text
    assert "a password" not in ann.page.text


def test_what_the_portal_asks_is_answered_on_the_form(api: ApiServer, person: New) -> None:
    bob = person(utility=UTILITY)
    claim = bob.sign_in("form2")
    chosen = api.store.challenges.open(claim.lease, CHOICE, WAIT)
    assert bob.look() == "challenge"
    assert all(each.label in bob.text for each in CHOICE.options)
    assert bob.post("answer", challenge=str(chosen)) == "challenge"
    assert "Choose how you want to get the code." in bob.text
    assert bob.post("answer", challenge=str(chosen), factor="sms") == "working"
    assert api.store.challenges.take_answer(claim.lease, chosen) is not None
    code = api.store.challenges.open(claim.lease, SMS, WAIT)
    assert bob.look() == "challenge"
    assert 'autocomplete="one-time-code"' in bob.page.text
    assert bob.post("answer", challenge=str(chosen), answer="1234") == "challenge"
    found = api.store.challenges.find(code)
    assert found is not None
    assert found.state is ChallengeState.OPEN, "it was for the challenge before"
    assert bob.post("answer", challenge=str(code), answer=" ") == "challenge"
    assert bob.post("answer", challenge=str(code), resend="yes") == "working"
    assert "Checking" in bob.text
    assert api.store.challenges.take_answer(claim.lease, code) is not None
    again = api.store.challenges.open(claim.lease, SMS.asked_again("<b>No</b>, that's wrong."), WAIT)
    assert bob.look() == "challenge"
    assert "Your code is invalid. Please try again." in bob.text
    assert "&lt;b&gt;No&lt;/b&gt;, that" in bob.page.text
    assert "<b>No" not in bob.page.text
    assert bob.post("answer", challenge=str(again), answer="1234") == "working"
    assert api.store.challenges.take_answer(claim.lease, again) is not None
    asked = api.store.challenges.open(claim.lease, QUESTION, WAIT)
    assert bob.look() == "challenge"
    assert QUESTION.prompt in bob.text
    assert bob.post("answer", challenge=str(asked), answer="Cook") == "working"
    assert api.store.challenges.take_answer(claim.lease, asked) is not None
    assert bob.ended(claim, Outcome.COMPLETE) == "done"


@pytest.mark.parametrize("outcome", [each for each in Outcome if each.exit_code not in (0, 13)])
def test_each_way_to_fail_is_said_in_words_with_what_to_do(
    api: ApiServer, person: New, outcome: Outcome
) -> None:
    bea = person(utility=UTILITY)
    claim = bea.sign_in(f"fails+{outcome}")
    follow = None if outcome.who_acts.value == "customer" else FollowUp()
    step = bea.ended(claim, outcome, "The portal says: “The portal's own sentence.”", follow)
    stored_is_good = {"mfa_required", "mfa_failed", "mfa_expired", "action_required", "captcha"}
    if outcome.who_acts.value != "customer":
        assert step == "waiting"
    else:
        assert step == ("again" if outcome.value in stored_is_good else "login")
    assert "Speculoos Power" in bea.text
    assert "The portal's own sentence." in bea.text
    assert "_" not in bea.text, "no name of ours"
    if step == "again":
        assert bea.post("again") == "working"
        (run,) = api.store.runs.list(customer_id=bea.customer.id, active=True)
        assert run.kind is RunKind.CONNECT
    if step == "login":
        assert f'value="fails+{outcome}@bayou.energy"' in bea.page.text
        assert bea.post("login", username=f"fails+{outcome}@bayou.energy", password="another") == "working"


def test_who_comes_back_is_asked_for_what_is_needed_and_no_more(api: ApiServer, person: New) -> None:
    bea = person(utility=UTILITY)
    assert bea.ended(bea.sign_in("returns"), Outcome.COMPLETE) == "done"
    run = api.store.runs.refresh([bea.customer.id])[0]
    claim = claimed(api.store, run, 1)
    assert claim is not None
    assert bea.ended(claim, Outcome.BAD_CREDENTIALS, "No.") == "login"
    assert re.search('name="username" value="returns@bayou.energy"[^>]* readonly', bea.page.text)
    assert "terms" not in bea.page.text
    assert bea.look(change="username") == "login"
    assert " readonly" not in bea.page.text
    assert bea.post("login", username="other", password="another", change="username") == "login"
    assert "e-mail address for a user name" in bea.text
    assert " readonly" not in bea.page.text
    assert bea.post("login", username="returns@bayou.energy", password="the new one") == "working"
    assert bea.ended(bea.taken(), Outcome.COMPLETE) == "done"


def test_whoever_withdraws_has_their_login_erased_and_it_is_an_event(api: ApiServer, person: New) -> None:
    bea = person(utility=UTILITY)
    assert bea.ended(bea.sign_in("leaves"), Outcome.COMPLETE) == "done"
    assert "What you share" in bea.text
    assert bea.post("withdraw") == "withdrawn"
    info = api.store.customers.info(bea.customer)
    assert (info.state, info.secrets, info.bills_due_at) == (CustomerState.REMOVED, frozenset(), None)
    (consent,) = list_consents(api.store, bea.customer)
    assert consent.revoked_at is not None
    events = [event for event in api.store.events.after(0, 999) if event.customer_id == bea.customer.id]
    assert events[-1].kind is EventKind.CONSENT_REVOKED
    assert events[-1].facts["revoked_at"]
    assert "Your login was erased. Nothing more is fetched" in bea.text
    for what in ("again", "login", "withdraw", "terms"):
        assert bea.post(what, username="leaves@bayou.energy", password="x") == "withdrawn"
    assert api.store.customers.info(bea.customer).secrets == frozenset()


def test_the_permission_can_be_withdrawn_at_every_step(api: ApiServer, person: New) -> None:
    bea = person(utility=UTILITY)
    assert "Withdraw" not in bea.text, "there is none yet"
    assert bea.accept() == "login"
    assert "Withdraw the permission Nothing is fetched for" in bea.text
    bea.post("login", username="thinks@bayou.energy", password="a password")
    claim = bea.taken()
    erased = "Withdraw the permission Your login is erased. Nothing is fetched for"
    assert (bea.look(), erased in bea.text) == ("working", True)
    api.store.challenges.open(claim.lease, SMS, WAIT)
    assert (bea.look(), erased in bea.text) == ("challenge", True)
    assert bea.post("withdraw") == "withdrawn"
    assert "Your login was erased. Nothing is fetched" in bea.text
    assert api.store.customers.info(bea.customer).secrets == frozenset()


def test_who_gave_a_login_at_the_wrong_utility_chooses_another_until_one_lets_them_in(
    api: ApiServer, person: New
) -> None:
    bea = person(utility=UTILITY)
    assert bea.ended(bea.sign_in("elsewhere"), Outcome.BAD_CREDENTIALS, "No.") == "login"
    assert "Not your utility?" in bea.text
    assert bea.look(change="utility") == "utility"
    assert "Back to Speculoos Power" in bea.text
    assert bea.post("utility", utility="no_such_utility") == "utility"
    assert bea.page.status_code == 422
    assert bea.post("utility", utility="stroopwafel_energy") == "login"
    assert "Sign in to Stroopwafel Energy" in bea.text
    assert "did not accept" not in bea.text
    assert (bea.customer.login_id, bea.customer.username) == (0, "")
    assert api.store.customers.info(bea.customer).secrets == frozenset()
    changed = api.client.patch(f"/api/v2/customers/{bea.customer.id}", json={"utility": UTILITY})
    assert changed.status_code == 200, "there is no login any more"
    assert bea.post("login", username="elsewhere@bayou.energy", password="a password") == "working"
    assert bea.look(change="utility") == "working", "not while one is being asked"
    assert bea.post("utility", utility="stroopwafel_energy") == "working"
    assert bea.ended(bea.taken(), Outcome.COMPLETE) == "done"
    assert "Not your utility?" not in bea.text
    assert bea.post("utility", utility="stroopwafel_energy") == "done"
    assert bea.customer.utility == UTILITY


def test_what_is_for_us_to_mend_is_tried_again_by_itself_or_when_asked(api: ApiServer, person: New) -> None:
    bea = person(utility=UTILITY)
    claim = bea.sign_in("mended")
    later = datetime.now(UTC) + timedelta(hours=1)
    follow = FollowUp(next_kind=RunKind.CONNECT, next_at=later, next_why="retry after unknown_page")
    assert bea.ended(claim, Outcome.UNKNOWN_PAGE, "It.", follow) == "waiting"
    assert "We try again by ourselves" in bea.text
    assert "Next try in about 60 minutes" in bea.text
    assert bea.post("again") == "working"
    assert bea.ended(bea.taken(), Outcome.UNKNOWN_PAGE, "It.", FollowUp()) == "waiting"
    assert "we try again only while you are here" in bea.text
    assert bea.post("again") == "working"


@pytest.mark.parametrize(
    ("prompt", "typed", "sent"),
    [
        ("Enter the 6-digit code.", " G-123 456", "123456"),
        ("Enter the 6-digit code.", "12-34", "1234"),
        ("Enter the code.", "G-123456", "123456"),
        ("Enter the code.", "K7F3-99QX", "K7F399QX"),
        ("Enter the 8-character code.", "G-12\u00a03456", "G123456"),
    ],
)
def test_a_code_reaches_the_portal_as_it_is_meant(
    api: ApiServer, person: New, prompt: str, typed: str, sent: str
) -> None:
    bea = person(utility=UTILITY)
    claim = bea.sign_in(f"typed{len(prompt)}{len(typed)}")
    asked = api.store.challenges.open(claim.lease, replace(SMS, prompt=prompt), WAIT)
    bea.look()
    assert ('inputmode="numeric"' in bea.page.text) is ("digit" in prompt)
    assert bea.post("answer", challenge=str(asked), answer=typed) == "working"
    answer = api.store.challenges.take_answer(claim.lease, asked)
    assert answer is not None
    assert sent in answer.values()


def test_a_utility_that_is_missing_is_asked_for_and_a_bill_given(api: ApiServer, person: New) -> None:
    bea = person()
    bea.accept()
    assert bea.look(q="Tiny Town Electric") == "utility"
    assert bea.post("wish", name=" ") == "utility"
    assert (bea.page.status_code, "Write the name" in bea.text) == (422, True)
    assert bea.post("wish", name="Tiny Town Electric <3") == "utility"
    assert "We have taken down what you asked for." in bea.text
    assert bea.page.history[0].status_code == 303
    assert utility_wishes(api.store)[0].name == "Tiny Town Electric <3"
    browser = bea.browser
    where = f"{bea.path}/bill?key={bea.token}"
    thanks = browser.post(where, files={"file": ("bill.pdf", PDF.read_bytes(), "application/pdf")})
    assert (thanks.status_code, "your bill is there" in thanks.text) == (200, True)
    assert [answer.status_code for answer in thanks.history] == [303], "loaded again it is not given again"
    assert "your bill is there" in browser.get(thanks.url).text
    assert "Thank you" not in browser.get(where.replace("/bill", "")).text
    assert "Thank you" not in browser.get(where.replace("/bill", "") + "&thanks=<b>Thank you").text
    for wrong in (b"no pdf", b""):
        refused = browser.post(where, files={"file": ("bill.pdf", wrong, "application/pdf")})
        assert (refused.status_code, 'role="alert"' in refused.text) == (422, True)
    stranger = browser.post(
        f"{bea.path}/bill?key=1_2_3", files={"file": ("bill.pdf", PDF.read_bytes(), "application/pdf")}
    )
    assert stranger.status_code == 404
    bills = api.client.get(f"/api/v2/customers/{bea.customer.id}/bills").json()
    assert len(bills) == 1


def test_one_that_cannot_be_connected_offers_another_way(api: ApiServer, person: New) -> None:
    bea = person(utility="avista")
    assert bea.accept() == "unsupported"
    assert "Avista" in bea.text
    assert bea.look(change="utility") == "utility"
    assert bea.post("utility", utility="speculoos_power") == "login"


def test_anybody_begins_with_their_address_where_the_company_allows_it(api: ApiServer, person: New) -> None:
    path = f"/companies/{api.store.company_id}/sign_up"
    with asking.client(base_url=api.url, follow_redirects=True, timeout=30) as browser:
        assert "Your e-mail address" in browser.get(path).text
        wrong = browser.post(f"{path}/email", data={"email": "nobody"})
        assert (wrong.status_code, 'role="alert"' in wrong.text) == (422, True)
        first = browser.post(f"{path}/email", data={"email": " Open@Example.com "})
        again = browser.post(f"{path}/email", data={"email": "open@example.com"})
        found = [
            each["id"]
            for each in api.client.get("/api/v2/customers").json()
            if (each["email"] or "").lower() == "open@example.com"
        ]
        assert len(found) == 2, "an address that nobody has verified finds nobody"
        for customer, page in zip(sorted(found), (first, again), strict=True):
            assert f"/companies/{api.store.company_id}/sign_up?key={customer}_" in str(page.url)
        api.farm.companies.set_brand(api.store.company_id, CompanyBrand(open_form=False))
        assert browser.get(path).status_code == 404
        assert browser.post(f"{path}/email", data={"email": "late@example.com"}).status_code == 404
        api.farm.companies.set_brand(api.store.company_id, CompanyBrand())


def test_somebody_who_is_there_is_not_found_by_their_address(api: ApiServer, person: New) -> None:
    bea = person(utility=UTILITY, email="known@example.com")
    bea.sign_in("known")
    with asking.client(base_url=api.url, follow_redirects=True, timeout=30) as browser:
        page = browser.post(f"{bea.path}/email", data={"email": "known@example.com"})
    assert f"key={bea.customer.id}_" not in str(page.url)
    assert 'data-step="terms"' in page.text


def test_a_question_is_no_code(api: ApiServer, person: New) -> None:
    bea = person(utility=UTILITY)
    claim = bea.sign_in("asked")
    api.store.challenges.open(claim.lease, QUESTION, WAIT)
    bea.look()
    assert QUESTION.factor is Factor.QUESTION
    assert "one-time-code" not in bea.page.text
