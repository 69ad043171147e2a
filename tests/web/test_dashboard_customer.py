"""A customer's page: bills beside their PDF, intervals, runs, answers, downloads; what is locked stays so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from io import BytesIO

import httpx
import pytest
from python_calamine import CalamineWorkbook

from meterfarm.records import ChallengeState, CustomerState
from meterfarm.services.companies import add_company
from meterfarm.storage.customers import Role
from meterfarm.web.dashboard.customer_exports import FORMS
from tests.api.server import ApiServer
from tests.web.colleague import Colleague
from tests.web.shown_customer import (
    DAYS,
    FIRST_DAY,
    NUMBER,
    SCRIPT,
    SECRET_TOTAL,
    ZONE,
    ShownCustomer,
    shown_customer,
)

SECRET = "9,876.54"


@pytest.fixture(scope="module")
def ada(api: ApiServer) -> ShownCustomer:
    return shown_customer(api.store)


@pytest.fixture(scope="module")
def member(api: ApiServer) -> Iterator[Colleague]:
    with Colleague(api, "member@acme.example", Role.MEMBER) as colleague:
        yield colleague


def words(page: httpx.Response) -> str:
    """Without tags."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", page.text)).split())


def pages(ada: ShownCustomer) -> list[str]:
    """All that is shown of a customer."""
    below = ("", "/intervals", "/intervals/table", "/runs", f"/runs/{ada.run}", "/remove")
    bills = (f"/bills/{ada.open_bill}", f"/bills/{ada.locked_bill}")
    return [ada.path + each for each in (*below, *bills)]


def test_the_page_shows_who_it_is_and_what_is_there(ada: ShownCustomer, member: Colleague) -> None:
    shown = words(member.page(ada.path))
    for there in (
        "Ada",
        "Speculoos Power",
        "must come back",
        "the code came too late",
        "the customer must act",
    ):
        assert there in shown
    assert "1 – 31 Dec 2025" in shown  # noqa: RUF001
    assert "123.5 kWh" in shown
    assert "$42.00" in shown
    assert f"/companies/{ada.store.company_id}/sign_up?key=" in shown
    assert 'data-copy="http' in member.page(ada.path).text


def test_a_bill_stands_beside_its_pages(ada: ShownCustomer, member: Colleague) -> None:
    page = member.page(f"{ada.path}/bills/{ada.open_bill}")
    drawn = re.findall(r'<img src="([^"]+)"', page.text)[0]
    file = re.findall(r'href="([^"]+/file)"', page.text)[0]
    for address, status, kind in ((file, 200, "application/pdf"), (drawn, 422, "image/svg+xml")):
        answer = member.browser.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        again = member.browser.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
    assert member.browser.get(file).content == b"%PDF-1.7 b1"
    assert "Open the PDF" in member.browser.get(drawn).text, "it is no whole PDF, which is not drawn"
    shown = words(page)
    for there in ("100.5 kWh × $0.1, peak", "does not agree", "“Delivery” is 1, not 2."):  # noqa: RUF001
        assert there in shown


def test_hostile_text_is_shown_as_text(ada: ShownCustomer, member: Colleague) -> None:
    """Account numbers, names, meters, tariffs, charges, checks, messages, questions."""
    for path in pages(ada):
        page = member.page(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
    shown = words(member.page(f"{ada.path}/bills/{ada.open_bill}"))
    assert shown.count("<script>alert(1)</script>") >= 6
    assert SCRIPT in words(member.page(f"{ada.path}/runs/{ada.run}"))
    assert f"“{SCRIPT} code?”" in words(member.page(ada.path))


def test_a_locked_bill_shows_what_the_api_shows_until_it_is_unlocked(
    api: ApiServer, member: Colleague
) -> None:
    bea = shown_customer(api.store, "Bea")
    at = f"{bea.path}/bills/{bea.locked_bill}"
    page = member.page(at)
    assert "This bill is locked" in page.text
    assert "<img" not in page.text
    assert {member.page(f"{at}/{each}").status_code for each in ("file", "pages.png")} == {422}
    everywhere = [member.page(path).text for path in pages(bea)]
    everywhere += [
        member.page(f"{bea.path}/export/{form}").text for form in FORMS if form not in ("excel", "parquet")
    ]
    for text in everywhere:
        assert SECRET not in text
        assert str(SECRET_TOTAL) not in text
    unlocked = member.post(f"{at}/unlock")
    assert "The bill is unlocked" in unlocked.text
    assert SECRET in words(unlocked)
    assert member.page(f"{at}/file").content == b"%PDF-1.7 b2"


def test_another_company_and_the_other_side_find_nothing(
    api: ApiServer, ada: ShownCustomer, member: Colleague
) -> None:
    company = add_company(api.farm, "Elsewhere Ltd")
    files = [f"{ada.path}/bills/{ada.open_bill}/{each}" for each in ("file", "pages.png")]
    paths = [*pages(ada), *files, f"{ada.path}/intervals/data"]
    paths += [f"{ada.path}/export/{form}" for form in FORMS]
    acts = ("fetch", "answer", "remove", "erase", f"bills/{ada.open_bill}/unlock")
    with Colleague(api, "stranger@elsewhere.example", company=company.name) as stranger:
        assert {stranger.page(path).status_code for path in paths} == {404}
        assert {stranger.post(f"{ada.path}/{act}").status_code for act in acts} == {404}
        assert stranger.page(f"/customers/{ada.customer.id}").status_code == 404
    assert {member.page(path.replace("/test/", "/live/")).status_code for path in paths} == {404}
    assert member.page(f"/customers/{ada.customer.id}").url.path == f"/dashboard{ada.path}"
    other = shown_customer(api.store, "Cleo")
    assert member.page(f"{ada.path}/bills/{other.open_bill}").status_code == 404
    assert member.page(f"{ada.path}/runs/{other.run}").status_code == 404


def test_what_the_portal_asks_is_answered_here(api: ApiServer, member: Colleague) -> None:
    dan = shown_customer(api.store, "Dan")
    asked = {"challenge": str(dan.challenge)}
    empty = member.post(f"{dan.path}/answer", **asked)
    assert (empty.status_code, "Enter the code" in empty.text) == (422, True)
    assert "on its way" in member.post(f"{dan.path}/answer", answer=" 12 34 ", **asked).text
    found = api.store.challenges.find(dan.challenge)
    assert found is not None
    assert found.state is ChallengeState.ANSWERED
    assert member.post(f"{dan.path}/answer", answer="1234", **asked).status_code == 409


@pytest.mark.parametrize(
    ("start", "days", "level", "count"),
    [(FIRST_DAY, DAYS, "days", DAYS), (FIRST_DAY, 5, "hours", 5 * 24 - 1), (FIRST_DAY, 2, "stored", 47 * 4)],
)
def test_a_plot_adds_up_to_what_is_stored(
    ada: ShownCustomer,
    member: Colleague,
    start: datetime,
    days: int,
    level: str,
    count: int,
) -> None:
    """Also over a day of 23 hours."""
    first = datetime(start.year, start.month, start.day, tzinfo=ZONE)
    query = f"?start={int(first.timestamp())}&end={int((first + timedelta(days=days)).timestamp())}"
    found = member.page(f"{ada.path}/intervals/data{query}").json()
    last = count if level != "days" else DAYS
    assert (found["level"], len(found["values"])) == (level, last)
    assert found["unit"] == "kWh"
    assert found["zone"] == "America/New_York"
    by_day = 24 * 4 * 0.25
    if level == "days":
        assert found["values"][:3] == [by_day, by_day - 1, by_day]
        assert sum(found["values"]) == pytest.approx((24 * DAYS - 1) * 1.0)
        assert set(found["whole"]) == {1}
    else:
        assert sum(found["values"]) == pytest.approx(count * (1 if level == "hours" else 0.25))
    table = member.page(f"{ada.path}/intervals/table{query}")
    assert table.text.count('<th scope="row">') == len(found["values"])


def test_intervals_are_shown_by_hour_and_what_is_covered(ada: ShownCustomer, member: Colleague) -> None:
    page = member.page(f"{ada.path}/intervals")
    assert 'class="heat"' in page.text
    assert "About as much at all hours." in page.text
    assert "no gap" in page.text
    assert member.page(f"{ada.path}/intervals?series=none").status_code == 404
    assert member.page(f"{ada.path}/intervals/data?start=x").status_code == 404


def test_files_are_named_after_the_customer_and_hold_what_is_there(
    ada: ShownCustomer, member: Colleague
) -> None:
    for name, form in FORMS.items():
        answer = member.page(f"{ada.path}/export/{name}")
        assert (name, answer.status_code) == (name, 200)
        assert answer.headers["content-disposition"] == (
            f"attachment; filename*=UTF-8''ada%40home.example{form.what}.{form.suffix}"
        )
    book = CalamineWorkbook.from_filelike(BytesIO(member.page(f"{ada.path}/export/excel").content))
    assert book.sheet_names == ["Customer", "Bills", "Intervals"]
    bills = book.get_sheet_by_name("Bills").to_python()
    shown = {row[0]: dict(zip(bills[0], row, strict=True)) for row in bills[1:]}
    assert shown[ada.open_bill]["total"] == 42
    assert shown[ada.open_bill]["electricity (kWh)"] == 123.456
    assert (shown[ada.locked_bill]["status"], shown[ada.locked_bill]["total"]) == ("locked", "")
    intervals = book.get_sheet_by_name("Intervals").to_python()
    assert len(intervals) == 96 * DAYS + 1
    assert intervals[1][5] == 250
    document = member.page(f"{ada.path}/export/json").json()
    assert document["customer"]["email"] == "ada@home.example"
    assert document["customer"]["accounts"][0]["account_number"] == NUMBER
    assert len(document["intervals"]["meters"][0]["intervals"]) == 96 * DAYS
    assert member.page(f"{ada.path}/export/pdf").status_code == 404


def test_a_customer_is_fetched_removed_and_erased(api: ApiServer, member: Colleague) -> None:
    eve = shown_customer(api.store, "Eve")
    run = next(iter(api.store.runs.list(customer_id=eve.customer.id, active=True)))
    assert member.post(f"{eve.path}/fetch").status_code == 409  # one is under way
    api.store.runs.cancel(run.id)
    removed = member.post(f"{eve.path}/remove")
    assert "nothing is fetched any more" in removed.text
    assert api.store.customers.info(eve.customer).state is CustomerState.REMOVED
    assert "$42.00" in words(removed)
    assert member.post(f"{eve.path}/erase").status_code == 422
    assert "$42.00" in words(member.page(eve.path))
    assert "is erased" in member.post(f"{eve.path}/erase", sure="yes").text
    assert "$42.00" not in words(member.page(eve.path))


def test_whoever_is_created_is_shown(member: Colleague) -> None:
    made = member.post("/test/customers", email="new@home.example")
    assert re.fullmatch(r"/dashboard/test/customers/\d+", made.url.path)
    assert "Copy the onboarding link" in made.text
    assert "send them the onboarding link" in made.text
    assert "No bills" in made.text
    assert "No intervals" in member.browser.get(f"{made.url.copy_with(query=None)}/intervals").text


def test_files_of_a_failure_are_for_operators(api: ApiServer, ada: ShownCustomer, member: Colleague) -> None:
    assert "Evidence" not in member.page(f"{ada.path}/runs/{ada.run}").text
