"""The `reread` command: stored bills read again by the layouts as they are now."""

from __future__ import annotations

from meterfarm.console.command_context import open_store
from meterfarm.console.errors import UsageError
from meterfarm.console.terminal.listing import Column, Listing
from meterfarm.console.terminal.output import print_json, print_line, show, warn
from meterfarm.services.customers import find_customer, find_utility
from meterfarm.services.reread import RereadResult, reread
from meterfarm.storage.data import Reread
from meterfarm.utilities import load_utilities

FAILED = 3


async def reread_bills(utility: str | None, reference: str | None, *, as_json: bool) -> int:
    """Read them, and print what became of them; 3 if some could not be.

    Raises:
        UsageError: there is no such utility or customer, or the customer is one of another utility.
    """
    with open_store() as (_, store):
        customer = None if reference is None else find_customer(store, reference)
        if customer is not None and utility not in (None, customer.utility):
            raise UsageError(f"The customer {customer.id} is at {customer.utility}; leave --utility out.")
        wanted = customer.utility if customer is not None else utility
        utilities = load_utilities() if wanted is None else [find_utility(wanted)]
        result = await reread(store, utilities, customer=customer)
    if as_json:
        print_json(_as_json(result))
    else:
        _show(result)
    return FAILED if result.failed else 0


def _as_json(result: RereadResult) -> dict[str, object]:
    counted = (Reread.UNCHANGED, Reread.UPDATED, Reread.NEWLY_READ, Reread.UNREAD, Reread.OVERTAKEN)
    return {
        "read": result.read,
        **{became.value: result.counts[became] for became in counted},
        "failed": result.failed,
        "failures": result.failures,
    }


def _show(result: RereadResult) -> None:
    counts = result.counts
    print_line(
        f"{result.read} bills were read again: {counts[Reread.UPDATED]} updated, "
        f"{counts[Reread.NEWLY_READ]} newly read, {counts[Reread.UNREAD]} unread, {result.failed} failed"
    )
    if not result.failures:
        return
    columns = [Column("customer", right=True), Column("account"), Column("item")]
    table = Listing(columns, ("customer_id", "account", "item", "reason"))
    for failure in result.failures:
        record = {
            "customer_id": failure.customer_id,
            "account": failure.account,
            "item": failure.item,
            "reason": failure.reason,
        }
        table.add([str(failure.customer_id), failure.account, failure.item], record, [failure.reason])
    show(table)
    if result.failed > len(result.failures):
        warn(f"{result.failed - len(result.failures):,} more bills failed.")
