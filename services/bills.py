"""Bills of a company: listed, found, named, unlocked, uploaded; and the bytes of their documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from meterfarm.formats.bills.bayou import meter_type as type_of_meter
from meterfarm.formats.bills.pdf import check_pdf
from meterfarm.formats.errors import Encrypted, FormatError
from meterfarm.records import BillSource, BillStatus, Document
from meterfarm.scrapers.runs.reader import read_and_store
from meterfarm.services.bayou_bill import BillRendering
from meterfarm.services.bill_reading import uploaded_bill
from meterfarm.services.customer_fields import problem_of_name
from meterfarm.services.errors import Conflict, InvalidRequest, NotFound
from meterfarm.storage import AlreadyThere, StorageError
from meterfarm.storage.customers import Customer
from meterfarm.storage.data import FoundBill
from meterfarm.storage.store import CompanyStore
from meterfarm.support.foreign_text import NAME, one_line
from meterfarm.utilities import load_utilities

LARGEST_UPLOAD = 32 * 1024 * 1024
_DIGITS = 20


class NoSuchBills(NotFound):
    """The customer has no bills of this account or meter; ``known`` are those there are bills of."""

    def __init__(self, what: str, known: Sequence[str]) -> None:
        listed = ", ".join(known) or "none"
        super().__init__(f"The customer has no bills of this {what}; there are bills of: {listed}.")
        self.what = what
        self.known = known


class NotAPdf(InvalidRequest):
    """What was uploaded is not a PDF, or a damaged one."""


class ExternalIdTaken(Conflict):
    """Another bill has this external id."""


@dataclass(frozen=True, slots=True)
class BillQuery:
    """Which bills of a customer are wanted; ``start`` and ``end``, both included, are days of issue."""

    account_number: str | None = None
    meter_id: str | None = None
    start: date | None = None
    end: date | None = None
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class BillUpload:
    """A PDF to keep as a bill; of ``customer``, if one is named, and under the company's ``external_id``."""

    content: bytes
    name: str = ""
    customer: Customer | None = None
    external_id: str | None = None
    source: BillSource = BillSource.API


def check_bills_of(
    store: CompanyStore,
    customer: Customer,
    account_number: str | None,
    meter_id: str | None,
    rendering: BillRendering,
) -> None:
    """Whether there are bills of the account and of the meter, as far as they are named.

    Raises:
        NoSuchBills: there are none.
    """
    if account_number is not None:
        known = store.bills.account_numbers(customer)
        if account_number not in known:
            raise NoSuchBills("account_number", known)
    if meter_id is not None:
        every = rendering.meters_of(store, store.bills.list(customer))
        meters = sorted({meter for of_bill in every.values() for meter in of_bill})
        if meter_id not in meters:
            raise NoSuchBills("meter_id", meters)


def list_bills(
    store: CompanyStore, customer: Customer | None, query: BillQuery, rendering: BillRendering
) -> tuple[Sequence[FoundBill], bool]:
    """The customer's bills, without one all of the company's, newest first; are there more than the limit?"""
    most = None if query.limit is None else query.limit + 1
    in_store = query.meter_id is None
    found = store.bills.list(
        customer,
        account_number=query.account_number,
        start=query.start,
        end=query.end,
        limit=most if in_store else None,
        offset=query.offset if in_store else 0,
    )
    if query.meter_id is not None:
        meters = rendering.meters_of(store, found)
        of_meter = [bill for bill in found if query.meter_id in meters.get(bill.id, ())]
        found = of_meter[query.offset :][:most]
    return found[: query.limit], query.limit is not None and len(found) > query.limit


def find_bill(store: CompanyStore, bill_id: int | None = None, external_id: str | None = None) -> FoundBill:
    """The bill with our number, or with the company's own id.

    Raises:
        NotFound: there is none.
    """
    if bill_id is not None:
        found, shown = store.bills.by_id(bill_id), str(bill_id)
    else:
        found, shown = store.bills.by_external_id(external_id or ""), external_id or ""
    if found is None:
        raise NotFound(f"There is no bill “{shown}”.")
    return found


def find_named_bill(store: CompanyStore, reference: str) -> FoundBill:
    """The bill with our number, else with the company's own id.

    Raises:
        NotFound: there is none.
    """
    reference = reference.strip()
    if reference.isascii() and reference.isdigit():
        found = store.bills.by_id(int(reference[:_DIGITS]))
        if found is not None:
            return found
    return find_bill(store, external_id=one_line(reference, NAME))


def read_file(store: CompanyStore, bill: FoundBill) -> bytes | None:
    """The PDF of a bill; None if the store has lost it.

    Raises:
        InvalidRequest: the bill is locked.
        StorageError: the file is there, and cannot be read.
    """
    if bill.status is BillStatus.LOCKED:
        raise InvalidRequest(f"The bill {bill.id} is locked: its file is withheld until it is unlocked.")
    kept = store.bills.file(bill.id)
    if kept is None:
        return None
    try:
        return store.files.read(kept.sha256)
    except StorageError:
        if store.files.has(kept.sha256):
            raise
        return None


def name_bill(store: CompanyStore, bill: FoundBill, external_id: str | None) -> FoundBill:
    """Give the bill an id of the company's own; None takes it away. The bill as it is then.

    Raises:
        InvalidRequest: the id cannot be used.
        ExternalIdTaken: another bill has it.
    """
    check_external_id(external_id)
    try:
        store.bills.give_external_id(bill.id, external_id)
    except AlreadyThere as exc:
        raise ExternalIdTaken(str(exc)) from exc
    return find_bill(store, bill.id)


def check_external_id(external_id: str | None) -> None:
    """Whether it can be a bill's external id.

    Raises:
        InvalidRequest: it cannot.
    """
    if external_id is None:
        return
    if (
        problem := "The external id is empty."
        if not external_id
        else problem_of_name("external id", external_id)
    ):
        raise InvalidRequest(problem)


def unlock_bill(
    store: CompanyStore,
    bill: FoundBill,
    by: str,
    *,
    meter_ids: Sequence[str] | None = None,
    meter_type: str | None = None,
) -> bool:
    """Unlock the bill for good; False if it was unlocked before. ``by`` is who wants it, for the record.

    With ``meter_ids`` or a ``meter_type`` (electric or gas) only those of its meters, each with all that it
    measures; once all are unlocked, the bill is.

    Raises:
        NoSuchBills: the bill has no such meter.
        StorageError: it is gone.
    """
    if meter_ids is None and meter_type is None:
        return store.bills.unlock(bill.id, by)
    read, _ = store.bills.contents([bill.version_id]).get(bill.version_id, (None, None))
    types: dict[str, set[str]] = {}
    for meter in read.meters if read is not None else ():
        types.setdefault(meter.id, set()).add(type_of_meter(meter.commodity))
    wanted = [meter for meter in types if meter_type is None or meter_type in types[meter]]
    if meter_ids is not None:
        if not set(meter_ids) <= set(wanted):
            raise NoSuchBills("meter_id", sorted(wanted))
        wanted = list(meter_ids)
    if not wanted:
        raise NoSuchBills("meter_id", sorted(types))
    return store.bills.unlock(bill.id, by, wanted)


async def upload_bill(store: CompanyStore, upload: BillUpload) -> FoundBill:
    """Keep a PDF as a bill, read by whichever layout fits; the bill that it is, which may be there already.

    It goes to the customer that is named, else to the one who has the account, else to a new one. What no
    layout reads, of nobody, is the company's until one does.

    Raises:
        InvalidRequest: the external id cannot be used.
        NotAPdf: it is not a PDF, or a damaged one.
        ExternalIdTaken: another bill has the external id.
    """
    check_external_id(upload.external_id)
    return await read_and_store(_keep, store, upload)


def _keep(store: CompanyStore, upload: BillUpload) -> FoundBill:
    """In the reader's thread."""
    if len(upload.content) > LARGEST_UPLOAD:
        raise NotAPdf(f"The file is larger than {LARGEST_UPLOAD // 1024**2} MiB; upload a bill by itself.")
    try:
        check_pdf(upload.content)
    except Encrypted:
        pass  # it is kept, as one that is not supported
    except FormatError as exc:
        raise NotAPdf(str(exc)) from exc
    company = store.farm.companies.get(store.company_id)
    is_live = company is not None and company.live
    utilities = [each for each in load_utilities() if not (is_live and each.is_fake)]
    name = one_line(upload.name, NAME) or "bill.pdf"
    document = Document(upload.content, "application/pdf", name)
    preferred = upload.customer.utility if upload.customer is not None else ""
    read = uploaded_bill(document, utilities, upload.source, preferred=preferred)
    try:
        bill_id = store.bills.upload(
            replace(
                read,
                customer_id=upload.customer.id if upload.customer is not None else None,
                external_id=upload.external_id,
            )
        )
    except AlreadyThere as exc:
        raise ExternalIdTaken(str(exc)) from exc
    return find_bill(store, bill_id)
