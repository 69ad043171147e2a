"""What is charged for unlocked meters, once, and the statement of a month: Bayou's prices, to the cent."""

from __future__ import annotations

import asyncio
import csv
import io
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from meterfarm.fake_utility.kit.billing import bills
from meterfarm.fake_utility.speculoos_power.bill_pdf import render_bill
from meterfarm.fake_utility.speculoos_power.customers import CUSTOMERS
from meterfarm.records import Bill, BillStatus, Commodity, Outcome, Part, Quantity, Unit
from meterfarm.services.bills import BillUpload, NoSuchBills, find_bill, unlock_bill, upload_bill
from meterfarm.services.companies import ChangeCompany, add_company, change_company, company_store
from meterfarm.services.errors import InvalidRequest, NotFound
from meterfarm.services.metering import (
    StatementMonth,
    StatementTotal,
    customer_charges,
    farm_totals,
    meter_prices,
    set_meter_price,
    statement_csv,
    statement_lines,
    statement_totals,
)
from meterfarm.storage.customers import Customer, MeterPrice
from meterfarm.storage.data import Reread, RereadBill, StatementLine
from meterfarm.storage.runs import FollowUp
from meterfarm.storage.store import CompanyStore, Store
from tests.services.printed import TODAY, fetched, printed
from tests.storage.made import ACCOUNT, UTILITY, begun, bill, listed, pdf, save_bill

EVER = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
NOW = StatementMonth.at(datetime.now(UTC))
JUNE, JULY = (StatementMonth.named(f"2026-{month}") for month in ("06", "07"))
AT_JUNES_END = datetime(2026, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC)
Chosen = Callable[..., None]


@pytest.fixture
def chosen(farm: Store, store: CompanyStore) -> Chosen:
    """Changes what the company has chosen; a meter costs $2.00."""
    set_meter_price(farm, "2.00")

    def change(**given: object) -> None:
        (company,) = (each for each in farm.companies.list() if each.id == store.company_id)
        change_company(farm, company, ChangeCompany(**given))  # type: ignore[arg-type] # as a test names them

    return change


def read_as(*meters: str, billed_on: date = date(2026, 6, 5)) -> Bill:
    """A bill of these meters; those that begin with G are of gas, with W of water, with B of both."""
    kinds = {
        "E": (Commodity.ELECTRIC,),
        "G": (Commodity.GAS,),
        "W": (Commodity.WATER,),
        "B": (Commodity.ELECTRIC, Commodity.GAS),
    }
    made = bill(billed_on=billed_on)
    one = replace(made.meters[0], consumption=Quantity(1, 0, Unit.WH))
    shown = [replace(one, id=each, commodity=kind) for each in meters for kind in kinds[each[0]]]
    return replace(made, meters=tuple(shown))


def kept(
    store: CompanyStore,
    customer: Customer,
    *meters: str,
    key: str = "b1",
    version: int = 1,
    is_read: bool = True,
) -> int:
    """Save a bill as a run does, read by a version of a layout; its id."""
    account = store.accounts.save(customer, ACCOUNT)
    read = read_as(*meters) if is_read else None
    document = pdf(f"%PDF-1.7 {key}".encode())
    save_bill(store, account, listed(key), document, read, layout="layout", layout_version=version)
    return store.bills.of_account(account)[key].id


def read_again(store: CompanyStore, *meters: str, version: int = 2) -> Reread:
    """Read the customer's one bill again from its stored bytes, by another version of its layout."""
    (there,) = store.bills.to_reread(UTILITY)
    (became,) = store.bills.save_reread(
        there.account_id, [RereadBill(there, read_as(*meters), "layout", version)]
    )
    return became


def lines_of(store: CompanyStore) -> Sequence[StatementLine]:
    """Whatever was charged, ever."""
    return store.bills.charges(*EVER, None, 1_000)


def counts(store: CompanyStore) -> list[tuple[int, int, int]]:
    """Meters of electricity and gas that were charged, and cents, each time."""
    return [(line.electric, line.gas, line.amount) for line in lines_of(store)]


def unlocked_at(store: CompanyStore, bill_id: int, at: datetime) -> None:
    """As if the bill had been unlocked then."""
    with store.farm._farm.database.writing() as session:
        moved = text("UPDATE unlock SET at = :at WHERE bill_id = :bill")
        session.connection().execute(moved, {"at": f"{at:%Y-%m-%d %H:%M:%S.%f}", "bill": bill_id})


@pytest.fixture
def ada(store: CompanyStore) -> Customer:
    return store.customers.add(UTILITY, "ada@example.com", external_id="A-1", secrets={})


@pytest.mark.parametrize(
    ("meters", "cents"),
    [
        (["E1"], 200),
        (["G1"], 200),
        (["E1", "G1"], 400),
        (["E1", "E2", "E3", "G1", "G2"], 1000),
        (["E1", "W1"], 200),
        (["B1"], 400),
        (["W1"], 0),
        ([], 0),
    ],
)
def test_a_bill_costs_two_dollars_a_meter(
    store: CompanyStore, chosen: Chosen, ada: Customer, meters: list[str], cents: int
) -> None:
    kept(store, ada, *meters)
    assert sum(line.amount for line in lines_of(store)) == cents


@pytest.mark.parametrize(
    ("meters", "unlocked", "cents"),
    [
        (["E1"], ["E1"], 200),
        (["G1"], [], 0),
        (["E1", "G1"], ["E1"], 200),
        (["E1", "E2", "E3", "G1", "G2"], ["E1", "E3", "G2"], 600),
    ],
)
def test_only_meters_that_are_unlocked_are_charged(
    store: CompanyStore,
    chosen: Chosen,
    meters: list[str],
    unlocked: list[str],
    cents: int,
) -> None:
    chosen(history="none", continuous=False)
    bill_id = kept(store, store.customers.ensure(UTILITY, "bea@example.com"), *meters)
    if unlocked:
        assert unlock_bill(store, find_bill(store, bill_id), "us", meter_ids=unlocked)
        assert not unlock_bill(store, find_bill(store, bill_id), "us", meter_ids=unlocked)
    assert sum(line.amount for line in lines_of(store)) == cents


@pytest.mark.parametrize(
    ("preference", "charged"),
    [("electric", [(1, 0, 200)]), ("gas", [(0, 2, 400)]), ("both", [(1, 2, 600)])],
)
def test_the_meter_preference_of_the_moment_decides_what_is_charged(
    store: CompanyStore, chosen: Chosen, ada: Customer, preference: str, charged: list[tuple[int, int, int]]
) -> None:
    """All is unlocked in any case; what was free stays so when the preference changes."""
    chosen(meter_preference=preference)
    bill_id = kept(store, ada, "E1", "G1", "G2")
    assert counts(store) == charged
    chosen(meter_preference="both")
    assert not unlock_bill(store, find_bill(store, bill_id), "us")
    assert read_again(store, "E1", "G1", "G2", "E9") is Reread.UPDATED
    assert counts(store) == charged


def test_meters_are_unlocked_by_type_each_with_all_that_it_measures(
    store: CompanyStore, chosen: Chosen
) -> None:
    chosen(history="none", continuous=False)
    ada = store.customers.ensure(UTILITY, "ada@example.com")
    first = kept(store, ada, "E1", "E2", "G1")
    for kind, so_far in (("gas", 200), ("gas", 200), ("electric", 600), ("electric", 600)):
        unlock_bill(store, find_bill(store, first), "us", meter_type=kind)
        assert sum(line.amount for line in lines_of(store)) == so_far
    assert find_bill(store, first).status is BillStatus.UNLOCKED
    for key, kind in (("b2", "electric"), ("b3", "gas")):
        both = kept(store, ada, "B1", key=key)
        assert unlock_bill(store, find_bill(store, both), "us", meter_type=kind)
        assert not unlock_bill(store, find_bill(store, both), "us")
    assert counts(store)[2:] == [(1, 1, 400)] * 2


def test_a_meter_that_was_swapped_is_charged_beside_the_one_before_it(
    store: CompanyStore, chosen: Chosen, ada: Customer
) -> None:
    """On the bill that has both; a correction of that bill is free, and the next bill has one."""
    kept(store, ada, "E1", "E2")
    kept(store, ada, "E2", version=2)
    kept(store, ada, "E2", key="b2", version=2)
    assert counts(store) == [(2, 0, 400), (1, 0, 200)]


def test_whoever_was_erased_and_comes_back_is_charged_anew(store: CompanyStore, chosen: Chosen) -> None:
    for _ in range(2):
        ada = store.customers.ensure(UTILITY, "ada@example.com")
        kept(store, ada, "E1", "G1")
        store.customers.remove(ada, data=True)
    assert counts(store) == [(1, 1, 400)] * 2
    assert [charge.amount for charge in customer_charges(store, NOW)] == [400, 400]


def test_two_who_unlock_at_once_are_charged_once(store: CompanyStore, chosen: Chosen) -> None:
    chosen(history="none", continuous=False)
    bill_id = kept(store, store.customers.ensure(UTILITY, "ada@example.com"), "E1", "G1")
    bill = find_bill(store, bill_id)
    with ThreadPoolExecutor(4) as pool:
        wanted: list[Sequence[str] | None] = [["E1"], None, ["G1"], None]
        results = list(pool.map(lambda meters: unlock_bill(store, bill, "us", meter_ids=meters), wanted))
    assert any(results)
    assert sum(line.amount for line in lines_of(store)) == 400


def test_an_upload_of_nobody_that_was_unlocked_is_charged_to_whoever_it_turns_out_to_be_of(
    store: CompanyStore, chosen: Chosen
) -> None:
    """So that lines, customers and sums agree."""
    chosen(history="none", continuous=False)
    account = CUSTOMERS["iamvalid@bayou.energy"].accounts[0]
    content = render_bill(bills(account, TODAY)[0])
    found = asyncio.run(upload_bill(store, BillUpload(printed("nothing that is a bill"))))
    assert found.customer_id is None
    assert unlock_bill(store, found, "us")
    read = asyncio.run(upload_bill(store, BillUpload(content)))
    assert unlock_bill(store, read, "us")
    (line,) = lines_of(store)
    (charge,) = customer_charges(store, NOW)
    (total,) = statement_totals(store, NOW)
    assert line.amount == charge.amount == total.amount == 400
    assert line.customer_id == charge.customer_id == read.customer_id


def test_whatever_is_done_with_bills_no_meter_is_charged_twice_and_all_sums_agree(
    store: CompanyStore, chosen: Chosen
) -> None:
    """By chance: unlocked in part and whole, read anew with other numbers and other meters."""
    chosen(history="none", continuous=False)
    chance = random.Random(18)  # noqa: S311 - guards nothing
    ada = store.customers.ensure(UTILITY, "ada@example.com")
    shown: dict[int, list[int]] = {}
    for number in range(4):
        versions = 0
        for step in range(14):
            meters = [
                f"{kind}{chance.choice('12')}-{each}" for kind in "EG" for each in range(chance.randint(0, 3))
            ]
            if step == 0 or chance.random() < 0.4:
                versions += 1
                bill_id = kept(store, ada, *meters, key=f"b{number}", version=versions)
                shown.setdefault(bill_id, []).append(len(set(meters)))
                continue
            bill = find_bill(store, bill_id)
            kind = chance.choice([None, "electric", "gas"])
            with suppress(NoSuchBills):
                before = lines_of(store)
                unlock_bill(store, bill, "us", meter_type=kind)
                assert lines_of(store)[: len(before)] == before or kind is not None
        store.bills.unlock(bill_id, "us")
    lines, charges = lines_of(store), list(customer_charges(store, NOW))
    (total,) = statement_totals(store, NOW)
    assert sum(line.amount for line in lines) == sum(each.amount for each in charges) == total.amount
    assert total.amount == 200 * (total.electric + total.gas)
    for bill_id, most in shown.items():
        charged = sum(line.electric + line.gas for line in lines if line.bill_id == bill_id)
        assert charged <= max(most)
    assert total.electric + total.gas > 0


def test_a_bill_that_is_unlocked_late_is_on_the_statement_of_the_month_of_unlocking(
    store: CompanyStore, chosen: Chosen
) -> None:
    chosen(history="none", continuous=False)
    ada = store.customers.ensure(UTILITY, "ada@example.com")
    first, second = (kept(store, ada, "E1", "G1", key=key) for key in ("b1", "b2"))
    assert counts(store) == []
    for bill_id, at in ((first, AT_JUNES_END), (second, AT_JUNES_END + timedelta(microseconds=1))):
        assert unlock_bill(store, find_bill(store, bill_id), "us")
        assert not unlock_bill(store, find_bill(store, bill_id), "us")
        unlocked_at(store, bill_id, at)
    for month, bill_id in ((JUNE, first), (JULY, second)):
        (line,) = statement_lines(store, month)
        assert (line.bill_id, line.electric, line.gas, line.amount) == (bill_id, 1, 1, 400)
        assert (line.billed_on, line.utility) == (date(2026, 6, 5), UTILITY)
        assert (line.billing_period_from, line.billing_period_to) == (date(2025, 12, 1), date(2025, 12, 31))
        assert statement_totals(store, month) == [StatementTotal("USD", 1, 1, 1, 400)]
    assert statement_totals(store, JUNE.before) == []


def test_reading_again_costs_nothing(store: CompanyStore, chosen: Chosen, ada: Customer) -> None:
    """Whatever another version of the layout finds; and so do other documents of the bill."""
    kept(store, ada, "E1", "G1")
    assert read_again(store, "E1", "G1", "G2") is Reread.UPDATED
    assert read_again(store, "E01", "G01", version=3) is Reread.UPDATED
    kept(store, ada, "E01", "G01", "G02", version=4)
    assert counts(store) == [(1, 1, 400)]


def test_a_meter_that_is_read_by_another_number_is_not_charged_again(
    store: CompanyStore, chosen: Chosen
) -> None:
    """Of a bill that is unlocked in part; the meter that was still locked is."""
    chosen(history="none", continuous=False)
    bill_id = kept(store, store.customers.ensure(UTILITY, "ada@example.com"), "E1", "E2")
    assert unlock_bill(store, find_bill(store, bill_id), "us", meter_ids=["E1"])
    assert read_again(store, "E01", "E02") is Reread.UPDATED
    assert counts(store) == [(1, 0, 200)]
    assert unlock_bill(store, find_bill(store, bill_id), "us", meter_ids=["E01"])
    assert counts(store) == [(1, 0, 200)]
    assert unlock_bill(store, find_bill(store, bill_id), "us")
    assert counts(store) == [(1, 0, 200)] * 2


def test_a_bill_that_is_unlocked_before_it_is_read_is_charged_once_it_is(
    farm: Store, store: CompanyStore, chosen: Chosen
) -> None:
    """By the price of then; whoever unlocked it is remembered."""
    chosen(history="none", continuous=False)
    ada = store.customers.ensure(UTILITY, "ada@example.com")
    bill_id = kept(store, ada, is_read=False)
    assert unlock_bill(store, find_bill(store, bill_id), "api key 1")
    assert counts(store) == []
    unlocked_at(store, bill_id, AT_JUNES_END)
    set_meter_price(farm, "3")
    assert read_again(store, "E1", "G1") is Reread.NEWLY_READ
    assert counts(store) == [(1, 1, 600)]
    assert lines_of(store)[0].unlocked_at > AT_JUNES_END
    with farm._farm.database.reading() as session:
        (by,) = session.connection().execute(text("SELECT DISTINCT by FROM unlock")).scalars()
    assert by == "api key 1"


def test_what_unlocks_by_itself_is_charged_by_the_policy(store: CompanyStore, chosen: Chosen) -> None:
    chosen(history="none", continuous=True)
    ada = store.customers.ensure(UTILITY, "ada@example.com")
    fetched(store, ada, 2, 4)
    assert counts(store) == [], "of the past nothing"
    lease = begun(store, ada)
    store.runs.finish(lease, Outcome.COMPLETE, "", follow=FollowUp(ready=frozenset({Part.BILLS})))
    fetched(store, ada, 0, 4)
    assert counts(store) == [(1, 1, 400)] * 2, "each later bill"


def test_an_upload_is_charged_once_however_it_comes_again(store: CompanyStore, chosen: Chosen) -> None:
    """The same bytes, another copy, and the portal's own."""
    account = CUSTOMERS["iamvalid@bayou.energy"].accounts[0]
    content = render_bill(bills(account, TODAY)[0])
    ada = store.customers.ensure(UTILITY, "ada@example.com")
    for each in (content, content, content + b"\n"):
        asyncio.run(upload_bill(store, BillUpload(each, customer=ada)))
    assert counts(store) == [(1, 1, 400)]
    fetched(store, ada, 0, 1)
    assert counts(store) == [(1, 1, 400)]


def test_a_statement_outlives_the_customer_without_what_was_collected(
    farm: Store, store: CompanyStore, chosen: Chosen, ada: Customer, tmp_path: Path
) -> None:
    bill_id = kept(store, ada, "E-canary", "G-canary")
    unlocked_at(store, bill_id, AT_JUNES_END)
    before = statement_totals(store, JUNE)
    store.customers.remove(ada, data=True)
    assert statement_totals(store, JUNE) == before == [StatementTotal("USD", 1, 1, 1, 400)]
    (line,) = statement_lines(store, JUNE)
    assert (line.customer_id, line.customer_external_id, line.bill_id) == (ada.id, "A-1", bill_id)
    assert (line.utility, line.billed_on, line.billing_period_from) == ("", None, None)
    (charge,) = customer_charges(store, JUNE)
    assert (charge.customer_external_id, charge.bills, charge.amount) == ("A-1", 1, 400)
    assert b"canary" not in (tmp_path / "home" / "meterfarm.db").read_bytes()


def test_sides_and_companies_are_priced_alike_and_charged_apart(farm: Store, chosen: Chosen) -> None:
    add_company(farm, "acme")
    set_meter_price(farm, "1.50", company="acme")
    stores = {
        (name, live): company_store(farm, name, live=live)
        for name in ("default", "acme")
        for live in (False, True)
    }
    for number, (each, charged_to) in enumerate(stores.items(), 1):
        customer = charged_to.customers.ensure(UTILITY, f"{each[0]}{each[1]}@x.example")
        kept(charged_to, customer, *(f"E{meter}" for meter in range(number)))
    cents = {each: sum(line.amount for line in lines_of(charged)) for each, charged in stores.items()}
    assert cents == {
        ("default", False): 200,
        ("default", True): 400,
        ("acme", False): 450,
        ("acme", True): 600,
    }
    now = StatementMonth.at(lines_of(stores["acme", True])[0].unlocked_at)
    found = {(company.name, company.live): totals for company, totals in farm_totals(farm, now)}
    assert found["acme", True] == [StatementTotal("USD", 1, 4, 0, 600)]


def test_a_price_is_for_what_is_unlocked_from_then_on(
    farm: Store, store: CompanyStore, ada: Customer
) -> None:
    """0 until it is set. In another currency there is a sum of its own."""
    prices = [None, ("2.00", None), ("3", None), ("0.35", "eur"), (None, None)]
    for number, price in enumerate(prices):
        if price is not None:
            set_meter_price(farm, *price)
        unlocked_at(store, kept(store, ada, "E1", "G1", key=f"b{number}"), AT_JUNES_END)
    assert statement_totals(store, JUNE) == [
        StatementTotal("EUR", 1, 1, 1, 70),
        StatementTotal("USD", 4, 4, 4, 1000),
    ]
    assert [charge.amount for charge in customer_charges(store, JUNE)] == [70, 1000]


def test_prices_are_the_farms_or_a_companys_own(farm: Store) -> None:
    add_company(farm, "acme")
    assert meter_prices(farm) == {"": MeterPrice(0, "USD")}
    set_meter_price(farm, " 2 ", "CAD")
    assert set_meter_price(farm, "0.05", company="acme") == MeterPrice(5, "CAD")
    assert meter_prices(farm) == {"": MeterPrice(200, "CAD"), "acme": MeterPrice(5, "CAD")}
    assert set_meter_price(farm, None, company="acme") is None
    assert meter_prices(farm) == {"": MeterPrice(200, "CAD")}
    for price, currency in (
        ("-1", None),
        ("2,00", None),
        ("1.5", None),
        ("٣", None),
        ("1", "US"),
        ("1", "$"),
    ):
        with pytest.raises(InvalidRequest):
            set_meter_price(farm, price, currency)
    with pytest.raises(NotFound):
        set_meter_price(farm, "1", company="nobody")


def test_the_csv_has_a_row_for_each_bill_and_no_formula(store: CompanyStore, chosen: Chosen) -> None:
    ada = store.customers.add(UTILITY, "ada@example.com", external_id="=1+1", secrets={})
    bill_id = kept(store, ada, "E1", "E2", "G1")
    unlocked_at(store, bill_id, AT_JUNES_END)
    text_of_it = "".join(statement_csv(store, JUNE))
    (row,) = csv.DictReader(io.StringIO(text_of_it))
    assert text_of_it.count("\r\n") == 2
    assert row == {
        "customer_id": str(ada.id),
        "customer_external_id": "'=1+1",
        "utility": UTILITY,
        "bill_id": str(bill_id),
        "billed_on": "2026-06-05",
        "billing_period_from": "2025-12-01",
        "billing_period_to": "2025-12-31",
        "electric_meters": "2",
        "gas_meters": "1",
        "price": "2.00",
        "amount": "6.00",
        "currency": "USD",
        "unlocked_at": "2026-06-30T23:59:59Z",
    }
    assert "".join(statement_csv(store, JULY)).count("\r\n") == 1


def test_a_long_statement_is_read_page_by_page(store: CompanyStore, chosen: Chosen) -> None:
    """Also where bills were unlocked in the same instant; customers likewise."""
    for number in range(3):
        customer = store.customers.ensure(UTILITY, f"{number}@example.com")
        for key in ("b1", "b2"):
            unlocked_at(store, kept(store, customer, "E1", key=key), AT_JUNES_END - timedelta(number % 2))
    whole = lines_of(store)
    assert [line.bill_id for line in whole] == [3, 4, 1, 2, 5, 6]
    paged: list[StatementLine] = []
    while page := store.bills.charges(
        *EVER, (paged[-1].unlocked_at, paged[-1].bill_id) if paged else None, 2
    ):
        paged += page
    assert paged == whole
    first = store.bills.charged_customers(*EVER, (0, ""), 2)
    rest = store.bills.charged_customers(*EVER, (first[-1].customer_id, first[-1].currency), 2)
    assert [(each.bills, each.amount) for each in [*first, *rest]] == [(2, 400)] * 3


def test_a_month_is_written_as_a_year_and_a_number() -> None:
    december = StatementMonth.named(" 2026-12 ")
    assert (december.start, december.end) == (
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert str(StatementMonth.named("2026-01").before) == "2025-12"
    assert str(StatementMonth.at(AT_JUNES_END)) == "2026-06"
    for wrong in ("2026-13", "2026-1", "june", "2026-10-01", "0000-01", "9999-12", "٢٠٢٦-10", ""):
        with pytest.raises(InvalidRequest, match="write it like 2026-10"):
            StatementMonth.named(wrong)
