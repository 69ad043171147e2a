"""Bills have one identity and a version for each document or reading of it; accounts keep their meters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from meterfarm.formats.bills.generic import GENERIC
from meterfarm.formats.bills.stored_reading import MOST_CHECKS, MOST_LINES
from meterfarm.records import (
    Account,
    AccountStatus,
    BillCheck,
    BillReading,
    BillSource,
    BillStatus,
    Commodity,
    EventKind,
    LineItem,
    Meter,
)
from meterfarm.storage import LeaseLost, StorageError
from meterfarm.storage.customers import CompanySettings, MeterPrice
from meterfarm.storage.data import CustomerCharge, ReadBill, Reread, RereadBill, UploadedBill
from meterfarm.storage.runs import Lease
from meterfarm.storage.store import CompanyStore
from tests.storage.made import (
    ACCOUNT,
    ELECTRIC,
    EXPORT,
    GAS,
    USERNAME,
    UTILITY,
    bill,
    listed,
    pdf,
    reading,
    save_bill,
    series,
)
from tests.storage.opening import ON_BOTH, OpenStore, Rows

pytestmark = ON_BOTH


@pytest.fixture
def account(store: CompanyStore) -> int:
    return store.accounts.save(store.customers.ensure(UTILITY, USERNAME), ACCOUNT)


def _count(rows: Rows, table: str) -> int:
    ((count,),) = rows(f"SELECT count(*) FROM {table}")  # noqa: S608 - a test's own
    return int(count)


def test_a_bill_comes_back_as_it_was_read(store: CompanyStore, account: int) -> None:
    assert save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1, problems=("odd",))
    stored = store.bills.of_account(account)["b1"]
    assert stored.bill == bill()
    assert (stored.name, stored.layout_version, stored.problems) == ("bill.pdf", 1, ("odd",))
    assert store.files.read(stored.sha256) == pdf().content


def test_what_was_read_beside_a_bill_comes_back_and_a_changed_line_is_a_new_version(
    store: CompanyStore, account: int
) -> None:
    first = reading(bill())
    read = ReadBill(listed(), pdf(), bill(), "l", 1, reading=first)
    assert list(store.bills.save(account, [read])) == [True]
    stored = store.bills.of_account(account)["b1"]
    assert stored.reading is not None
    assert stored.reading == replace(first, bill=stored.bill, line_items=tuple(first.line_items))
    (before,) = store.bills.list()
    (item,) = first.line_items
    changed = reading(bill(), [replace(item, rate=Decimal("0.2"))])
    store.bills.save(account, [replace(read, document=pdf(b"%PDF-1.7 two"), reading=changed)])
    (now,) = store.bills.list()
    kept = store.bills.contents([before.version_id, now.version_id])
    lines = [read.line_items for _, read in (kept[before.version_id], kept[now.version_id]) if read]
    assert lines == [tuple(first.line_items), tuple(changed.line_items)]
    kinds = [event.kind for event in store.events.after(0, 10)]
    assert kinds == [EventKind.NEW_BILL, EventKind.UPDATED_BILL]


def test_lines_that_are_only_better_proved_are_nothing_new(store: CompanyStore, account: int) -> None:
    (item,) = reading(bill()).line_items
    for version, proved in enumerate(((), ("sum",)), 1):
        again = reading(bill(), [replace(item, proved_by=proved, tier="t", section=str(version))])
        store.bills.save(account, [ReadBill(listed(), pdf(), bill(), "l", version, reading=again)])
    assert [event.kind for event in store.events.after(0, 10)] == [EventKind.NEW_BILL]


def test_lines_with_figures_that_no_bill_has_are_left_out_or_lose_them(
    store: CompanyStore, account: int
) -> None:
    (item,) = reading(bill()).line_items
    odd = [replace(item, cost=10**15), replace(item, volume=Decimal("1E+999"), rate=Decimal("NaN")), item]
    store.bills.save(account, [ReadBill(listed(), pdf(), bill(), "l", 1, reading=reading(bill(), odd))])
    kept = store.bills.of_account(account)["b1"].reading
    assert kept is not None
    assert list(kept.line_items) == [replace(item, volume=None, rate=None), item]
    assert "digits" in kept.left_out["line_items"]


def test_of_an_unread_bill_is_kept_what_is_certain_and_why_the_rest_is_not(
    store: CompanyStore, account: int
) -> None:
    """Also of fields that have parts, or are several; not what is no figure, nor deeper ones."""
    sent_to = {"line_1": "1 Long\nStreet", "city": "Troy", "more": {"deeper": {"deepest": 1}}}
    periods = [{"from": "2026-01-01", "usage": 7.5, "unknown": None}]
    fields = {"total_amount": 7, "mailing_address": sent_to, "rebilled_periods": periods, "odd": 10**15}
    partly = BillReading("generic", BillStatus.UNPARSED, fields, left_out={"billed_on": "no day"})
    store.bills.save(account, [ReadBill(listed(), pdf(), None, "generic", 1, ("no day",), reading=partly)])
    (found,) = store.bills.list()
    assert found.status is BillStatus.UNPARSED
    bill_, kept = store.bills.contents([found.version_id])[found.version_id]
    assert bill_ is None
    assert kept is not None
    assert kept.fields == {
        "total_amount": 7,
        "mailing_address": {"line_1": "1 Long Street", "city": "Troy"},
        "rebilled_periods": [{"from": "2026-01-01", "usage": 7.5}],
    }
    assert kept.left_out == {"billed_on": "no day"}


def test_what_is_kept_of_a_reading_is_bounded(store: CompanyStore, account: int) -> None:
    item = LineItem("x" * 9999, 1)
    checks = [*[BillCheck("c", True, "y" * 9999)] * 999, BillCheck("last", False, "Not so.")]
    huge = replace(
        reading(bill(), [item] * 9999), checks=checks, left_out={str(each): "z" * 9999 for each in range(999)}
    )
    store.bills.save(account, [ReadBill(listed(), pdf(), bill(), "l", 1, reading=huge)])
    kept = store.bills.of_account(account)["b1"].reading
    assert kept is not None
    assert len(kept.line_items) == MOST_LINES
    assert len(kept.checks) == MOST_CHECKS
    assert kept.checks[0] == checks[-1]
    assert "9999" in kept.left_out["line_items"]
    assert len(str(kept)) < 500_000


def test_the_same_bill_again_is_nothing_new(store: CompanyStore, account: int, rows: Rows) -> None:
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    assert not save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    assert [_count(rows, name) for name in ("bill", "bill_version", "document", "file")] == [1, 1, 1, 1]


def test_a_bill_tells_whether_its_file_is_there_and_the_same_bytes_bring_it_back(
    store: CompanyStore, account: int
) -> None:
    save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    stored = store.bills.of_account(account)["b1"]
    assert stored.has_file
    store.files.delete(stored.sha256)
    assert store.bills.of_account(account)["b1"] == replace(stored, has_file=False)
    assert not save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=1)
    assert store.bills.of_account(account)["b1"] == stored
    assert store.files.read(stored.sha256) == pdf().content


def test_other_bytes_under_the_same_key_are_a_new_version(
    store: CompanyStore, account: int, rows: Rows
) -> None:
    save_bill(store, account, listed(), pdf(), bill(1), layout="l", layout_version=1)
    assert save_bill(store, account, listed(), pdf(b"%PDF two"), bill(2), layout="l", layout_version=1)
    stored = store.bills.of_account(account)["b1"]
    assert stored.bill == bill(2)
    assert save_bill(store, account, listed(), pdf(), bill(1), layout="l", layout_version=1), "back again"
    assert store.bills.of_account(account)["b1"].bill == bill(1)
    assert store.bills.of_account(account)["b1"].id == stored.id
    assert [_count(rows, name) for name in ("bill", "bill_version", "document")] == [1, 3, 2]


def test_an_unread_bill_is_kept_and_read_later(store: CompanyStore, account: int) -> None:
    save_bill(store, account, listed(), pdf(), None, layout="l", layout_version=1, problems=["no total"])
    unread = store.bills.of_account(account)["b1"]
    assert unread.bill is None
    assert unread.problems == ("no total",)
    assert save_bill(store, account, listed(), pdf(), bill(), layout="l", layout_version=2)
    assert store.bills.of_account(account)["b1"].bill == bill()


def _read(key: str, content: bytes, total: int | None = 4200, version: int = 1) -> ReadBill:
    return ReadBill(listed(key), pdf(content), None if total is None else bill(total), "l", version)


def test_several_bills_at_once_are_as_one_after_the_other(
    store: CompanyStore, account: int, rows: Rows
) -> None:
    """One that was there, two of the same bytes, one that is unread, and one that comes twice."""
    save_bill(store, account, listed("b1"), pdf(b"one"), bill(1), layout="l", layout_version=1)
    together = [
        _read("b1", b"one", 1),
        _read("b2", b"same"),
        _read("b3", b"same", 3),
        _read("b4", b"four", None),
        _read("b4", b"four", 4, version=2),
        _read("b4", b"four", 4, version=2),
        _read("b2", b"other", 5),
    ]
    assert store.bills.save(account, together) == [False, True, True, True, True, False, True]
    stored = store.bills.of_account(account)
    assert {key: each.bill and each.bill.total_amount for key, each in stored.items()} == {
        "b1": 1,
        "b2": 5,
        "b3": 3,
        "b4": 4,
    }
    assert [event.kind.value for event in store.events.after()] == [
        "new_bill",
        "new_bill",
        "new_bill",
        "new_unparsed_bill",
        "new_bill",
        "updated_bill",
    ]
    assert sorted(refs for (refs,) in rows("SELECT refs FROM file")) == [1, 1, 1, 2]
    assert [_count(rows, name) for name in ("bill", "bill_version", "document", "file")] == [4, 6, 5, 4]


def test_of_several_bills_all_are_kept_or_none(store: CompanyStore, account: int, rows: Rows) -> None:
    with pytest.raises(StorageError, match="no account"):
        store.bills.save(account + 1, [_read("b1", b"one"), _read("b2", b"two")])
    huge = _read("b2", b"two", 2**63)
    with pytest.raises(Exception, match=r"too large|OutOfRange"):
        store.bills.save(account, [_read("b1", b"one"), huge])
    assert [_count(rows, name) for name in ("bill", "document", "file", "event")] == [0, 0, 0, 0]


def test_the_same_file_of_many_accounts_at_once_is_counted_for_each(
    open_store: OpenStore, rows: Rows
) -> None:
    """In whatever order each has its bills."""
    stores = [open_store() for _ in range(4)]
    accounts = [
        each.accounts.save(each.customers.ensure(UTILITY, f"{number}@example.org"), ACCOUNT)
        for number, each in enumerate(stores)
    ]

    def save(number: int) -> None:
        contents = [b"a", b"b", b"c", b"d"]
        turned = contents[number:] + contents[:number]
        stores[number].bills.save(accounts[number], [_read(f"b{at}", each) for at, each in enumerate(turned)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(4)))
    assert rows("SELECT refs FROM file") == [(4,)] * 4


def test_a_bill_is_charged_once_whoever_unlocks_and_reads_it_at_once(
    open_store: OpenStore, rows: Rows
) -> None:
    """Processes that unlock the whole bill or its meter, while another reads it for the first time."""
    stores = [open_store() for _ in range(4)]
    settings = CompanySettings(unlock_months=0, unlock_continuous=False)
    stores[0].farm.companies.choose(stores[0].company_id, settings)
    stores[0].farm.companies.set_price("", MeterPrice(200, "EUR"))
    account = stores[0].accounts.save(stores[0].customers.ensure(UTILITY, USERNAME), ACCOUNT)
    keys = [f"b{number}" for number in range(6)]
    stores[0].bills.save(
        account, [ReadBill(listed(key), pdf(key.encode()), None, "l", 1, ["no total"]) for key in keys]
    )
    found = [bill_.id for bill_ in stores[0].bills.of_account(account).values()]

    def work(number: int) -> int:
        if number == 3:
            return sum(
                stores[3].bills.save(account, [_read(key, key.encode(), version=2)])[0] for key in keys
            )
        return sum(
            stores[number].bills.unlock(bill_id, "us", [ELECTRIC.id][number:] or None) for bill_id in found
        )

    with ThreadPoolExecutor(4) as pool:
        *unlocked, read = pool.map(work, range(4))
    assert (sum(unlocked), read) == (6, 6)
    assert rows("SELECT bill_id, sum(electric), sum(gas) FROM unlock GROUP BY bill_id ORDER BY 1") == [
        (bill_id, 1, 0) for bill_id in sorted(found)
    ]
    ever = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    lines = stores[0].bills.charges(*ever, None, 9)
    assert stores[0].bills.charges(*ever, (lines[3].unlocked_at, lines[3].bill_id), 9) == lines[4:]
    assert sorted(line.bill_id for line in lines) == sorted(found)
    (customer,) = stores[0].bills.charged_customers(*ever, (0, ""), 9)
    assert customer == CustomerCharge(lines[0].customer_id, None, "EUR", 6, 6, 0, 1200)
    assert type(customer.amount) is int


def test_a_bill_is_in_store_with_its_file_and_unread_with_the_reason(
    store: CompanyStore, account: int
) -> None:
    unread = ReadBill(listed("b2"), pdf(b"two"), None, "l", 1, ["no total"])
    store.bills.save(account, [_read("b1", b"one"), unread, _read("b3", b"three")])
    assert store.bills.in_store(account) == {"b1": None, "b2": "no total", "b3": None}
    store.bills.save(account, [_read("b2", b"two", 1, version=2), _read("b3", b"new", None)])
    assert store.bills.in_store(account) == {"b1": None, "b2": None, "b3": ""}
    store.files.delete(store.bills.of_account(account)["b1"].sha256)
    assert store.bills.in_store(account) == {"b2": None, "b3": ""}
    assert store.bills.in_store(account + 1) == {}


def test_an_unread_bill_that_the_same_version_reads_is_read(store: CompanyStore, account: int) -> None:
    """A layout that was mended without counting up: nothing that was read is replaced."""
    store.bills.save(account, [ReadBill(listed(), pdf(), None, "l", 1, ["no total"])])
    assert store.bills.save(account, [_read("b1", pdf().content)]) == [True]
    stored = store.bills.of_account(account)["b1"]
    assert (stored.bill, stored.problems) == (bill(4200), ())
    assert store.bills.save(account, [_read("b1", pdf().content, 5)]) == [False]
    assert store.bills.of_account(account)["b1"] == stored


def _again(store: CompanyStore, account: int, total: int | None, version: int) -> Reread:
    (kept,) = store.bills.to_reread(UTILITY)
    its = RereadBill(kept, None if total is None else bill(total), "l", version)
    (found,) = store.bills.save_reread(account, [its])
    return found


def _total(store: CompanyStore, account: int) -> int | None:
    stored = store.bills.of_account(account)["b1"].bill
    return stored.total_amount if stored else None


@pytest.mark.parametrize(
    ("first", "then", "version", "found", "total", "events"),
    [
        (None, None, 1, Reread.UNREAD, None, 0),
        (None, None, 2, Reread.UNREAD, None, 0),
        (None, 5, 1, Reread.NEWLY_READ, 5, 1),
        (None, 5, 2, Reread.NEWLY_READ, 5, 1),
        (4, 4, 1, Reread.UNCHANGED, 4, 0),
        (4, 4, 2, Reread.UNCHANGED, 4, 0),
        (4, 5, 2, Reread.UPDATED, 5, 1),
        (4, 5, 1, Reread.CONTRADICTED, 4, 0),
        (4, None, 1, Reread.CONTRADICTED, 4, 0),
        (4, None, 2, Reread.NO_LONGER_READ, 4, 0),
    ],
)
def test_what_is_read_again_is_kept_unless_it_contradicts_its_own_version_or_is_nothing(
    store: CompanyStore,
    account: int,
    first: int | None,
    then: int | None,
    version: int,
    found: Reread,
    total: int | None,
    events: int,
) -> None:
    """And to do it once more changes nothing and tells nothing."""
    store.bills.save(account, [_read("b1", b"one", first)])
    before = len(store.events.after())
    assert _again(store, account, then, version) is found
    assert _total(store, account) == total
    _again(store, account, then, version)
    assert _total(store, account) == total
    told = store.events.after()[before:]
    kind = EventKind.NEW_BILL if first is None else EventKind.UPDATED_BILL
    assert [event.kind for event in told] == [kind] * events


def test_a_generic_reading_never_replaces_what_a_layout_has_read(store: CompanyStore, account: int) -> None:
    store.bills.save(account, [_read("b1", b"one", 4)])
    (kept,) = store.bills.to_reread(UTILITY)
    its = RereadBill(kept, bill(5), GENERIC, 1)
    assert store.bills.save_reread(account, [its]) == [Reread.NO_LONGER_READ]
    assert _total(store, account) == 4
    assert _again(store, account, 5, 2) is Reread.UPDATED


@pytest.mark.parametrize(("first", "then", "total"), [("l", GENERIC, 4), (GENERIC, "l", 5), ("l", "m", 5)])
def test_a_scan_of_an_upload_that_a_layout_has_read_is_that_bill(
    store: CompanyStore, first: str, then: str, total: int
) -> None:
    ids = {
        store.bills.upload(UploadedBill(pdf(content), BillSource.API, bill(cents), UTILITY, layout, 1))
        for content, cents, layout in ((b"one", 4, first), (b"two", 5, then))
    }
    assert len(ids) == 1
    events = store.events.after()
    assert events[-1].facts["total_amount"] == total
    assert len(events) == (1 if total == 4 else 2)


def test_other_kinds_of_sequences_are_no_other_bill(store: CompanyStore, account: int) -> None:
    store.bills.save(account, [_read("b1", b"one")])
    (kept,) = store.bills.to_reread(UTILITY)
    same = replace(bill(4200), meters=list(bill().meters))
    assert store.bills.save_reread(account, [RereadBill(kept, same, "l", 2)]) == [Reread.UNCHANGED]
    assert len(store.events.after()) == 1


def test_what_a_run_stored_meanwhile_is_left_alone(store: CompanyStore, account: int) -> None:
    store.bills.save(account, [_read("b1", b"one", 1)])
    (kept,) = store.bills.to_reread(UTILITY)
    store.bills.save(account, [_read("b1", b"two", 2)])
    assert store.bills.save_reread(account, [RereadBill(kept, bill(1), "l", 2)]) == [Reread.OVERTAKEN]
    assert _total(store, account) == 2


def test_to_be_read_again_is_what_neither_this_version_nor_a_later_one_has_read(
    store: CompanyStore, account: int
) -> None:
    store.bills.save(account, [_read("b1", b"1"), _read("b2", b"2", version=3), _read("b3", b"3", None)])

    def keys(
        moved_to: tuple[str, int] | None, *, customer_id: int | None = None, after: int = 0, limit: int = 100
    ) -> list[str]:
        found = store.bills.to_reread(
            UTILITY, moved_to=moved_to, customer_id=customer_id, after=after, limit=limit
        )
        return [one.listed.key for one in found]

    assert keys(None) == ["b1", "b2", "b3"]
    assert keys(("l", 1)) == []
    assert keys(("l", 2)) == ["b1", "b3"]
    assert keys(("other", 1)) == ["b1", "b2", "b3"]
    assert keys(None, limit=1) == ["b1"]
    assert keys(None, after=1) == ["b2", "b3"]
    assert keys(None, customer_id=99) == []
    assert store.bills.to_reread("another") == []
    store.customers.remove(store.customers.ensure(UTILITY, USERNAME), data=False)
    assert keys(None) == []


def test_an_account_that_is_not_there_stores_nothing(store: CompanyStore, rows: Rows) -> None:
    with pytest.raises(StorageError, match="no account with the id 99"):
        save_bill(store, 99, listed(), pdf(), bill(), layout="l", layout_version=1)
    assert _count(rows, "document") == 0
    assert store.farm.sweep(older_than=-1) == 1, "its file was written first and is swept"


def test_an_account_is_updated_in_place(store: CompanyStore, account: int) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    renamed = replace(ACCOUNT, name="Ada L.", address=None, key="k7", status=AccountStatus.CLOSED)
    assert store.accounts.save(customer, renamed) == account
    (stored,) = store.accounts.list(customer)
    assert (stored.id, stored.account) == (account, renamed)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Ada L."},
        {"address": None},
        {"key": "k7"},
        {"key": "k" * 300},
        {"status": AccountStatus.CLOSED},
        {"additional_attributes": {"premise": "12"}},
        {"meters": (ELECTRIC,)},
        {"meters": (replace(ELECTRIC, tariff="Other"), GAS)},
        {"meters": (replace(ELECTRIC, additional_attributes={"service_number": "78"}), GAS)},
        {"meters": (replace(ELECTRIC, id="E2"), GAS)},
        {"meters": (replace(GAS, commodity=Commodity.ELECTRIC), ELECTRIC)},
    ],
)
def test_an_account_is_written_only_when_it_changed(
    store: CompanyStore, account: int, rows: Rows, change: dict[str, Any]
) -> None:
    """Who lost its run may say what is known already, and nothing else. A meter not shown stays."""
    customer = store.customers.ensure(UTILITY, USERNAME)
    lost = store.holding(Lease(999, 1))
    assert lost.accounts.save(customer, ACCOUNT) == account
    changed = replace(ACCOUNT, **change)
    if change != {"meters": (ELECTRIC,)}:
        with pytest.raises(LeaseLost):
            lost.accounts.save(customer, changed)
    assert store.accounts.save(customer, changed) == account
    assert lost.accounts.save(customer, changed) == account
    assert _count(rows, "account") == 1


def test_an_account_that_the_portal_renumbers_stays_itself(store: CompanyStore) -> None:
    """By the portal's key; but not if it has no meter in common, for then the key was given to another."""
    customer = store.customers.ensure(UTILITY, USERNAME)
    first = store.accounts.save(customer, replace(ACCOUNT, key="k7"))
    renumbered = replace(ACCOUNT, key="k7", number="999")
    assert store.accounts.save(customer, renumbered) == first
    assert store.accounts.save(customer, renumbered) == first
    assert [one.account.number for one in store.accounts.list(customer)] == ["999"]
    assert store.accounts.numbers(first) == {ACCOUNT.number, "999"}
    back = replace(ACCOUNT, key="k7")
    assert [store.accounts.save(customer, one) for one in (back, renumbered)] == [first, first]
    assert store.accounts.numbers(first) == {ACCOUNT.number, "999"}
    other = replace(ACCOUNT, key="k7", number="555", meters=(Meter("E9", Commodity.ELECTRIC),))
    assert store.accounts.save(customer, other) != first
    assert [one.account.number for one in store.accounts.list(customer)] == ["555", "999"]


def test_a_swapped_meter_keeps_its_service(store: CompanyStore, account: int, rows: Rows) -> None:
    new = replace(ELECTRIC, id="E2")
    store.accounts.save(store.customers.ensure(UTILITY, USERNAME), replace(ACCOUNT, meters=(new, GAS)))
    meters = rows(
        "SELECT meter.number, service.number, valid_from IS NULL, valid_to IS NULL"
        " FROM meter JOIN service ON service.id = service_id ORDER BY meter.number"
    )
    assert meters == [(ELECTRIC.id, "77", 1, 0), ("E2", "77", 0, 1), (GAS.id, GAS.id, 1, 1)]


def test_a_meter_only_an_export_knows_is_added(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    account = store.accounts.save(customer, Account("1"))
    store.readings.save(account, EXPORT, "jan", [series([1])])
    (stored,) = store.accounts.list(customer)
    assert stored.account.meters == (Meter(ELECTRIC.id, Commodity.ELECTRIC),)
    assert store.accounts.save(customer, Account("1", meters=(ELECTRIC,))) == account
    assert store.readings.coverage(account)[ELECTRIC.id].readings == 1
