"""The `bill` commands as a person or a program runs them."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from meterfarm.console.data.bill_tables import bill_card, bills_table
from meterfarm.records import BillStatus
from meterfarm.services.bayou_bill import BillRendering
from meterfarm.services.bill_history import bill_checks
from meterfarm.services.companies import ChangeCompany, change_company
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore
from tests.console.command import Command
from tests.services.printed import PDF, fetched, printed
from tests.storage.made import UTILITY

EVER = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def ada(store: CompanyStore) -> Customer:
    """A customer with three bills that are locked, numbers 1 to 3, the newest first."""
    change_company(store.farm, store.farm.companies.only(), ChangeCompany(history="none"))
    customer = store.customers.create(UTILITY, external_id="A-1")
    fetched(store, customer, 0, 3)
    return customer


def _json(command: Command, *arguments: str) -> Any:
    ran = command(*arguments, "--json")
    assert ran.status == 0, ran.stderr
    return json.loads(ran.stdout)


def _at_80_columns(what: RenderableType) -> str:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def test_bills_are_listed_newest_first_and_chosen(
    command: Command, store: CompanyStore, ada: Customer
) -> None:
    """By customer, by day, and so many of them; a locked one has no amounts, none has a file's address."""
    store.bills.give_external_id(2, "my-2")
    every = _json(command, "bill", "list")
    days = [bill["billed_on"] for bill in every]
    assert (len(every), days) == (3, sorted(days, reverse=True))
    assert {bill["status"] for bill in every} == {"locked"}
    assert not [bill for bill in every if {"total_amount", "file_url"} & set(bill)]
    assert _json(command, "bill", "list", "--customer", "A-1") == every
    assert _json(command, "bill", "list", "--since", days[1], "--until", days[1]) == [every[1]]
    newest = command("bill", "list", "--limit", "1", "--json")
    assert json.loads(newest.stdout) == every[:1]
    assert "more than 1" in newest.stderr
    rows = [line.split("\t") for line in command("bill", "list").stdout.splitlines()]
    assert rows[0][:3] == ["bill", "external_id", "customer"]
    assert [row[5] for row in rows[1:]] == days
    assert "my-2" in [row[1] for row in rows]
    store.customers.create(UTILITY, external_id="B-1")
    assert _json(command, "bill", "list", "--customer", "B-1") == []
    assert command("bill", "list", "--customer", "B-1").stdout.count("\n") == 1, "the header alone"


def test_a_bill_is_shown_by_its_id_or_the_companys_own_and_withheld_until_it_is_unlocked(
    command: Command, store: CompanyStore, ada: Customer
) -> None:
    store.bills.give_external_id(2, "my-2")
    locked = _json(command, "bill", "show", "my-2")
    assert (locked["id"], locked["customer_external_id"], locked["status"]) == (2, "A-1", "locked")
    refused = command("bill", "file", "2")
    assert (refused.status, "is locked" in refused.stderr) == (2, True)
    ran = command("bill", "unlock", "my-2", "1")
    assert (ran.status, ran.stdout) == (0, "bill 2 unlocked\nbill 1 unlocked\n")
    assert _json(command, "bill", "unlock", "2", "3") == [
        {"bill": 2, "meters": None, "changed": False},
        {"bill": 3, "meters": None, "changed": True},
    ]
    shown = _json(command, "bill", "show", "2")
    assert shown["total_amount"] == sum((shown["electricity_amount"], shown["gas_amount"]))
    card = command("bill", "show", "2").stdout
    assert f"total\t{shown['total_amount'] / 100:.2f}" in card
    assert all(meter["id"] in card for meter in shown["meters"])


def test_one_meter_of_a_bill_is_unlocked(command: Command, store: CompanyStore, ada: Customer) -> None:
    """The bill stays locked until the last of its meters is unlocked; of another's meter nothing is."""
    first, last = (meter["id"] for meter in _json(command, "bill", "show", "1")["meters"])
    refused = command("bill", "unlock", "1", "--meter", "E0")
    assert (refused.status, refused.stdout, first in refused.stderr) == (2, "", True)
    ran = command("bill", "unlock", "1", "--meter", first)
    assert (ran.status, ran.stdout) == (0, f"bill 1, meter {first}: unlocked\n")
    meters = _json(command, "bill", "show", "1")["meters"]
    assert [(meter["status"], "consumption" in meter) for meter in meters] == [
        ("unlocked", True),
        ("locked", False),
    ]
    assert command("bill", "file", "1").status == 2, "the file would show all"
    assert "was unlocked before" in command("bill", "unlock", "1", "--meter", first).stdout
    assert command("bill", "unlock", "1", "--meter", last).status == 0
    assert _json(command, "bill", "show", "1")["status"] == "unlocked"


def test_nothing_is_unlocked_when_one_of_the_bills_is_not_there(
    command: Command, store: CompanyStore, ada: Customer
) -> None:
    ran = command("bill", "unlock", "1", "77")
    assert (ran.status, ran.stdout) == (2, "")
    assert "There is no bill “77”" in ran.stderr
    assert {bill.status for bill in store.bills.list(ada)} == {BillStatus.LOCKED}


def test_an_upload_is_kept_and_its_file_written(command: Command, home: Path, store: CompanyStore) -> None:
    """What no layout reads is kept too, and that is another status; a file that is there is not replaced."""
    pdf, scrawl, out = home / "a.pdf", home / "b.pdf", home / "out.pdf"
    pdf.write_bytes(PDF)
    scrawl.write_bytes(printed("nobody's bill"))
    store.customers.create(UTILITY, external_id="A-1")
    uploaded = _json(command, "bill", "upload", str(pdf), "--customer", "A-1", "--external-id", "my-1")
    assert uploaded == {"bill": 1, "customer": 1, "status": "unlocked"}
    unread = command("bill", "upload", str(scrawl))
    assert (unread.status, unread.stdout) == (3, "bill 2 of no customer yet, unparsed\n")
    assert "No layout reads bill 2 yet" in unread.stderr
    written = _json(command, "bill", "file", "my-1", "--out", str(out))
    assert written == {"bill": 1, "file": str(out), "bytes": len(PDF)}
    assert (out.read_bytes(), out.stat().st_mode & 0o777) == (PDF, 0o600)
    again = command("bill", "file", "1", "--out", str(out))
    assert (again.status, "is there already" in again.stderr) == (2, True)
    kept = store.bills.file(1)
    assert kept is not None
    store.files.delete(kept.sha256)
    lost = command("bill", "file", "1", "--out", str(home / "lost.pdf"))
    assert (lost.status, "is lost here" in lost.stderr, (home / "lost.pdf").exists()) == (3, True, False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "9" * 40), "There is no bill"),
        (("list", "--customer", "nobody"), "nobody"),
        (("list", "--since", "yesterday"), "--since takes a day such as 2026-01-31, not “yesterday”"),
        (("list", "--customer", "A-1", "--account", "7"), "no bills of this account"),
        (("upload", "/nowhere/a.pdf"), "/nowhere/a.pdf cannot be read: No such file or directory"),
        (("upload", __file__), "PDF"),
        (("upload", __file__, "--external-id", ""), "external id is empty"),
    ],
)
def test_a_bad_request_gets_a_sentence(
    command: Command, ada: Customer, arguments: tuple[str, ...], says: str
) -> None:
    ran = command("bill", *arguments)
    assert (ran.status, ran.stdout) == (2, "")
    assert says in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_bill_and_its_customer_show_what_it_was_held_against_what_failed_first(
    command: Command, store: CompanyStore
) -> None:
    """A gap before it, no intervals: in words; a bill that nothing is before has no period to follow."""
    customer = store.customers.create(UTILITY, external_id="A-1")
    fetched(store, customer, 0, 1)
    fetched(store, customer, 2, 3)
    newest, oldest = (_json(command, "bill", "show", number)["history_checks"] for number in "12")
    assert [check["verdict"] for check in newest][:1] == ["failed"]
    assert newest[0]["what"].endswith("are on no bill that is read, 30 days.")
    assert {check["verdict"] for check in oldest} == {"no_verdict"}
    (bill,) = (each for each in store.bills.list(customer) if each.id == 1)
    (fields,) = BillRendering("").of_all(store, [bill])
    card = "".join(map(_at_80_columns, bill_card(bill, fields, bill_checks(store, bill))))
    assert "against others  1 failed," in card
    assert re.search(
        r"^periods +failed\n    \S.* are on no bill that is read, 30\n? *days\.", card, re.MULTILINE
    )
    assert all(cell_len(line) <= 80 for line in card.splitlines())
    shown = command("customer", "show", "A-1").stdout
    assert "bills held against\t1 failed, " in shown
    assert "\n1\tperiods\tfailed\t" in shown


def test_tables_fit_80_columns_and_show_no_markup(store: CompanyStore, ada: Customer) -> None:
    store.bills.give_external_id(1, "[red]" + "x" * 90)
    store.bills.unlock(2, "test")
    found = store.bills.list(ada)
    fields = BillRendering("").of_all(store, found)
    cards = [part for pair in zip(found, fields, strict=True) for part in bill_card(*pair)]
    for shown in map(_at_80_columns, [bills_table(found, fields), *cards]):
        assert all(cell_len(line) <= 80 for line in shown.splitlines())
    rows = _at_80_columns(bills_table(found, fields)).splitlines()
    assert sum(" unlocked " in row for row in rows) == 1
    assert sum(" locked " in row for row in rows) == 2
    assert "[red]" in _at_80_columns(cards[0])


def test_a_statement_is_a_row_for_each_customer_and_as_csv_for_each_bill(
    command: Command, store: CompanyStore, ada: Customer
) -> None:
    """Here of all that was unlocked, today."""
    assert command("company", "price", "--set", "2.00").status == 0
    head = "customer\tcustomer_external_id\tbills\telectric_meters\tgas_meters\tamount\tcurrency\n"
    assert command("statement").stdout == head
    assert command("bill", "unlock", "1", "2").status == 0
    (line, _) = store.bills.charges(*EVER, None, 10)
    month = f"{line.unlocked_at:%Y-%m}"
    ran = command("statement", "--month", month)
    assert (ran.status, ran.stdout) == (0, f"{head}{ada.id}\tA-1\t2\t2\t2\t8.00\tUSD\n")
    rows = command("statement", "--month", month, "--format", "csv").stdout.splitlines()
    assert [row.split(",")[7:12] for row in rows[1:]] == [["1", "1", "2.00", "4.00", "USD"]] * 2
    document = _json(command, "statement", "--month", month)
    total = {"currency": "USD", "bills": 2, "electric": 2, "gas": 2, "amount": 800}
    assert (document["totals"], len(document["lines"])) == ([total], 2)
    (of_all,) = _json(command, "statement", "--month", month, "--all")
    assert of_all == {"month": month, "company": "default", "live": False, **total}
    assert command("statement", "--month", month, "--live").stdout == head
    for arguments, why in (
        (["--month", "x"], "“x” is no month; write it like 2026-10."),
        (["--format", "pdf"], "A statement is written as table or csv, not as “pdf”."),
        (["--format", "csv", "--all"], "With --format csv leave out --all and --json."),
        (["--all", "--company", "default"], "With --all leave out --company and METERFARM_COMPANY."),
    ):
        refused = command("statement", *arguments)
        assert (refused.status, refused.stderr) == (2, f"meterfarm: {why}\n")
