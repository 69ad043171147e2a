"""The report of a customer: one HTML page that needs nothing else, for whoever has never seen Meterfarm."""

from __future__ import annotations

from datetime import datetime

from meterfarm.services.customers import find_utility
from meterfarm.services.errors import NotFound
from meterfarm.services.report.page import render
from meterfarm.services.report.report_facts import report_facts
from meterfarm.storage.customers import Customer
from meterfarm.storage.store import CompanyStore


def customer_report(store: CompanyStore, customer: Customer, now: datetime) -> str:
    """The page, of what is in store of the customer; ``now`` is when it is made."""
    holder = store.customers.holder(customer)
    try:
        name = find_utility(holder.utility).name
    except NotFound:
        name = holder.utility
    return render(report_facts(store, holder, name), now)
