"""How utilities do, trouble that is announced, what is asked for; and bills that somebody uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import count

import pytest
from sqlalchemy import update

from meterfarm.records import Outcome, RunKind, SecretKind
from meterfarm.services.companies import ChangeCompany, add_company, change_company
from meterfarm.services.troubles import (
    BY_ITSELF,
    TROUBLE_MAIL,
    end_trouble,
    mail_troubles,
    post_trouble,
    troubles,
)
from meterfarm.storage.customers import Role
from meterfarm.storage.runs import FollowUp, PortalHealth
from meterfarm.storage.tables import CircuitBreakerRow
from tests.api.server import ApiServer
from tests.services.printed import PDF
from tests.storage.made import UTILITY, claimed
from tests.web.colleague import Colleague
from tests.web.person import Person

New = Callable[..., Person]
_numbers = count(1)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def owner(api: ApiServer) -> Iterator[Colleague]:
    with Colleague(api, "owner@acme.example") as colleague:
        yield colleague


@pytest.fixture(scope="module")
def operator(api: ApiServer) -> Iterator[Colleague]:
    """Who runs the farm, and is read-only in their company."""
    with Colleague(api, "operator@acme.example", is_operator=True, role=Role.READER) as colleague:
        yield colleague


def test_announced_trouble_stands_on_the_page_and_on_the_form(
    api: ApiServer, owner: Colleague, operator: Colleague, person: New
) -> None:
    ann = person(utility=UTILITY)
    assert ann.accept() == "login"
    refused = owner.post("/test/utilities/troubles", utility=UTILITY, text="x")
    assert refused.status_code == 403
    assert "Announce trouble" not in owner.page("/test/utilities").text
    announced = operator.post("/test/utilities/troubles", utility=UTILITY, text=HOSTILE)
    assert "The trouble is announced" in announced.text
    operator.post(
        "/test/utilities/troubles", utility=UTILITY, text="Works at night", begins="2027-01-01T01:00"
    )
    ann.look()
    for page in (owner.page("/test/utilities").text, ann.page.text):
        assert HOSTILE not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "Works at night" in page
        assert "From 2027-01-01 01:00 UTC on." in page
    for number in [each.id for each in troubles(api.farm)]:
        assert "The trouble is over" in operator.post(f"/test/utilities/troubles/{number}/end").text
    assert operator.post("/test/utilities/troubles/1/end").status_code == 404
    ann.look()
    assert "Works at night" not in ann.page.text + owner.page("/test/utilities").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": " "}, "Write what the trouble is"),
        ({"text": "x", "utility": HOSTILE}, "no utility"),
        ({"text": "x", "utility": "pacific_power"}, "No script fetches"),
        ({"text": "x", "begins": HOSTILE}, "Give times as"),
        ({"text": "x", "ends": "2020-01-01T00:00"}, "give a later end"),
        ({"text": "x", "begins": "9999-12-31T23:59"}, "more than a year"),
    ],
)
def test_trouble_that_cannot_be_is_not_announced(
    api: ApiServer, operator: Colleague, fields: dict[str, str], words: str
) -> None:
    page = operator.post("/test/utilities/troubles", **{"utility": UTILITY, **fields})
    assert page.status_code == 422
    assert words in page.text
    assert HOSTILE not in page.text
    assert not troubles(api.farm)


def ended(api: ApiServer, outcome: Outcome, follow: FollowUp) -> int:
    """How a new customer's sign-in ended; the customer's number."""
    username = f"u{next(_numbers)}@example.org"
    customer = api.store.customers.add(UTILITY, username, secrets={SecretKind.PASSWORD: "x"})
    claim = claimed(api.store, api.store.runs.list(customer_id=customer.id)[0].id, 1)
    assert claim is not None
    api.store.runs.finish(claim.lease, outcome, "", follow=follow)
    return customer.id


def test_what_was_measured_stands_beside_what_is_declared(api: ApiServer, owner: Colleague) -> None:
    assert "not measured yet" in owner.page("/test/utilities").text
    number = ended(api, Outcome.COMPLETE, FollowUp(is_back=True, next_kind=RunKind.COLLECT))
    (run, *_) = api.store.runs.list(customer_id=number)
    claim = claimed(api.store, run.id, run.attempt)
    assert claim is not None
    api.store.runs.finish(claim.lease, Outcome.COMPLETE, "", follow=FollowUp())
    ended(api, Outcome.BAD_CREDENTIALS, FollowUp(must_reauthenticate="bad_credentials: No."))
    (seconds,) = api.farm.runs.seconds_to_data()[UTILITY]
    assert 0 < seconds < 60
    assert api.farm.runs.outcomes()[UTILITY].counts == {Outcome.COMPLETE: 2, Outcome.BAD_CREDENTIALS: 1}
    page = owner.page("/test/utilities").text
    assert "<small>p95</small>" in page
    assert "2 fine" in page
    assert "1 the customer must act" in page
    assert UTILITY not in owner.page("/live/utilities").text  # fake ones are on the test side
    found = owner.page("/test/utilities?q=pacific+power").text
    assert "not supported yet" in found
    assert HOSTILE not in owner.page(f"/test/utilities?q={HOSTILE}").text


def test_a_portal_that_is_at_fault_for_an_hour_is_in_trouble_by_itself(
    api: ApiServer, owner: Colleague, person: New
) -> None:
    for _ in range(5):
        ended(api, Outcome.PORTAL_DOWN, FollowUp(portal=PortalHealth.AT_FAULT))
    assert not troubles(api.farm)
    ann = person(utility=UTILITY)
    ann.accept()
    with api.farm._farm.database.writing() as session:
        now = datetime.now(UTC)
        opened, until = now - timedelta(minutes=61), now - timedelta(seconds=1)
        session.execute(update(CircuitBreakerRow).values(opened_at=opened, open_until=until))
    assert [(each.id, each.text) for each in troubles(api.farm)] == [(0, BY_ITSELF)]
    ann.look()
    assert BY_ITSELF in ann.text
    assert BY_ITSELF in unescape(owner.page("/test/utilities").text)
    change_company(
        api.farm, api.farm.companies.find("default"), ChangeCompany(notification_email="news@acme.example")
    )
    elsewhere = add_company(api.farm, "Elsewhere")
    change_company(api.farm, elsewhere, ChangeCompany(notification_email="news@elsewhere.example"))
    for _ in range(2):
        mail_troubles(api.farm, "https://farm.example")
    mails = [mail for mail in api.farm.mails.list() if mail.about == TROUBLE_MAIL]
    assert [mail.to for mail in mails] == ["news@acme.example"]
    ended(api, Outcome.PORTAL_DOWN, FollowUp(portal=PortalHealth.HEALTHY))
    assert not troubles(api.farm)


def test_who_got_a_mail_of_announced_trouble_gets_one_when_it_is_over(
    api: ApiServer, operator: Colleague
) -> None:
    """At its announced end, or when an operator ends it or calls it off; once, and nobody else."""
    farm, mine = api.farm, api.farm.companies.find("default")
    ended(api, Outcome.COMPLETE, FollowUp())
    change_company(farm, mine, ChangeCompany(notification_email="news@acme.example"))
    known = {mail.id for mail in farm.mails.list()}
    unmailed = post_trouble(farm, UTILITY, "It was over at once", "ops")
    end_trouble(farm, unmailed)
    mail_troubles(farm, "https://farm.example")
    first = post_trouble(farm, UTILITY, "It is slow", "ops")
    later = post_trouble(farm, UTILITY, "It rests", "ops", datetime.now(UTC) + timedelta(days=1))
    mail_troubles(farm, "https://farm.example")
    newcomer = farm.of(add_company(farm, "Newcomer"))
    newcomer.customers.ensure(UTILITY, "new@example.org")
    change_company(
        farm, farm.companies.find("Newcomer"), ChangeCompany(notification_email="news@new.example")
    )
    for number in (first, later):
        end_trouble(farm, number)
    for _ in range(2):
        mail_troubles(farm, "https://farm.example")
    mails = [due.mail for due in farm.mails.take(20, timedelta(minutes=2)) if due.id not in known]
    said = [(mail.to, mail.subject, mail.text.split("\n\n")[:2]) for mail in mails if mail is not None]
    name = "Speculoos Power"
    (_, _, slow), (_, _, rests), (*over, gone), (*off, called_off) = said
    assert (slow[0], rests[0]) == ("It is slow", "It rests")
    assert over == off == ["news@acme.example", f"Trouble at {name} is over"]
    assert gone[0].startswith("It is over since 20")
    assert gone[1] == "What was announced: It is slow"
    assert called_off == ["It does not come.", "What was announced: It rests"]


def test_what_customers_asked_for_is_counted(
    api: ApiServer, owner: Colleague, operator: Colleague, person: New
) -> None:
    for name in ("Acme  Power", "ACME Power", HOSTILE):
        asking = person()
        asking.accept()
        asking.post("wish", name=name)
    page = owner.page("/test/utilities").text
    assert "2 customers" in page
    assert HOSTILE not in page
    assert "No customer has asked" in owner.page("/live/utilities").text
    assert "2 customers" in operator.page("/live/utilities").text


def test_a_bill_is_answered_with_whose_it_is(api: ApiServer, owner: Colleague) -> None:
    page = owner.send_file("/test/uploads", PDF, HOSTILE)
    assert HOSTILE not in page.text
    assert "It is read" in page.text
    made = api.store.bills.by_id(1)
    assert made is not None
    assert f"/dashboard/test/customers/{made.customer_id}" in page.text
    line = owner.send_file("/test/uploads", b"%PDF-1.7 not really", HOSTILE, line=HOSTILE)
    assert line.status_code == 422
    assert line.text.startswith('<li class="refused">')
    assert HOSTILE not in line.text
    assert "It is no PDF" in line.text
    assert "Choose a file first" in owner.send_file("/test/uploads", b"", "").text
    other = api.store.customers.create(UTILITY)
    assert owner.send_file("/test/uploads", PDF, customer=str(other.id + 1000)).status_code == 404
    assert owner.page(f"/live/uploads?customer={other.id}").status_code == 404
    assert "Upload bills of Customer" in owner.page(f"/test/uploads?customer={other.id}").text
