"""A customer's documents as bytes, each made once: bills as PDF, exports as ZIP."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache, partial
from importlib import import_module
from threading import Thread

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.billing import Bill, bills
from meterfarm.fake_utility.kit.calendar import ONE_DAY, readings_span
from meterfarm.fake_utility.kit.kept import Kept
from meterfarm.fake_utility.stroopwafel_energy.brand import Brand
from meterfarm.fake_utility.stroopwafel_energy.customers import Subscriber
from meterfarm.fake_utility.stroopwafel_energy.usage_csv import Export

CLOSED_SINCE = 5
"""Bills that an account has not got because it was closed."""
DAYS = 366


@cache
def load_printer() -> None:
    """Load the PDF library in the background, once: it takes about a second, which a sign-in can hide."""
    module = "meterfarm.fake_utility.stroopwafel_energy.bill_pdf"
    Thread(target=import_module, args=(module,), name="load printer").start()


def listed_bills(account: Account, today: date) -> tuple[Bill, ...]:
    """The account's bills, newest first: of the meters it had then, and with the number."""
    had = tuple(meter for meter in account.meters if not meter.replaces or meter.swapped_on)
    shown = bills(replace(account, meters=had, renumbered=False, renumbered_on=None), today)
    if since := account.renumbered_on:
        shown = tuple(_with_the_new_number(bill) if bill.billed_on >= since else bill for bill in shown)
    return shown[CLOSED_SINCE if account.closed else 0 :]


def _with_the_new_number(bill: Bill) -> Bill:
    return replace(bill, account=replace(bill.account, renumbered=True))


def bill_of(customer: Subscriber, bill_id: str, today: date) -> Bill | None:
    """A customer's bill."""
    found = (bill for account in customer.accounts for bill in listed_bills(account, today))
    return next((bill for bill in found if bill.id == bill_id), None)


def statement(kept: Kept, brand: Brand, bill: Bill) -> bytes:
    """A bill's PDF."""
    # Loaded late: it takes longer than all the rest of the start.
    from meterfarm.fake_utility.stroopwafel_energy.bill_pdf import render_bill

    return kept.get(("bill", bill.account.number, bill.id), lambda: render_bill(brand, bill))


def export_zip(kept: Kept, brand: Brand, wanted: Export) -> bytes:
    """An export's ZIP."""
    return kept.get(wanted, partial(wanted.content, brand.name))


def all_documents(
    kept: Kept, brand: Brand, today: date, customer: Subscriber
) -> Iterator[Callable[[], bytes]]:
    """What makes each bill, and of each meter an export of a year."""
    first, last = readings_span(today)
    for account in customer.accounts:
        for bill in listed_bills(account, today):
            yield partial(statement, kept, brand, bill)
        for meter in () if account.closed else account.meters:
            if not meter.new:
                start = max(first, last - (DAYS - 1) * ONE_DAY)
                yield partial(export_zip, kept, brand, Export(account, meter, start, last, to_newest=True))
