"""Stored bills are read again by a layout that was changed or added; what cannot be is left as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from fpdf import FPDF

from meterfarm import worker
from meterfarm.formats.errors import FormatError
from meterfarm.records import Bill, Document, EventKind
from meterfarm.scrapers.outcomes import ItemFailed
from meterfarm.services.reread import RereadResult, reread
from meterfarm.storage.data import ReadBill, Reread
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import CompanyStore, Store
from meterfarm.utilities.speculoos_power.script import SpeculoosPower
from tests.storage.made import ACCOUNT, USERNAME, UTILITY, bill, listed
from tests.storage.ready_home import ready_home


def document(words: str) -> Document:
    made = FPDF()
    made.add_page()
    made.set_font("helvetica")
    made.cell(text=words)
    return Document(bytes(made.output()), "application/pdf", "bill.pdf")


class Reader(SpeculoosPower):
    """Reads an amount in cents, which is all that its bills say."""

    id = UTILITY
    bill_layout: ClassVar[str] = "amounts"

    def read_bill(self, text: Sequence[str]) -> Bill:
        word = text[0].strip()
        if word == "foreign":
            return replace(bill(), account_number="1")
        if word == "placeholder":
            raise ItemFailed("the portal hands out a placeholder")
        if word == "trap":
            raise RuntimeError("a reader's own fault")
        if not word.isdigit():
            raise FormatError("it has no amount")
        return replace(bill(int(word)), account_number=ACCOUNT.number)


class Doubling(Reader):
    """Reads twice as much, and words too."""

    bill_layout_version: ClassVar[int] = 2

    def read_bill(self, text: Sequence[str]) -> Bill:
        if text[0].strip() == "many":
            return replace(bill(9), account_number=ACCOUNT.number)
        read = super().read_bill(text)
        return replace(read, total_amount=2 * read.total_amount)


class DoublingUnsaid(Doubling):
    bill_layout_version: ClassVar[int] = 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CompanyStore]:
    ready_home(tmp_path)
    with Store.open(Settings(home=tmp_path)).of() as opened:
        yield opened


@pytest.fixture
def account(store: CompanyStore) -> int:
    return store.accounts.save(store.customers.ensure(UTILITY, USERNAME), ACCOUNT)


def kept(store: CompanyStore, account: int, *words: str) -> None:
    """Bills that say so, as version 1 of ``Reader`` reads them."""
    read = []
    for word in words:
        total = int(word) if word.isdigit() else None
        found = None if total is None else replace(bill(total), account_number=ACCOUNT.number)
        problems = () if found else ("it has no amount",)
        read.append(ReadBill(listed(word), document(word), found, "amounts", 1, problems))
    store.bills.save(account, read)


def totals(store: CompanyStore, account: int) -> dict[str, int | None]:
    found = store.bills.of_account(account)
    return {key: each.bill.total_amount if each.bill else None for key, each in found.items()}


async def test_a_new_version_updates_what_differs_and_reads_what_was_unread(
    store: CompanyStore, account: int
) -> None:
    kept(store, account, "1", "0", "many", "nothing")
    before = len(store.events.after())
    result = await reread(store, [Doubling()], only_moved=True)
    assert result.counts == {Reread.UPDATED: 1, Reread.UNCHANGED: 1, Reread.NEWLY_READ: 1, Reread.UNREAD: 1}
    assert (result.read, result.failed, result.is_complete) == (4, 0, True)
    assert totals(store, account) == {"1": 2, "0": 0, "many": 9, "nothing": None}
    told = sorted((event.kind, event.facts["total_amount"]) for event in store.events.after()[before:])
    assert told == [(EventKind.NEW_BILL, 9), (EventKind.UPDATED_BILL, 2)]
    again = await reread(store, [Doubling()], only_moved=True)
    assert again == RereadResult()
    assert (await reread(store, [Doubling()])).counts == {Reread.UNCHANGED: 3, Reread.UNREAD: 1}
    assert len(store.events.after()) == before + 2


async def test_what_the_same_version_reads_differently_is_an_error_and_not_stored(
    store: CompanyStore, account: int
) -> None:
    kept(store, account, "1", "2")
    before = totals(store, account), len(store.events.after())
    result = await reread(store, [DoublingUnsaid()])
    assert (totals(store, account), len(store.events.after())) == before
    assert result.failed == 2
    assert result.failures[0].item == "bill of 2026-01-05 (1)"
    assert "Version 1 of the layout amounts reads it differently" in result.failures[0].reason


async def test_what_was_unread_is_read_without_a_new_version(store: CompanyStore, account: int) -> None:
    kept(store, account, "many")
    assert (await reread(store, [DoublingUnsaid()])).counts == {Reread.NEWLY_READ: 1}
    assert totals(store, account) == {"many": 9}
    assert store.bills.in_store(account) == {"many": None}


async def test_bills_of_an_account_are_read_again_with_the_number_that_it_had(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    for number in (ACCOUNT.number, "999"):
        account = store.accounts.save(customer, replace(ACCOUNT, number=number, key="k7"))
    kept(store, account, "1")
    assert (await reread(store, [Doubling()])).counts == {Reread.UPDATED: 1}


async def test_an_account_number_is_known_however_it_is_written(store: CompanyStore) -> None:
    customer = store.customers.ensure(UTILITY, USERNAME)
    number = "-".join(ACCOUNT.number)
    account = store.accounts.save(customer, replace(ACCOUNT, number=number))
    kept(store, account, "1")
    assert (await reread(store, [Doubling()])).counts == {Reread.UPDATED: 1}
    ((_, found),) = store.bills.of_account(account).items()
    assert found.bill is not None
    assert found.bill.account_number == number


async def test_what_a_new_version_does_not_read_any_more_is_kept_and_named(
    store: CompanyStore, account: int
) -> None:
    class Worse(Reader):
        bill_layout_version: ClassVar[int] = 2

        def read_bill(self, text: Sequence[str]) -> Bill:
            raise FormatError("the total is gone")

    kept(store, account, "1")
    result = await reread(store, [Worse()], only_moved=True)
    assert totals(store, account) == {"1": 1}
    assert "(the total is gone)" in result.failures[0].reason
    assert await reread(store, [Worse()], only_moved=True) == RereadResult(), "it was told once"


async def test_one_broken_document_stops_no_other(store: CompanyStore, account: int) -> None:
    """A file that is lost, one that is no PDF, one of another account, a reader's own fault."""
    kept(store, account, "1", "trap", "foreign", "placeholder", "2", "lost", "3")
    not_pdf = Document(b"<html>", "application/pdf", "bill.pdf")
    store.bills.save(account, [ReadBill(listed("html"), not_pdf, None, "amounts", 1)])
    store.files.delete(store.bills.of_account(account)["lost"].sha256)
    result = await reread(store, [Doubling()])
    assert {key: total for key, total in totals(store, account).items() if total} == {"1": 2, "2": 4, "3": 6}
    assert result.counts == {Reread.UPDATED: 3, Reread.UNREAD: 3}
    assert [failure.item for failure in result.failures] == [
        "bill of 2026-01-05 (trap)",
        "bill of 2026-01-05 (lost)",
    ]
    assert "RuntimeError" in result.failures[0].reason
    assert "cannot be read" in result.failures[1].reason
    assert store.bills.in_store(account)["foreign"] == "the PDF is another account's bill"


async def test_what_cannot_be_stored_stops_no_other(store: CompanyStore, account: int) -> None:
    kept(store, account, "1", str(2**62), "3")
    result = await reread(store, [Doubling()])
    assert totals(store, account) == {"1": 2, str(2**62): 2**62, "3": 6}
    assert [failure.item for failure in result.failures] == [f"bill of 2026-01-05 ({2**62})"]


async def test_it_is_for_one_customer_or_utility_and_ends_in_time(store: CompanyStore, account: int) -> None:
    kept(store, account, "1")
    other = store.customers.ensure(UTILITY, "other@example.org")
    kept(store, store.accounts.save(other, ACCOUNT), "2")
    assert (await reread(store, [])).read == 0
    assert (await reread(store, [Doubling()], customer=other)).counts == {Reread.UPDATED: 1}
    assert totals(store, account) == {"1": 1}
    late = await reread(store, [Doubling()], seconds=-1)
    assert (late.read, late.is_complete) == (0, False)


async def test_many_bills_come_in_pages(store: CompanyStore, account: int) -> None:
    kept(store, account, *map(str, range(40)))
    assert (await reread(store, [Doubling()], page=7)).read == 40
    assert sum(total or 0 for total in totals(store, account).values()) == 2 * sum(range(40))


async def test_workers_do_it_every_hour() -> None:
    (cron,) = [one for one in worker._crons("a") if one.name == "cron:a:reread"]
    assert (cron.hour, cron.minute, cron.coroutine) == (None, {20}, worker.reread_bills)
