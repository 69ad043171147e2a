"""Bills as PDF, each made once."""

from functools import cache
from importlib import import_module
from threading import Thread

from meterfarm.fake_utility.kit.billing import Bill
from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.kept import Kept


@cache
def load_printer() -> None:
    """Load the PDF library in the background, once: it takes about a second, which a sign-in can hide."""
    module = "meterfarm.fake_utility.pepernoot_coop.bill_pdf"
    Thread(target=import_module, args=(module,), name="load printer").start()


def bill_content(kept: Kept, customer: Customer, place: int, bill: Bill) -> bytes:
    """The PDF of the bill at a place in the list (0 is the newest)."""
    # Loaded late: it takes longer than all the rest of the start.
    from meterfarm.fake_utility.pepernoot_coop.bill_pdf import placeholder_pdf, render_bill

    if customer.oddities.placeholder_bill == place:
        return placeholder_pdf()
    return kept.get(("pepernoot", bill.account.number, bill.id), lambda: render_bill(bill))
