"""Documents, the files behind them (reference-counted), a bill's columns, and exports still being made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, delete, select

from meterfarm.formats.bills.stored_reading import items_from_json, reading_from_json, same_lines
from meterfarm.records import Address, Bill, BillMeter, BillReading, Commodity, Document, Quantity, Unit
from meterfarm.storage.data import PendingExport, accounts
from meterfarm.storage.database import Database, Repository, holding, insert_absent, now, put, reading
from meterfarm.storage.files import AnyFiles
from meterfarm.storage.tables import AccountRow, BillVersionRow, FileRow, PendingExportRow, metadata

Fetched = tuple[str, Document, str]
"""The portal's key, the document, the hash of its bytes."""
_DOCUMENT = metadata.tables["document"]
_FILE = metadata.tables["file"]
_KEPT = select_columns(_DOCUMENT.c.portal_key, _DOCUMENT.c.sha256, _DOCUMENT.c.id).where(
    _DOCUMENT.c.account_id == bindparam("account"),
    _DOCUMENT.c.kind == bindparam("kind"),
    _DOCUMENT.c.portal_key.in_(bindparam("keys", expanding=True)),
)
_ENTER = insert(_DOCUMENT).returning(_DOCUMENT.c.portal_key, _DOCUMENT.c.sha256, _DOCUMENT.c.id)
_REFER = update(_FILE).where(_FILE.c.sha256 == bindparam("its")).values(refs=_FILE.c.refs + bindparam("more"))


class DocumentKind(StrEnum):
    """What a document is."""

    BILL = "bill"
    INTERVALS = "intervals"


def keep_all(
    session: Session, files: AnyFiles, account: AccountRow, kind: DocumentKind, fetched: Sequence[Fetched]
) -> list[int]:
    """The ids of these bytes' rows under the portal's keys. Files are on disk before a row is committed."""
    known = _known(session, account.id, kind, fetched)
    new = {(key, sha256): document for key, document, sha256 in fetched if (key, sha256) not in known}
    if new:
        _count(session, {sha256: len(document.content) for (_, sha256), document in new.items()}, new)
        at = datetime.now(UTC)
        rows = [
            {
                "company_id": account.company_id,
                "account_id": account.id,
                "customer_id": account.customer_id,
                "kind": kind.value,
                "portal_key": key,
                "sha256": sha256,
                "media_type": document.media_type,
                "name": document.name,
                "fetched_at": at,
            }
            for (key, sha256), document in new.items()
        ]
        inserted = session.connection().execute(_ENTER, rows)
        known |= {(row.portal_key, row.sha256): row.id for row in inserted}
    files.put_as({sha256: document.content for _, document, sha256 in fetched})
    return [known[key, sha256] for key, _, sha256 in fetched]


def keep_unassigned(
    session: Session,
    files: AnyFiles,
    company_id: int,
    customer_id: int | None,
    key: str,
    document: Document,
    sha256: str,
) -> int:
    """The id of a new row of a bill's document that no account has."""
    _count(session, {sha256: len(document.content)}, [(key, sha256)])
    row = {
        "company_id": company_id,
        "customer_id": customer_id,
        "kind": DocumentKind.BILL.value,
        "portal_key": key,
        "sha256": sha256,
        "media_type": document.media_type,
        "name": document.name,
        "fetched_at": datetime.now(UTC),
    }
    ((_, _, row_id),) = session.connection().execute(_ENTER, [row])
    files.put_as({sha256: document.content})
    return int(row_id)


def _known(
    session: Session, account_id: int, kind: DocumentKind, fetched: Sequence[Fetched]
) -> dict[tuple[str, str], int]:
    asked = {"account": account_id, "kind": kind.value, "keys": list({key for key, *_ in fetched})}
    return {(key, sha256): row_id for key, sha256, row_id in session.connection().execute(_KEPT, asked)}


def _count(session: Session, sizes: Mapping[str, int], new: Iterable[tuple[str, str]]) -> None:
    """Count the new references. Files are locked in the order of their hashes, as by all who lock several."""
    sorted_sizes = sorted(sizes.items())
    rows = [{"sha256": sha256, "size": size, "refs": 0} for sha256, size in sorted_sizes]
    insert_absent(session, FileRow, rows, "sha256")
    more = Counter(sha256 for _, sha256 in new)
    session.connection().execute(
        _REFER,
        [{"its": sha256, "more": more[sha256]} for sha256, _ in sorted_sizes],
    )


def sweep(database: Database, files: AnyFiles, older_than: float = 3600.0) -> int:
    """Delete files that no document refers to; returns how many.

    Files without a row and interrupted writes go once untouched for ``older_than`` seconds: a younger one may
    belong to a transaction under way. A row with no references is locked while its file goes, so that one who
    wants the same bytes again waits and then writes them again.
    """
    with database.reading() as session:
        free = session.exec(select(FileRow.sha256).where(FileRow.refs == 0)).all()
    swept = 0
    for sha256 in free:
        with database.writing() as session:
            query = select(FileRow).where(FileRow.sha256 == sha256, FileRow.refs == 0).with_for_update()
            row = session.exec(query).first()
            if row is not None:
                files.delete(sha256)
                session.delete(row)
                swept += 1
    for leftover in files.leftovers(older_than):
        with database.reading() as session:
            known = session.get(FileRow, leftover.name) is not None
        if not known:
            leftover.remove()
            swept += 1
    return swept


_REQUIRED = (
    "account_number",
    "billed_on",
    "billing_period_from",
    "billing_period_to",
    "total_amount",
)
_OPTIONAL = (
    "outstanding_balance",
    "due_on",
    "electricity_amount",
    "delivery_charge",
    "supply_charge",
    "community_solar_bill_credit",
    "gas_amount",
)


def bill_columns(bill: Bill | None) -> dict[str, Any]:
    """The values of a version's columns; of an unread document they are all null."""
    if bill is None:
        return dict.fromkeys((*_REQUIRED, *_OPTIONAL, "content"))
    fields = {name: getattr(bill, name) for name in (*_REQUIRED, *_OPTIONAL)}
    content = {
        "meters": [_meter_json(meter) for meter in bill.meters],
        "address": asdict(bill.address) if bill.address else None,
        "previous_balance": bill.previous_balance,
        "payments": bill.payments,
    }
    return {**fields, "content": content}


def bill_of(row: BillVersionRow) -> Bill | None:
    """The bill of a version, None if its document was not read."""
    if row.content is None:
        return None
    fields = {name: getattr(row, name) for name in (*_REQUIRED, *_OPTIONAL)}
    address = row.content["address"]
    return Bill(
        **fields,
        meters=tuple(_meter(meter) for meter in row.content["meters"]),
        address=Address(**address) if address else None,
        previous_balance=row.content["previous_balance"],
        payments=row.content["payments"],
        line_items=items_from_json(row.reading) if row.reading else (),
    )


def reading_of(row: BillVersionRow) -> BillReading | None:
    """What was read from a version's document; None if nothing was kept of it."""
    return None if row.reading is None else reading_from_json(row.reading, bill_of(row))


def is_same_bill(row: BillVersionRow, bill: Bill | None, reading: BillReading | None) -> bool:
    """Whether the version says what ``bill`` does, whatever kinds of sequences and mappings that has.

    Line items are what it says, checks are not: they are ours.
    """
    if bill_columns(bill_of(row)) != bill_columns(bill):
        return False
    return bill is None or same_lines(row.reading, reading)


def _meter_json(meter: BillMeter) -> dict[str, Any]:
    return {
        "id": meter.id,
        "commodity": meter.commodity.value,
        "from": meter.billing_period_from.isoformat(),
        "to": meter.billing_period_to.isoformat(),
        "consumption": [
            meter.consumption.mantissa,
            meter.consumption.exponent,
            meter.consumption.unit.value,
        ],
        "tariff": meter.tariff,
        "previous_read": _text(meter.previous_read),
        "current_read": _text(meter.current_read),
        "attributes": dict(meter.additional_attributes),
    }


def _meter(saved: dict[str, Any]) -> BillMeter:
    mantissa, exponent, unit = saved["consumption"]
    return BillMeter(
        id=saved["id"],
        commodity=Commodity(saved["commodity"]),
        billing_period_from=date.fromisoformat(saved["from"]),
        billing_period_to=date.fromisoformat(saved["to"]),
        consumption=Quantity(mantissa, exponent, Unit(unit)),
        tariff=saved["tariff"],
        previous_read=_decimal(saved["previous_read"]),
        current_read=_decimal(saved["current_read"]),
        additional_attributes=saved["attributes"],
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


_OF_ACCOUNT = (
    select(PendingExportRow)
    .where(
        PendingExportRow.account_id == bindparam("account"),
        PendingExportRow.company_id == bindparam("company"),
    )
    .order_by(col(PendingExportRow.requested_at))
)


class PendingExports(Repository):
    """As ``CompanyStore.pending_exports``. There is one at most of a meter's first and last day."""

    @holding
    def keep(
        self,
        session: Session,
        account_id: int,
        meter_id: str,
        days: tuple[date, date],
        key: str,
        not_before: datetime | None = None,
    ) -> None:
        """Keep what the portal calls it; another key than before is of an export asked for just now.

        Raises:
            StorageError: the company has no such account.
            LeaseLost: the run that writes is not held any more.
        """
        account = accounts.locked(session, account_id, self._company_id)
        same = {"account_id": account.id, "meter": meter_id, "first": days[0], "last": days[1]}
        row = session.exec(select(PendingExportRow).filter_by(**same)).first()
        is_same = row is not None and row.portal_key == key
        values = {
            "company_id": self._company_id,
            "portal_key": key,
            "requested_at": row.requested_at if row is not None and is_same else now(session),
            "not_before": not_before,
        }
        put(session, PendingExportRow, same, values)

    @holding
    def forget(self, session: Session, account_id: int, meter_id: str, days: tuple[date, date]) -> None:
        """It was fetched, or never will be.

        Raises:
            LeaseLost: the run that writes is not held any more.
        """
        row = PendingExportRow
        query = delete(row).where(col(row.account_id) == account_id, col(row.company_id) == self._company_id)
        days_of = (col(row.first) == days[0], col(row.last) == days[1])
        session.exec(query.where(col(row.meter) == meter_id, *days_of))

    @reading
    def list(self, session: Session, account_id: int) -> Sequence[PendingExport]:
        """Of the account, oldest first."""
        asked = {"account": account_id, "company": self._company_id}
        return [
            PendingExport(row.meter, row.first, row.last, row.portal_key, row.requested_at, row.not_before)
            for row in session.exec(_OF_ACCOUNT, params=asked)
        ]
