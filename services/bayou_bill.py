"""A stored bill as Bayou's API and webhooks have it: locked, its content is withheld."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from datetime import timedelta
from typing import Any, Generic, TypeVar

from meterfarm.formats.bills.bayou import bill_json
from meterfarm.formats.bills.reading_fields import stored_fields
from meterfarm.formats.errors import FormatError
from meterfarm.records import Bill, BillStatus
from meterfarm.storage.data import FoundBill
from meterfarm.storage.store import CompanyStore, Store

BILL_FILE = "bill-file"
FILE_LASTS = timedelta(minutes=15)
FILES = "/files/bills"
_MOST, _MOST_BESIDE = 4000, 250
"""Bills that are remembered; lines and checks are ten times as much as the rest, and webhooks have none."""
_READ = (BillStatus.LOCKED, BillStatus.UNLOCKED)
_OF_LOCKED = (
    *("external_id", "id", "status", "customer_id", "customer_external_id", "billed_on"),
    *("billing_period_from", "billing_period_to", "utility", "account_number"),
)
_OF_LOCKED_METER = ("id", "status", "type", "billing_period_from", "billing_period_to", "tariff")
_Fields = dict[str, Any]
_What = TypeVar("_What")


class BillRendering:
    """Renders bills of one farm; what their versions say, which never changes, is remembered.

    ``public_url`` begins the address of a bill's file.
    """

    def __init__(self, public_url: str, most: int = _MOST, most_beside: int = _MOST_BESIDE) -> None:
        self._public_url = public_url
        self._known: _Remembered[_Content] = _Remembered(most)
        self._beside: _Remembered[_Fields] = _Remembered(most_beside)

    def of(self, store: CompanyStore, bill: FoundBill, *, for_webhook: bool = False) -> _Fields:
        """Bayou's object of a bill; ``for_webhook`` adds what only those have."""
        return self.of_all(store, [bill], for_webhook=for_webhook)[0]

    def of_all(
        self,
        store: CompanyStore,
        bills: Sequence[FoundBill],
        *,
        gas_as_text: bool | None = None,
        for_webhook: bool = False,
    ) -> list[_Fields]:
        """Bayou's objects of bills, in this order; ``gas_as_text`` is the company's choice unless given."""
        if gas_as_text is None:
            gas_as_text = store.farm.companies.settings(store.company_id).gas_as_text
        shown = [] if for_webhook else [bill for bill in bills if bill.status is not BillStatus.LOCKED]
        contents, beside = self._contents(
            store, [bill.version_id for bill in bills], [bill.version_id for bill in shown]
        )
        locked = [bill.id for bill in bills if bill.status is BillStatus.LOCKED]
        unlocked = store.bills.unlocked_meters(locked) if locked else {}
        expires_at = int(time.time() + FILE_LASTS.total_seconds())
        rendered = []
        for bill in bills:
            content = contents.get(bill.version_id, _UNREAD)
            fields = content.rendered(bill, unlocked.get(bill.id, frozenset()))
            if fields["status"] != BillStatus.LOCKED:
                fields["file_url"] = self._file_url(store, bill.id, expires_at)
                if for_webhook:
                    fields["past_due"] = content.past_due
                else:
                    fields |= beside.get(bill.version_id) or stored_fields(None, None)
            if gas_as_text:
                _gas_as_text(fields)
            rendered.append(fields)
        return rendered

    def meters_of(self, store: CompanyStore, bills: Sequence[FoundBill]) -> Mapping[int, Sequence[str]]:
        """The ids of the meters on bills that are read, by the bills' ids."""
        contents, _ = self._contents(store, [bill.version_id for bill in bills if bill.status in _READ])
        return {
            bill.id: [meter["id"] for meter in contents[bill.version_id].fields["meters"]]
            for bill in bills
            if bill.version_id in contents
        }

    def _contents(
        self, store: CompanyStore, version_ids: Sequence[int], with_beside: Sequence[int] = ()
    ) -> tuple[Mapping[int, _Content], Mapping[int, _Fields]]:
        """What versions of bills say; of some of them, what was read beside."""
        known, beside = self._known.of(version_ids), self._beside.of(with_beside)
        lacking = [each for each in version_ids if each not in known]
        lacking_beside = {each for each in with_beside if each not in beside}
        wanted = [*dict.fromkeys((*lacking, *lacking_beside))]
        if not wanted:
            return known, beside
        read = store.bills.contents(wanted)
        new = {each: _Content.of(read[each][0]) for each in lacking if each in read}
        new_beside = {each: stored_fields(*read[each]) for each in lacking_beside if each in read}
        self._known.add(new)
        self._beside.add(new_beside)
        return known | new, beside | new_beside

    def _file_url(self, store: CompanyStore, bill_id: int, expires_at: int) -> str:
        token = store.farm.vault.sign(BILL_FILE, f"{store.company_id}-{bill_id}", expires_at)
        return f"{self._public_url}{FILES}/{token}"


class _Remembered(Generic[_What]):
    """The newest of what was read, by the ids of versions."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[int, _What] = OrderedDict()

    def of(self, ids: Sequence[int]) -> dict[int, _What]:
        """Of those that are remembered."""
        return {each: found for each in ids if (found := self._known.get(each)) is not None}

    def add(self, read: Mapping[int, _What]) -> None:
        """Remember these; of too many the oldest are forgotten."""
        with self._lock:
            self._known.update(read)
            while len(self._known) > self._most:
                self._known.popitem(last=False)


class _Content:
    """What a version of a bill says, in Bayou's fields; the same for whoever asks."""

    def __init__(self, fields: _Fields, *, past_due: bool = False, is_read: bool = True) -> None:
        self.fields = fields
        self.past_due = past_due
        self._is_read = is_read

    @classmethod
    def of(cls, bill: Bill | None) -> _Content:
        """Of a unit that Bayou has no field for, it says nothing."""
        if bill is not None:
            with suppress(FormatError):
                return cls(_fields(bill), past_due=(bill.outstanding_balance or 0) > 0)
        return cls(_fields(None), is_read=False)

    def rendered(self, bill: FoundBill, unlocked: Set[str] = frozenset()) -> _Fields:
        """All fields of the bill but its file; of a locked one those of its ``unlocked`` meters.

        One that is locked in the store withholds its content also if its units have no field.
        """
        status = bill.status
        if status is BillStatus.UNLOCKED and not self._is_read:
            status = BillStatus.UNPARSED
        fields = {
            **self.fields,
            "external_id": bill.external_id,
            "id": bill.id,
            "status": status.value,
            "customer_id": bill.customer_id,
            "customer_external_id": bill.customer_external_id,
            "utility": bill.utility or None,
            "account_number": bill.account_number,
            "billed_on": bill.billed_on.isoformat() if bill.billed_on is not None else None,
        }
        if status is not BillStatus.LOCKED:
            return fields
        withheld = {name: fields[name] for name in _OF_LOCKED}
        withheld["meters"] = [
            meter
            if meter["id"] in unlocked
            else {name: status.value if name == "status" else meter[name] for name in _OF_LOCKED_METER}
            for meter in self.fields["meters"]
        ]
        if any(meter["id"] in unlocked and meter["type"] == "gas" for meter in self.fields["meters"]):
            withheld["gas_consumption_unit"] = fields["gas_consumption_unit"]
        return withheld


def _fields(bill: Bill | None) -> _Fields:
    return bill_json(
        bill, utility="", bill_id=0, customer_id=0, account_number="", billed_on=None, file_url=None
    )


_UNREAD = _Content(_fields(None), is_read=False)


def _gas_as_text(fields: _Fields) -> None:
    """Write the numbers of gas as text; what is remembered stays as it is."""
    if fields.get("gas_consumption") is not None:
        fields["gas_consumption"] = str(fields["gas_consumption"])
    fields["meters"] = [
        meter | {"consumption": str(meter["consumption"])}
        if meter["type"] == "gas" and "consumption" in meter
        else meter
        for meter in fields["meters"]
    ]


def signed_bill(farm: Store, token: str) -> tuple[CompanyStore, int] | None:
    """The company and the bill that a file's address is for; None if it is not ours, or expired."""
    payload = farm.vault.verified(BILL_FILE, token, time.time())
    company, _, bill = (payload or "").partition("-")
    if not (company.isdecimal() and bill.isdecimal()):
        return None
    return farm.within(int(company)), int(bill)
