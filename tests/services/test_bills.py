"""Bills as a company works with them: uploaded, found, listed, named, locked and unlocked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlmodel import select

from meterfarm.fake_utility.kit.billing import bills
from meterfarm.fake_utility.speculoos_power.bill_pdf import render_bill
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from meterfarm.records import (
    Account,
    BillStatus,
    Commodity,
    EventKind,
    Meter,
    Outcome,
    Part,
    Quantity,
    Unit,
)
from meterfarm.services.bayou_bill import BillRendering, signed_bill
from meterfarm.services.bills import (
    BillQuery,
    BillUpload,
    ExternalIdTaken,
    NoSuchBills,
    NotAPdf,
    check_bills_of,
    find_bill,
    list_bills,
    name_bill,
    unlock_bill,
    upload_bill,
)
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.services.errors import NotFound
from meterfarm.services.reread import reread
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import FoundBill, Reread
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.storage.tables import UnlockRow
from meterfarm.utilities import load_utilities, load_utility
from tests.formats.bills_made import AMERICAN
from tests.services.printed import PDF, SAMPLES, TODAY, fetched, printed
from tests.services.reported import Made, keep
from tests.storage.made import UTILITY, begun

NUMBER = "102385581897063"
URL = "https://api.example"
LOCKED = {
    *("id", "external_id", "status", "customer_id", "customer_external_id", "utility", "account_number"),
    *("billed_on", "billing_period_from", "billing_period_to", "meters"),
}


@pytest.fixture
def rendering() -> BillRendering:
    return BillRendering(URL)


def uploaded(store: CompanyStore, content: bytes = PDF, **given: Any) -> FoundBill:
    return asyncio.run(upload_bill(store, BillUpload(content, **given)))


def listed(store: CompanyStore, customer: Customer, **query: Any) -> list[FoundBill]:
    wanted = BillQuery(**query)
    return list(list_bills(store, customer, wanted, BillRendering(URL))[0])


def test_an_upload_of_no_layout_is_a_bill_as_far_as_it_is_certain(
    store: CompanyStore, rendering: BillRendering
) -> None:
    bill = uploaded(store, AMERICAN[1].pdf())
    assert (bill.status, bill.utility) == (BillStatus.UNLOCKED, "")
    told = rendering.of(store, bill)
    assert (told["reader"], told["total_amount"], told["utility"]) == ("generic", 11837, None)
    assert any(item["name"].startswith("Delivery") for item in told["line_items"])
    assert all(check["passed"] for check in told["checks"])
    assert uploaded(store, AMERICAN[1].pdf()).id == bill.id


def test_the_same_account_number_at_another_unknown_utility_is_another_customers(store: CompanyStore) -> None:
    """A later bill with the same meter is the first customer's."""
    meter, number = "02233445", "55501-23456"
    first = uploaded(store, AMERICAN[1].pdf())
    others = replace(AMERICAN[1], pages=AMERICAN[1].pages.replace(meter, "77889900"))
    strangers = uploaded(store, others.pdf())
    assert (first.account_number, strangers.account_number) == (number, number)
    assert (strangers.customer_id != first.customer_id, strangers.id != first.id) == (True, True)
    changed = replace(AMERICAN[1], pages=AMERICAN[1].pages.replace("JOHN DOE", "JANE DOE"))
    assert uploaded(store, changed.pdf()).id == first.id


def test_what_was_read_generically_is_read_again(store: CompanyStore) -> None:
    """Also of a customer whose utility has a layout, which does not fit it."""
    customer = store.customers.create(UTILITY, external_id="named")
    for content, owner in ((AMERICAN[1].pdf(), None), (AMERICAN[2].pdf(), customer)):
        assert uploaded(store, content, customer=owner).status is BillStatus.UNLOCKED
    found = asyncio.run(reread(store, load_utilities()))
    assert (found.counts, found.failures) == ({Reread.UNCHANGED: 2}, [])


def test_of_an_upload_that_is_not_certain_enough_the_reasons_are_kept(
    store: CompanyStore, rendering: BillRendering
) -> None:
    bill = uploaded(store, printed("Account Number: 4815162342 Amount due: $12.00"))
    assert (bill.status, bill.customer_id) == (BillStatus.UNPARSED, None)
    told = rendering.of(store, bill)
    assert (told["reader"], told["total_amount"]) == ("generic", None)
    assert "total_amount" in told["left_out"]


def test_a_changed_upload_is_a_new_version_of_the_bill_with_its_failed_checks(
    store: CompanyStore, rendering: BillRendering
) -> None:
    """One line of the bill costs more than its volume times its rate: all is read, and the line is named."""
    bill = bills(CUSTOMERS["iamvalid@bayou.energy"].accounts[0], TODAY)[3]
    first = uploaded(store, render_bill(bill))
    electric, *others = bill.charges
    line, dear, *more = electric.delivery
    charged = replace(electric, delivery=(line, replace(dear, cents=dear.cents + 300), *more))
    again = uploaded(store, render_bill(replace(bill, charges=(charged, *others))))
    assert (again.id, again.version_id > first.version_id) == (first.id, True)
    told = rendering.of(store, again)
    failed = [check["what"] for check in told["checks"] if not check["passed"]]
    assert any(dear.label in what for what in failed), failed
    assert told["total_amount"] == bill.total_cents + 300
    kinds = [event.kind for event in store.events.after(0, 10)]
    assert kinds == [EventKind.NEW_BILL, EventKind.UPDATED_BILL]
    kept = store.bills.contents([first.version_id])[first.version_id]
    assert kept[0] is not None
    assert kept[0].total_amount == bill.total_cents


def test_an_upload_is_the_bill_of_whoever_has_the_account(
    store: CompanyStore, rendering: BillRendering
) -> None:
    """A customer is made for an account that nobody has; the same PDF again is the same bill."""
    bill = uploaded(store, external_id="a/b:c%")
    (customer,) = store.customers.list()
    assert (customer.utility, customer.username, bill.customer_id) == (UTILITY, "", customer.id)
    assert uploaded(store) == find_bill(store, external_id="a/b:c%") == bill
    assert uploaded(store, external_id="new").id == bill.id
    told = rendering.of(store, find_bill(store, bill.id))
    assert told.pop("file_url").startswith(f"{URL}/files/bills/{store.company_id}-{bill.id}_")
    (electric, gas) = told.pop("meters")
    items, checks = told.pop("line_items"), told.pop("checks")
    assert (len(items), items[1]["name"], items[1]["cost"]) == (10, "Delivery charge", 3204)
    assert checks
    assert all(check["passed"] for check in checks)
    assert told == {
        "external_id": "new",
        "id": bill.id,
        "status": "unlocked",
        "customer_id": customer.id,
        "customer_external_id": None,
        "billed_on": "2026-11-03",
        "outstanding_balance": 0,
        "billing_period_from": "2026-10-01",
        "billing_period_to": "2026-10-31",
        "utility": UTILITY,
        "account_number": NUMBER,
        "electricity_consumption": 367003,
        "electricity_amount": 8115,
        "delivery_charge": 5379,
        "supply_charge": 2736,
        "community_solar_bill_credit": None,
        "gas_consumption": 22.357,
        "gas_consumption_unit": "therms",
        "gas_amount": 4744,
        "total_amount": 12859,
        "reader": UTILITY,
        "ocr": False,
        "left_out": {},
        "other_fields": {"due_on": "2026-11-24", "previous_balance": 12245, "payments": -12245},
    }
    assert (electric["consumption"], gas["consumption"], gas["type"]) == (367003, 22.357, "gas")
    kinds = [event.kind for event in store.events.after()]
    assert kinds == [EventKind.NEW_BILL]


def test_a_named_customer_gets_the_upload_whoever_has_the_account(store: CompanyStore) -> None:
    first = uploaded(store)
    named = store.customers.create("", external_id="n")
    bill = uploaded(store, customer=named)
    assert (bill.customer_id, bill.id != first.id) == (named.id, True)
    found = store.customers.by_id(named.id)
    assert found is not None
    assert found.utility == UTILITY
    with pytest.raises(ExternalIdTaken, match=f"bill {first.id}"):
        name_bill(store, bill, name_bill(store, first, "x").external_id)
    assert name_bill(store, first, None).external_id is None
    assert name_bill(store, bill, "x").external_id == "x"


def test_a_bill_with_a_number_that_the_account_had_before_is_its(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, "ida@example.com")
    meters = (Meter("E1", Commodity.ELECTRIC),)
    for number in (NUMBER, "1"):
        account_id = store.accounts.save(customer, Account(number, meters=meters, key="k"))
    bill = uploaded(store)
    assert (bill.customer_id, bill.account_number) == (customer.id, NUMBER)
    assert [each.id for each in store.bills.of_account(account_id).values()] == [bill.id]
    assert [stored.account.number for stored in store.accounts.list(customer)] == ["1"]


def test_what_is_no_whole_pdf_is_refused(store: CompanyStore) -> None:
    for content in (b"", b"\x89PNG\r\n\x1a\n", b"<html></html>", PDF[: len(PDF) // 2], b"%PDF-1.4\n%%EOF"):
        with pytest.raises(NotAPdf):
            uploaded(store, content)
    assert store.customers.list() == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (printed("a receipt"), BillStatus.UNPARSED),
        (printed(""), BillStatus.NOT_SUPPORTED),
        (printed("x", "secret"), BillStatus.NOT_SUPPORTED),
    ],
)
def test_what_nothing_reads_is_the_companys_or_the_named_customers(
    store: CompanyStore, rendering: BillRendering, content: bytes, status: BillStatus
) -> None:
    bill = uploaded(store, content)
    told = rendering.of(store, bill)
    shown = [told[name] for name in ("status", "customer_id", "billed_on", "meters")]
    assert shown == [status, None, None, []]
    assert told["file_url"]
    named = store.customers.create(UTILITY)
    assert uploaded(store, content, customer=named).id == bill.id
    assert [each.id for each in listed(store, named)] == [bill.id]
    assert [event.kind for event in store.events.after()] == [EventKind.NEW_UNPARSED_BILL]
    store.customers.remove(named, data=True)
    with pytest.raises(NotFound):
        find_bill(store, bill.id)


def test_the_same_unread_bytes_may_be_a_bill_of_each_customer_and_of_one_after_another(
    store: CompanyStore,
) -> None:
    content = printed("a photo of a bill")
    ada, bea = store.customers.create(UTILITY), store.customers.create(UTILITY)
    first, second = (uploaded(store, content, customer=each) for each in (ada, bea))
    assert (first.customer_id, second.customer_id) == (ada.id, bea.id)
    assert uploaded(store, content, customer=bea).id == second.id
    assert uploaded(store, content).id == first.id
    store.customers.remove(ada, data=False)
    store.customers.remove(bea, data=False)
    third = uploaded(store, content)
    assert (third.customer_id, third.id in {first.id, second.id}) == (None, False)
    assert uploaded(store, content).id == third.id


def test_an_upload_that_was_not_read_is_assigned_once_a_layout_reads_it(
    store: CompanyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meterfarm.services.bills.load_utilities", lambda: [load_utility(UTILITY)])
    sample = SAMPLES / "pepernoot_coop/samples/bill_carried_over/input.pdf"
    bill = uploaded(store, sample.read_bytes(), external_id="mine")
    assert (bill.status, bill.customer_id) == (BillStatus.UNPARSED, None)
    assert asyncio.run(reread(store, [load_utility(UTILITY)], only_moved=True)).read == 0
    result = asyncio.run(reread(store, load_utilities(), only_moved=True))
    assert result.counts == {Reread.NEWLY_READ: 1}
    now = find_bill(store, external_id="mine")
    assert (now.id, now.status, now.account_number) == (bill.id, BillStatus.UNLOCKED, "142480704753475")
    assert [event.kind for event in store.events.after()] == [EventKind.NEW_BILL]


def test_what_was_read_generically_is_read_by_a_layout_once_there_is_one(
    store: CompanyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bill and its customer are that utility's then."""
    monkeypatch.setattr("meterfarm.services.bills.load_utilities", lambda: [load_utility("pepernoot_coop")])
    bill = uploaded(store)
    assert (bill.status, bill.utility) == (BillStatus.UNLOCKED, "")
    assert asyncio.run(reread(store, load_utilities())).counts == {Reread.UPDATED: 1}
    now = find_bill(store, bill.id)
    assert (now.utility, now.account_number) == (UTILITY, NUMBER)
    assert [customer.utility for customer in store.customers.list()] == [UTILITY]


def test_an_upload_is_read_again_once_for_each_change_of_the_layouts(
    store: CompanyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever read it: of a utility with a layout that does not fit it, and of none."""
    monkeypatch.setattr("meterfarm.services.bills.load_utilities", lambda: [load_utility("pepernoot_coop")])
    uploaded(store)
    uploaded(store, AMERICAN[2].pdf(), customer=store.customers.create("pepernoot_coop"))

    def again(*utilities: str) -> dict[Reread, int]:
        layouts = [load_utility(each) for each in utilities]
        result = asyncio.run(reread(store, layouts, only_moved=True))
        assert result.failures == []
        return dict(result.counts)

    assert again("pepernoot_coop") == {}
    assert again("pepernoot_coop", UTILITY) == {Reread.UPDATED: 1, Reread.UNCHANGED: 1}
    assert again("pepernoot_coop", UTILITY) == {}


def test_an_upload_and_the_portals_own_copy_are_one_bill(store: CompanyStore) -> None:
    """Whichever comes first, though their bytes differ: what the portal lists keeps the upload's id."""
    customer = store.customers.ensure(UTILITY, "ada@example.com")
    account = CUSTOMERS["iamvalid@bayou.energy"].accounts[0]
    newest, older = bills(account, TODAY)[:2]
    first = uploaded(store, render_bill(newest) + b"\n", customer=customer)
    fetched(store, customer, 0, 2)
    assert uploaded(store, render_bill(older) + b"\n").id != first.id
    found = listed(store, customer)
    assert [each.id for each in found] == [first.id, found[1].id]
    assert len(found) == 2
    assert [event.kind for event in store.events.after()] == [EventKind.NEW_BILL] * 2


def test_bills_are_listed_newest_first_by_account_meter_day_and_number(
    store: CompanyStore, rendering: BillRendering
) -> None:
    customer = store.customers.ensure(UTILITY, "ada@example.com")
    fetched(store, customer, 0, 6)
    every = listed(store, customer)
    days = [each.billed_on for each in every]
    assert all(a is not None and b is not None and a > b for a, b in pairwise(days))
    assert listed(store, customer, start=days[3], end=days[1]) == every[1:4]
    assert listed(store, customer, limit=2, offset=2) == every[2:4]
    assert list_bills(store, customer, BillQuery(limit=5), rendering)[1]
    assert not list_bills(store, customer, BillQuery(limit=6), rendering)[1]
    meter = rendering.of(store, every[0])["meters"][0]["id"]
    number = every[0].account_number
    assert listed(store, customer, account_number=number, meter_id=meter, limit=1, offset=1) == every[1:2]
    check_bills_of(store, customer, number, meter, rendering)
    with pytest.raises(NoSuchBills, match=str(number)):
        check_bills_of(store, customer, "1", None, rendering)
    with pytest.raises(NoSuchBills, match=meter):
        check_bills_of(store, customer, None, "E0", rendering)


def test_the_policy_at_a_customers_creation_decides_what_is_unlocked(
    farm: Store, store: CompanyStore, rendering: BillRendering
) -> None:
    """Locked bills show the fields that they may; unlocking is for good, and who did it is kept."""
    company = farm.companies.only()
    change_company(farm, company, ChangeCompany(history="none", continuous=True))
    customer = store.customers.ensure(UTILITY, "ada@example.com")
    change_company(farm, company, ChangeCompany(history="all"))
    fetched(store, customer, 1, 3)
    found = listed(store, customer)
    assert [each.status for each in found] == [BillStatus.LOCKED] * 2
    told = rendering.of(store, found[0])
    assert set(told) == LOCKED
    assert {frozenset(meter) for meter in told["meters"]} == {
        frozenset(("id", "status", "type", "tariff", "billing_period_from", "billing_period_to"))
    }
    assert unlock_bill(store, found[0], "api key 1")
    assert not unlock_bill(store, found[0], "api key 2")
    assert rendering.of(store, find_bill(store, found[0].id))["total_amount"] is not None
    with farm._farm.database.reading() as session:
        kept = [(row.bill_id, row.by) for row in session.exec(select(UnlockRow))]
    assert kept == [(found[0].id, "api key 1")] * len(told["meters"])
    lease = begun(store, customer)
    store.runs.finish(lease, Outcome.COMPLETE, "", follow=FollowUp(ready=frozenset({Part.BILLS})))
    fetched(store, customer, 0, 4)
    statuses = [each.status for each in listed(store, customer)]
    unlocked, locked = BillStatus.UNLOCKED, BillStatus.LOCKED
    assert statuses == [unlocked, unlocked, locked, locked], "the newest by itself, the next by hand"


def test_a_locked_bill_in_a_unit_without_a_field_withholds_its_content(
    farm: Store, store: CompanyStore, rendering: BillRendering
) -> None:
    change_company(farm, farm.companies.only(), ChangeCompany(history="none", continuous=False))
    customer = store.customers.ensure(UTILITY, "ada@example.com")
    made = Made("77", (Meter("G1", Commodity.GAS),), date(2025, 1, 1), 1)
    (bill,) = made.bills()
    in_energy = replace(bill.meters[0], consumption=Quantity(5, 3, Unit.WH))
    keep(store, customer, made, bills=[replace(bill, meters=(in_energy,))], intervals=False)
    (found,) = listed(store, customer)
    told = rendering.of(store, found)
    assert (told["status"], set(told)) == ("locked", LOCKED)
    assert unlock_bill(store, found, "api key 1")
    assert rendering.of(store, find_bill(store, found.id))["status"] == "unparsed"


def test_lines_of_bills_are_only_remembered_where_they_are_shown_and_of_few(store: CompanyStore) -> None:
    fetched(store, store.customers.ensure(UTILITY, "ada@example.com"), 0, 3)
    found, rendering = store.bills.list(), BillRendering(URL, most_beside=1)
    assert not any("line_items" in told for told in rendering.of_all(store, found, for_webhook=True))
    assert all(
        "line_items" not in content.fields for content in rendering._known.of(_versions(found)).values()
    )
    for _ in range(2):
        assert all(told["line_items"] and told["checks"] for told in rendering.of_all(store, found))
    assert len(rendering._beside.of(_versions(found))) == 1


def _versions(found: Sequence[FoundBill]) -> list[int]:
    return [bill.version_id for bill in found]


def test_months_of_history_are_counted_from_today(farm: Store, store: CompanyStore) -> None:
    change_company(farm, farm.companies.only(), ChangeCompany(history="3", continuous=False))
    customer = store.customers.ensure(UTILITY, "ada@example.com")
    fetched(store, customer, 0, 6)
    since = datetime.now(UTC).date() - timedelta(days=92)
    for each in listed(store, customer):
        assert each.billed_on is not None
        assert (each.status is BillStatus.UNLOCKED) == (each.billed_on >= since)


def test_gas_is_text_for_a_company_that_wants_it(
    farm: Store, store: CompanyStore, rendering: BillRendering
) -> None:
    bill = uploaded(store)
    change_company(farm, farm.companies.only(), ChangeCompany(gas_as_text=True))
    told = rendering.of(store, bill, for_webhook=True)
    assert (told["gas_consumption"], told["meters"][1]["consumption"]) == ("22.357", "22.357")
    assert (told["meters"][0]["consumption"], told["past_due"]) == (367003, False)


def test_the_address_of_a_file_is_signed_for_a_quarter_of_an_hour(
    farm: Store, store: CompanyStore, rendering: BillRendering
) -> None:
    bill = uploaded(store)
    token = rendering.of(store, bill)["file_url"].rpartition("/")[2]
    found = signed_bill(farm, token)
    assert found is not None
    kept = found[0].bills.file(found[1])
    assert kept is not None
    assert farm.files.read(kept.sha256) == PDF
    assert signed_bill(farm, token[:-1]) is None
    assert 895 < int(token.split("_")[1]) - datetime.now(UTC).timestamp() <= 900
