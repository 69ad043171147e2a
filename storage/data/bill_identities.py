"""Which bill is which, and whether it is unlocked: from the start by its customer's policy, or when asked.

What is charged for a meter is kept with its unlocking, in the same transaction, once (docs/metering.md).
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import bindparam, insert
from sqlalchemy import select as columns
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from meterfarm.formats.bills.issuer import Issuer
from meterfarm.records import (
    BillMeter,
    BillSource,
    Commodity,
    EventKind,
    ListedBill,
)
from meterfarm.storage import AlreadyThere
from meterfarm.storage.customers import MeterTerms, companies, identity
from meterfarm.storage.data import UploadedBill, documents
from meterfarm.storage.database import insert_absent, now
from meterfarm.storage.runs import events
from meterfarm.storage.tables import (
    NEWEST_VERSION,
    AccountRow,
    BillRow,
    BillVersionRow,
    CustomerRow,
    ExtractionRow,
    UnlockRow,
    metadata,
)

BY_POLICY = "policy"
UPLOADED = "upload "
"""How the key of a bill begins that was uploaded, as long as its portal has not listed it."""
_BILL = metadata.tables["bill"]
_MONTHS = 12
_MOST_COMPARED = 50
"""Bills of an account that an upload is held against, the newest."""
_MADE_WITH = columns(
    col(CustomerRow.utility), col(CustomerRow.unlock_months), col(CustomerRow.unlock_continuous)
).where(col(CustomerRow.id) == bindparam("customer"))


@dataclass(frozen=True, slots=True)
class _Policy:
    """What unlocks by itself: of the past from ``since`` on (None: nothing), and what is after ``newest``.

    ``newest`` is None until the first fetch is complete: all is of the past.
    """

    since: date | None
    newest: date | None
    continuous: bool

    def unlocks(self, billed_on: date | None) -> bool:
        """Whether a bill of that day, that was not known before, is unlocked from the start."""
        if self.newest is not None and billed_on is not None and billed_on > self.newest:
            return self.continuous
        return self.since is not None and (billed_on or date.max) >= self.since


def issuer_of(upload: UploadedBill) -> Issuer:
    """Who issued an upload."""
    return Issuer.of(upload.layout, upload.reading, upload.bill)


def is_of_account(session: Session, account_id: int, issuer: Issuer) -> bool:
    """Whether a bill of the account is of the same utility, which no script knows."""
    query = (
        select(BillVersionRow, ExtractionRow.layout)
        .join(BillRow, col(BillVersionRow.id) == NEWEST_VERSION)
        .join(ExtractionRow, col(ExtractionRow.id) == BillVersionRow.extraction_id)
        .where(BillRow.account_id == account_id)
        .order_by(col(BillRow.id).desc())
        .limit(_MOST_COMPARED)
    )
    return any(
        issuer.is_also_of(Issuer.of(layout, documents.reading_of(version), documents.bill_of(version)))
        for version, layout in session.exec(query)
    )


def identities(
    session: Session,
    account: AccountRow,
    listed: Sequence[ListedBill],
    source: BillSource,
    utility: str = "",
    read: Set[str] = frozenset(),
) -> dict[str, int]:
    """The bills' ids by the portal's key, made or brought up to date with what is listed.

    ``utility`` is the one that issued them, "" for the customer's. ``read`` are the keys of those that are
    read: a copy of such a bill that was uploaded before takes on the portal's key.
    """
    query = select(BillRow).where(
        BillRow.account_id == account.id, col(BillRow.portal_key).in_([each.key for each in listed])
    )
    known = {row.portal_key: row for row in session.exec(query)}
    new = [each for each in listed if each.key not in known]
    if new and source is BillSource.UTILITY:
        known |= _adopted(session, account, [each for each in new if each.key in read])
        new = [each for each in new if each.key not in known]
    for each in listed:
        if row := known.get(each.key):
            row.billed_on, row.listed_amount = each.billed_on, each.total_amount
    session.flush()
    ids = {key: row.id for key, row in known.items()}
    if new:
        ids.update(_made(session, account, new, source, utility))
    return ids


def _adopted(session: Session, account: AccountRow, listed: Sequence[ListedBill]) -> dict[str, BillRow]:
    """Uploaded bills that the portal lists by now, by its key for them: of the same day and amount."""
    query = select(BillRow).where(
        BillRow.account_id == account.id,
        col(BillRow.portal_key).startswith(UPLOADED),
        col(BillRow.billed_on).in_([each.billed_on for each in listed]),
    )
    uploaded = list(session.exec(query)) if listed else []
    found: dict[str, BillRow] = {}
    for each in listed:
        amounts = (None, each.total_amount) if each.total_amount is not None else ()
        for row in uploaded:
            if row.billed_on == each.billed_on and (not amounts or row.listed_amount in amounts):
                row.portal_key = each.key
                found[each.key] = row
                uploaded.remove(row)
                break
    return found


def _made(
    session: Session,
    account: AccountRow,
    listed: Sequence[ListedBill],
    source: BillSource,
    utility: str,
) -> Iterable[tuple[str, int]]:
    at = now(session)
    of_customer, policy = _policy(session, account.customer_id, account.id, at)
    rows = [
        {
            "company_id": account.company_id,
            "account_id": account.id,
            "customer_id": account.customer_id,
            "utility": utility or of_customer,
            "portal_key": each.key,
            "source": source.value,
            "billed_on": each.billed_on,
            "listed_amount": each.total_amount,
            "unlocked_at": at if policy.unlocks(each.billed_on) else None,
        }
        for each in listed
    ]
    made = insert(_BILL).returning(_BILL.c.portal_key, _BILL.c.id)
    return [(key, bill_id) for key, bill_id in session.connection().execute(made, rows)]


def give_external_id(session: Session, company_id: int, row: BillRow, external_id: str | None) -> None:
    """Give the bill an id of the company's own, or take it away.

    Raises:
        AlreadyThere: another bill has it.
    """
    if external_id == row.external_id:
        return
    if external_id is not None:
        query = select(BillRow.id).filter_by(company_id=company_id, external_id=external_id)
        other = session.exec(query).first()
        if other is not None:
            raise AlreadyThere(f"The external id {external_id} is there already as bill {other}.")
    row.external_id = external_id
    session.add(row)
    try:
        session.flush()
    except IntegrityError as exc:
        raise AlreadyThere(f"The external id {external_id} was just given to another bill.") from exc


def unlocked_from_the_start(session: Session, account: AccountRow, billed_on: date) -> datetime | None:
    """When a bill of the account that is new was unlocked: just now, or not at all."""
    at = now(session)
    return at if _policy(session, account.customer_id, account.id, at)[1].unlocks(billed_on) else None


def _policy(session: Session, customer_id: int, account_id: int, at: datetime) -> tuple[str, _Policy]:
    """The customer's utility, and what unlocks of the account by itself."""
    utility, months, continuous = session.connection().execute(_MADE_WITH, {"customer": customer_id}).one()
    newest = None
    if events.exists(session, customer_id, EventKind.BILLS_READY):
        newest = session.exec(
            select(func.max(BillRow.billed_on)).where(BillRow.account_id == account_id)
        ).one()
    since = date.min if months is None else months_before(at.date(), months) if months else None
    return utility, _Policy(since, newest, continuous)


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last."""
    year, month = divmod(day.year * _MONTHS + day.month - 1 - months, _MONTHS)
    if year < 1:
        return date.min
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def unlock(session: Session, row: BillRow, by: str, meters: Collection[str] | None = None) -> bool:
    """Unlock a bill for good, or these of its meters; False if they were before. ``by`` is who wants it.

    Once all its meters are unlocked, the bill is. What is unlocked is charged, once.
    """
    if row.unlocked_at is not None:
        return False
    newest = select(BillVersionRow).where(BillVersionRow.bill_id == row.id)
    version = session.exec(newest.order_by(col(BillVersionRow.id).desc()).limit(1)).one()
    bill = documents.bill_of(version)
    own = metered(bill.meters if bill else ())
    before = _unlockings(session, row.company_id, [row.id]).get(row.id, {})
    unlocked = {*own} if meters is None else {*before} | own.keys() & {*meters}
    if meters is not None and unlocked == {*before}:
        return False
    at = now(session)
    if unlocked >= {*own}:
        row.unlocked_at = at
        session.add(row)
        session.flush()
    terms = companies.meter_terms(session, row.company_id)
    new = {meter: own[meter] for meter in own if meter in unlocked and meter not in before}
    counts = _charged(new, _uncharged(own, unlocked, before.values()), terms)
    if new or not before:
        _keep(session, _Of(row.id, row.company_id, row.customer_id), counts, by, at, terms)
    if bill is not None and row.customer_id is not None:
        identity.revised(session, row.customer_id)
        about = {"id": row.id, "account_number": bill.account_number, "unlocked": True}
        about |= {"billed_on": bill.billed_on.isoformat(), "total_amount": bill.total_amount}
        key = f"unlocked {row.id}" if row.unlocked_at else f"unlocked {row.id}, {len(unlocked)}"
        events.publish(session, row.customer_id, EventKind.UPDATED_BILL, key, about)
    return True


def unlocked_meters(session: Session, company_id: int, bill_ids: Collection[int]) -> Mapping[int, Set[str]]:
    """Which meters of these bills are unlocked; of bills of which any is."""
    return {bill: {*found} for bill, found in _unlockings(session, company_id, bill_ids).items()}


def note_unlocked(session: Session, bills: Mapping[int, Sequence[BillMeter]]) -> None:
    """Record which meters these bills have, of those that are unlocked, as they were just read.

    They are charged where the bill had none before. What is found later is free.
    """
    query = columns(col(BillRow.id), col(BillRow.company_id), col(BillRow.customer_id))
    query = query.where(col(BillRow.id).in_(list(bills)), col(BillRow.unlocked_at).is_not(None))
    rows = [_Of(*row) for row in session.execute(query)]
    if not rows:
        return
    company_id = rows[0].company_id
    before = _unlockings(session, company_id, list(bills))
    terms, at = companies.meter_terms(session, company_id), now(session)
    for row in rows:
        known, own = before.get(row.bill_id, {}), metered(bills[row.bill_id])
        new = {meter: kinds for meter, kinds in own.items() if meter not in known}
        most = (0, 0) if any(known) else _uncharged(own, {*own}, known.values())
        if new or not known:
            by = known[""].by if "" in known else BY_POLICY
            _keep(session, row, _charged(new, most, terms), by, at, terms)


class _Of(NamedTuple):
    """A bill that is unlocked, and of whom."""

    bill_id: int
    company_id: int
    customer_id: int | None


def metered(meters: Sequence[BillMeter]) -> Mapping[str, Set[Commodity]]:
    """What each meter of a bill measures, by its number, in the bill's order."""
    found: dict[str, set[Commodity]] = {}
    for meter in meters:
        found.setdefault(meter.id, set()).add(meter.commodity)
    return found


class _Unlocking(NamedTuple):
    """Of a meter of a bill: by whom it was unlocked, and how many meters were charged."""

    by: str
    electric: int
    gas: int


def _unlockings(
    session: Session, company_id: int, bill_ids: Collection[int]
) -> Mapping[int, Mapping[str, _Unlocking]]:
    """Those of these bills, by the bill and the meter; "" is a bill that had no meters."""
    found: dict[int, dict[str, _Unlocking]] = {}
    row = UnlockRow
    query = columns(col(row.bill_id), col(row.meter), col(row.by), col(row.electric), col(row.gas))
    query = query.where(col(row.bill_id).in_(bill_ids), col(row.company_id) == company_id)
    for bill_id, meter, *unlocking in session.execute(query):
        found.setdefault(bill_id, {})[meter] = _Unlocking(*unlocking)
    return found


_Counts = tuple[int, int]
"""Meters of electricity, and of gas."""


def _uncharged(
    own: Mapping[str, Set[Commodity]], unlocked: Set[str], before: Iterable[_Unlocking]
) -> _Counts:
    """How many of the bill's meters are unlocked and not charged.

    A meter that was charged under another number, as another layout read it, is not charged again.
    """
    shown = [kinds for meter, kinds in own.items() if meter in unlocked]
    charged = list(before)
    electric = sum(Commodity.ELECTRIC in kinds for kinds in shown) - sum(each.electric for each in charged)
    gas = sum(Commodity.GAS in kinds for kinds in shown) - sum(each.gas for each in charged)
    return max(electric, 0), max(gas, 0)


def _charged(
    new: Mapping[str, Set[Commodity]], most: _Counts, terms: MeterTerms
) -> Sequence[tuple[str, int, int]]:
    """Each new meter, and how many meters are charged for it, of electricity and gas: ``most`` in all."""
    electric = most[0] if terms.counts_electric else 0
    gas = most[1] if terms.counts_gas else 0
    found = []
    for meter, kinds in new.items():
        its_electric = min(electric, int(Commodity.ELECTRIC in kinds))
        its_gas = min(gas, int(Commodity.GAS in kinds))
        electric, gas = electric - its_electric, gas - its_gas
        found.append((meter, its_electric, its_gas))
    return found


def _keep(
    session: Session,
    bill: _Of,
    counts: Sequence[tuple[str, int, int]],
    by: str,
    at: datetime,
    terms: MeterTerms,
) -> None:
    """Record that meters are unlocked, each with what is charged; of a bill without any, that the bill is."""
    price = {"price": terms.price.cents, "currency": terms.price.currency}
    same = {**bill._asdict(), "by": by, "at": at, **price}
    rows = [
        {**same, "meter": meter, "electric": electric, "gas": gas}
        for meter, electric, gas in counts or [("", 0, 0)]
    ]
    insert_absent(session, UnlockRow, rows, "id")
