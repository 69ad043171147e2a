"""A customer's documents as bytes, each made once."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache, partial
from importlib import import_module
from threading import Thread

from meterfarm.fake_utility.kit.accounts import Account, digits
from meterfarm.fake_utility.kit.billing import Bill, bills, combined, corrected
from meterfarm.fake_utility.kit.calendar import readings_span
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.kept import Kept
from meterfarm.fake_utility.speculoos_power.exports import Export

DAYS = 393
"""13 months: an export of so many days to the newest is made of each meter, as Green Button XML."""


LATE = timedelta(days=70)


def listed_bills(customer: Customer, account: Account, today: date) -> tuple[Bill, ...]:
    """The account's bills, newest first."""
    listed = bills(account, today - LATE if customer.has("late-bills") else today)
    if customer.has("several-periods") and len(listed) > 1:
        listed = (combined(*listed[:2]), *listed[2:])
    if customer.has("corrected-bill") and len(listed) > 1:
        newest, original, *older = listed
        listed = (newest, corrected(original), original, *older)
    return listed


def signed_address(bill: Bill) -> str:
    """Where a bill is by an address that is signed as it is written, and no other way."""
    sign = digits(f"{bill.id}/signature", 12)
    where = f"/accounts/{bill.account.number}/bills/{bill.id}/document"
    return f"{where}?at=%7e{sign}&sig=%2bA%2f(it%27s)+=%3d"


@cache
def load_printer() -> None:
    """Load the PDF library in the background, once: it takes about a second, which a sign-in can hide."""
    module = "meterfarm.fake_utility.speculoos_power.bill_pdf"
    Thread(target=import_module, args=(module,), name="load printer").start()


def bill_content(kept: Kept, customer: Customer, place: int, bill: Bill) -> bytes:
    """The PDF of the bill at a place in the list (0 is the newest)."""
    # Loaded late: it takes longer than all the rest of the start.
    from meterfarm.fake_utility.speculoos_power.bill_pdf import placeholder_pdf, render_bill

    if customer.oddities.placeholder_bill == place:
        return placeholder_pdf()
    return kept.get((bill.account.number, bill.id), lambda: render_bill(bill))


def export_content(kept: Kept, wanted: Export) -> bytes:
    """An export's bytes."""
    return kept.get(wanted, wanted.content)


def all_documents(kept: Kept, today: date, customer: Customer) -> Iterator[Callable[[], bytes]]:
    """What makes each bill, and of each meter an export of 13 months."""
    first, last = readings_span(today)
    start = max(first, last - timedelta(days=DAYS - 1))
    for account in customer.accounts:
        for place, bill in enumerate(listed_bills(customer, account, today)):
            yield partial(bill_content, kept, customer, place, bill)
        for meter in account.meters:
            if not meter.new:
                yield partial(
                    export_content, kept, Export(account, meter, start, last, "xml", to_newest=True)
                )
