"""What the store holds as Bayou's API words it. The fields themselves are ``formats.bills.bayou``'s."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from meterfarm.formats.bills.bayou import bill_json
from meterfarm.formats.errors import FormatError
from meterfarm.records import Bill

if TYPE_CHECKING:  # bills are read where no database is installed
    from meterfarm.storage.customers import Customer
    from meterfarm.storage.data import StoredAccount, StoredBill

_ONLY_IN_STORE = ("id", "external_id", "customer_id", "customer_external_id", "status", "file_url")


def stored_bill_json(
    customer: Customer, stored: StoredAccount, bill: StoredBill, file_url: str | None
) -> dict[str, object]:
    """A bill in store. One that was not read, or has units without a Bayou field, has the status unparsed."""
    as_bayou = partial(
        bill_json,
        utility=customer.utility,
        bill_id=bill.id,
        customer_id=customer.id,
        account_number=stored.account.number,
        billed_on=bill.billed_on,
        file_url=file_url,
    )
    if bill.bill is not None:
        with suppress(FormatError):
            return as_bayou(bill.bill)
    return as_bayou(None, status="unparsed")


def unstored_bill_json(bill: Bill, utility_id: str) -> dict[str, object]:
    """A bill that was read from a file, without the fields that only a stored one has.

    Raises:
        FormatError: a meter's unit has no Bayou field.
    """
    fields = bill_json(
        bill,
        utility=utility_id,
        bill_id=0,
        customer_id=0,
        account_number=bill.account_number,
        billed_on=bill.billed_on,
        file_url=None,
    )
    kept = {name: value for name, value in fields.items() if name not in _ONLY_IN_STORE}
    meters = kept["meters"]
    if isinstance(meters, list):
        kept["meters"] = [
            {name: value for name, value in meter.items() if name != "status"} for meter in meters
        ]
    return kept
