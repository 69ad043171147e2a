"""What the store holds as Bayou's API words it. The fields themselves are ``formats.bills.bayou``'s."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from meterfarm.formats.bills.bayou import bill_json
from meterfarm.formats.bills.reading_fields import stored_fields
from meterfarm.formats.errors import FormatError

if TYPE_CHECKING:  # bills are read where no database is installed
    from meterfarm.storage.customers import Customer
    from meterfarm.storage.data import StoredAccount, StoredBill


def stored_bill_json(
    customer: Customer, stored: StoredAccount, bill: StoredBill, file_url: str | None
) -> dict[str, object]:
    """A bill in store, with what was read of it beside Bayou's fields.

    One that was not read, or has units without a Bayou field, has the status unparsed.
    """
    beside = stored_fields(bill.bill, bill.reading)
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
            return as_bayou(bill.bill) | beside
    return as_bayou(None, status="unparsed") | beside
