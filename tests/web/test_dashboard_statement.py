"""The statement of a month, for all who are signed in at a company's side: as a page, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from meterfarm.services.companies import add_company
from meterfarm.services.metering import StatementMonth, set_meter_price, statement_csv
from meterfarm.storage.customers import Role
from tests.api.server import ApiServer
from tests.storage.made import ACCOUNT, UTILITY, bill, listed, pdf, save_bill
from tests.web.colleague import Colleague

AT = "/test/settings/statement"
OWN_ID = '=HYPERLINK("http://a.example")<script>alert(1)</script>'


@pytest.fixture(scope="module")
def charged(api: ApiServer) -> int:
    """A customer with a bill of one meter, which was unlocked when it came; the bill's number."""
    set_meter_price(api.farm, "2.50")
    customer = api.store.customers.add(UTILITY, "ada@bayou.energy", external_id=OWN_ID, secrets={})
    account = api.store.accounts.save(customer, ACCOUNT)
    save_bill(api.store, account, listed(), pdf(), bill(), layout="layout", layout_version=1)
    (found,) = api.store.bills.list(customer)
    return found.id


@pytest.fixture(scope="module")
def reader(api: ApiServer) -> Iterator[Colleague]:
    with Colleague(api, "reader@acme.example", Role.READER) as colleague:
        yield colleague


def test_a_reader_sees_what_is_charged_for_the_month(api: ApiServer, reader: Colleague, charged: int) -> None:
    page = reader.page(AT).text
    assert "<dd>2.50 USD</dd>" in page
    assert "<b>$2.50</b>" in page
    assert f"/bills/{charged}" in page
    assert "<script>alert" not in page
    now = StatementMonth.at(datetime.now(UTC))
    assert f'<option value="{now}" selected>' in page
    answer = reader.page(f"{AT}/csv?month={now}")
    assert f'filename="statement-test-{now}.csv"' in answer.headers["content-disposition"]
    assert answer.text == "".join(statement_csv(api.store, now))
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert (line["bill_id"], line["amount"], line["currency"]) == (str(charged), "2.50", "USD")
    assert line["customer_external_id"].startswith("'=")


def test_other_months_sides_and_companies_have_none_of_it(
    api: ApiServer, reader: Colleague, charged: int
) -> None:
    add_company(api.farm, "Elsewhere Ltd")
    with Colleague(api, "owner@elsewhere.example", company="Elsewhere Ltd") as other:
        for asking, path in (
            (reader, f"{AT}?month=2020-02"),
            (reader, AT.replace("test", "live")),
            (other, AT),
        ):
            page = asking.page(path).text
            assert "Nothing was unlocked that is charged" in page
            assert f"/bills/{charged}" not in page
            head, *lines = asking.page(path.replace("statement", "statement/csv")).text.splitlines()
            assert head.startswith("customer_id,")
            assert not lines
    assert '<option value="2020-02" selected>February 2020' in reader.page(f"{AT}?month=2020-02").text


@pytest.mark.parametrize("month", ["2026-13", "x", "<script>alert(1)</script>"])
def test_what_is_no_month_is_refused(reader: Colleague, month: str) -> None:
    for path in (AT, f"{AT}/csv"):
        answer = reader.browser.get(f"/dashboard{path}", params={"month": month})
        assert answer.status_code in (404, 422)
        assert "<script>alert" not in answer.text
