"""Looking customers up, and how they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from meterfarm.records import CustomerState, Outcome, RunKind, RunState, SecretKind
from meterfarm.storage import StorageError
from meterfarm.storage.customers import (
    Customer,
    CustomerFilter,
    CustomerInfo,
    CustomerRecord,
    EndedRun,
    ListedCustomer,
    Profile,
    UtilityWish,
    credentials,
    identity,
    registration,
)
from meterfarm.storage.data import documents
from meterfarm.storage.database import Repository, SingleRead, holding, now, put, reading, writing
from meterfarm.storage.tables import (
    AccountRow,
    BillRow,
    CredentialRow,
    CustomerRow,
    LoginRow,
    MeterRow,
    ProfileRow,
    ReadingRow,
    RunRow,
    SavedSessionRow,
    SeriesRow,
    UtilityWishRow,
    metadata,
)
from meterfarm.support.foreign_text import storable

_PAGE = 20_000
_NO_ID = 2**31
_NO_ANSWERS: Mapping[str, str] = {}
_NO_SECRETS: Mapping[SecretKind, str] = {}
_NO_FIELDS: Mapping[str, str | None] = {}


class Customers(Repository):
    """As ``CompanyStore.customers``: who they are, and how they stand."""

    def ensure(self, utility: str, username: str) -> Customer:
        """The customer with this login, made at first use with the consent "command line".

        User names that differ in case or outer spaces are one login; ``username`` comes back as given now.
        """
        return self._known(utility, username) or self._make(utility, username)

    @reading
    def _known(self, session: Session, utility: str, username: str) -> Customer | None:
        return identity.find(session, self._company_id, utility, username)

    @holding
    def _make(self, session: Session, utility: str, username: str) -> Customer:
        return identity.make(session, self._vault, self._company_id, utility, username)

    @writing
    def add(
        self,
        session: Session,
        utility: str,
        username: str,
        *,
        external_id: str | None = None,
        secrets: Mapping[SecretKind, str],
        answers: Mapping[str, str] = _NO_ANSWERS,
        method: str = identity.COMMAND_LINE,
    ) -> Customer:
        """Add a customer, or bring back a removed one, who consented by ``method``.

        ``answers`` are those to security questions, each by its question. With a password, a run that tries
        it is queued.

        Raises:
            AlreadyThere: the login or the external id is a customer's.
        """
        return registration.add(
            session, self._vault, self._company_id, utility, username, external_id, secrets, answers, method
        )

    @writing
    def create(
        self,
        session: Session,
        utility: str,
        *,
        external_id: str | None = None,
        profile: Mapping[str, str | None] = _NO_FIELDS,
    ) -> Customer:
        """Add a customer who is yet to give a login; ``utility`` "" if they may choose.

        Raises:
            AlreadyThere: the external id is a customer's.
        """
        return registration.create(session, self._vault, self._company_id, utility, external_id, profile)

    @writing
    def update(
        self,
        session: Session,
        customer: Customer,
        *,
        utility: str | None = None,
        username: str | None = None,
        external_id: str | None = None,
        secrets: Mapping[SecretKind, str] = _NO_SECRETS,
        answers: Mapping[str, str] = _NO_ANSWERS,
        profile: Mapping[str, str | None] = _NO_FIELDS,
        method: str = identity.COMMAND_LINE,
    ) -> None:
        """Change what is given; an empty external id takes it away.

        The utility of one who has a login stays. With something new to sign in with, a run that tries it is
        queued. Who gives their first login consents by ``method``.

        Raises:
            AlreadyThere: the login or the external id is another customer's.
            StorageError: the customer was removed.
        """
        registration.change(
            *(session, self._vault, customer, utility, username, external_id),
            *(secrets, answers, profile, method),
        )

    def choose_utility(self, customer: Customer, utility: str) -> None:
        """The customer's account is at this utility.

        A login that another one never accepted is given up with all that it is signed in with.

        Raises:
            AlreadyThere: another one has let the customer in.
            RunRefused: a sign-in at another one is under way.
            StorageError: the customer was removed.
        """
        self._choose_utility(customer, utility)
        self._database.forget_deleted()

    @writing
    def _choose_utility(self, session: Session, customer: Customer, utility: str) -> None:
        registration.choose_utility(session, customer, utility)

    def remove(self, customer: Customer, *, data: bool) -> None:
        """Destroy the customer's data key and what it sealed, and with ``data`` all that was stored of them.

        Bills and readings stay without ``data``. Runs that wait are cancelled, those in progress are asked
        to stop.

        Raises:
            StorageError: the customer is not there.
        """
        self._remove(customer, data=data)
        self._database.forget_deleted()
        if data:
            documents.sweep(self._database, self._files)

    @writing
    def _remove(self, session: Session, customer: Customer, *, data: bool) -> None:
        (registration.erase if data else registration.close)(session, customer)

    def by_id(self, customer_id: int) -> Customer | None:
        """The company's customer of this number. Also one removed."""
        return self._customer(_CUSTOMER_BY_ID, customer_id) if 0 < customer_id < _NO_ID else None

    @reading
    def holder(self, session: Session, customer: Customer) -> Customer:
        """Whoever holds what is collected by the customer's login: mostly themselves."""
        shares = select(CustomerRow.shares_id).where(CustomerRow.id == customer.id).scalar_subquery()
        query = select(CustomerRow).where(CustomerRow.id == shares)
        row = session.exec(query.where(CustomerRow.company_id == self._company_id)).first()
        return Customer.of(row) if row else customer

    def by_external_id(self, external_id: str) -> Customer | None:
        """The company's customer of this external id. Also one removed."""
        return self._customer(_CUSTOMER_BY_EXTERNAL_ID, external_id)

    def _customer(self, read: SingleRead, key: int | str) -> Customer | None:
        row = read.first(self._database, {"key": key, "company": self._company_id})
        if row is None:
            return None
        customer_id, company_id, login_id, utility, username = row
        return Customer(customer_id, company_id, login_id or 0, utility, username)

    @reading
    def find(self, session: Session, reference: str) -> Customer | None:
        """By id, else by external id, else by user name. Also one removed.

        Raises:
            StorageError: several have that user name.
        """
        reference = reference.strip()
        ways = [col(CustomerRow.external_id) == reference]
        if reference.isascii() and reference.isdigit() and int(reference) < _NO_ID:
            ways.insert(0, col(CustomerRow.id) == int(reference))
        query = select(CustomerRow).where(CustomerRow.company_id == self._company_id)
        for way in ways:
            found = session.exec(query.where(way)).first()
            if found is not None:
                return Customer.of(found)
        of_login = query.join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
        of_login = of_login.where(LoginRow.username == identity.normalised(reference))
        named = session.exec(of_login.order_by(col(CustomerRow.id))).all()
        there = [row for row in named if row.state != CustomerState.REMOVED.value] or named
        if len(there) > 1:
            ids = ", ".join(f"{row.id} at {row.utility}" for row in there)
            raise StorageError(
                f"Several customers have the user name {reference}: {ids}; name one by its id."
            )
        return Customer.of(there[0]) if there else None

    def record(self, customer_id: int) -> CustomerRecord | None:
        """The customer of this number with their profile. Also one removed."""
        return self._record(_RECORD, customer_id) if 0 < customer_id < _NO_ID else None

    def record_by_external_id(self, external_id: str) -> CustomerRecord | None:
        """The customer of this external id with their profile. Also one removed."""
        return self._record(_RECORD_BY_EXTERNAL_ID, external_id)

    def _record(self, read: SingleRead, key: int | str) -> CustomerRecord | None:
        row = read.first(self._database, {"key": key, "company": self._company_id})
        return _customer_record(row) if row else None

    @reading
    def records(self, session: Session) -> Sequence[CustomerRecord]:
        """All customers with their profiles by id, the removed ones too."""
        query = _RECORDS.where(_CUSTOMER.c.company_id == self._company_id).order_by(_CUSTOMER.c.id)
        return [_customer_record(row) for row in session.connection().execute(query)]

    @reading
    def profile(self, session: Session, customer: Customer) -> Profile:
        """What the company says of the customer; an empty one if nothing is known."""
        row = session.get(ProfileRow, customer.id)
        return _profile(row) if row else Profile()

    @reading
    def profiles(self, session: Session) -> Mapping[int, Profile]:
        """By the ids of the customers who have one."""
        query = select(ProfileRow).join(CustomerRow, col(CustomerRow.id) == ProfileRow.customer_id)
        rows = session.exec(query.where(CustomerRow.company_id == self._company_id))
        return {row.customer_id: _profile(row) for row in rows}

    @writing
    def wish_utility(self, session: Session, customer: Customer, name: str) -> None:
        """The customer asked for a utility of this name. Raises StorageError: they were removed."""
        row = identity.locked(session, customer)
        session.add(UtilityWishRow(company_id=row.company_id, customer_id=row.id, name=name, at=now(session)))

    @reading
    def utility_wishes(self, session: Session) -> Sequence[UtilityWish]:
        """Newest first."""
        query = select(UtilityWishRow).where(UtilityWishRow.company_id == self._company_id)
        rows = session.exec(query.order_by(col(UtilityWishRow.id).desc()))
        return [UtilityWish(row.customer_id, row.name, row.at) for row in rows]

    @writing
    def accept_terms(self, session: Session, customer: Customer) -> None:
        """The customer accepted the terms just now; the first time counts."""
        row = put(session, ProfileRow, {"customer_id": customer.id}, {})
        row.accepted_terms_at = row.accepted_terms_at or now(session)

    def list(self) -> Sequence[CustomerInfo]:
        """By id, the removed ones too, without numbers of what is stored. A page is a transaction."""
        found: list[CustomerInfo] = []
        while True:
            page = self._after(found[-1].id if found else 0)
            found += page
            if len(page) < _PAGE:
                return found

    @reading
    def _after(self, session: Session, customer_id: int) -> Sequence[CustomerInfo]:
        by_id = _standing(self._company_id).where(col(CustomerRow.id) > customer_id)
        rows = session.execute(by_id.order_by(col(CustomerRow.id)).limit(_PAGE)).all()
        last = rows[-1].id if rows else customer_id
        query = select(CredentialRow.customer_id, CredentialRow.kind).where(
            CredentialRow.company_id == self._company_id,
            col(CredentialRow.customer_id) > customer_id,
            col(CredentialRow.customer_id) <= last,
        )
        secrets: dict[int, list[str]] = {}
        for owner, kind in session.exec(query):
            secrets.setdefault(owner, []).append(kind)
        return [_info(row, secrets.get(row.id, ())) for row in rows]

    @reading
    def page(
        self, session: Session, wanted: CustomerFilter, before: int, limit: int
    ) -> Sequence[ListedCustomer]:
        """At most ``limit``, those with the highest ids below ``before`` first; 0 for the newest."""
        query = _standing(self._company_id).add_columns(
            *(_PROFILE_TABLE.c[name].label(f"profile_{name}") for name in _PROFILE)
        )
        query = query.outerjoin(_PROFILE_TABLE, _PROFILE_TABLE.c.customer_id == CustomerRow.id)
        if before:
            query = query.where(col(CustomerRow.id) < before)
        if wanted.state is None:
            query = query.where(col(CustomerRow.state) != CustomerState.REMOVED.value)
        else:
            query = query.where(col(CustomerRow.state) == wanted.state.value)
        if wanted.outcome is not None:
            query = query.where(col(RunRow.outcome) == wanted.outcome.value)
        if wanted.text:
            query = query.where(_has(wanted.text))
        rows = session.execute(query.order_by(col(CustomerRow.id).desc()).limit(limit)).all()
        return [
            ListedCustomer(
                _info(row, ()), Profile(**{name: getattr(row, f"profile_{name}") for name in _PROFILE})
            )
            for row in rows
        ]

    @reading
    def states(self, session: Session) -> Mapping[CustomerState, int]:
        """How many customers there are of each state."""
        query = select(CustomerRow.state, func.count()).where(CustomerRow.company_id == self._company_id)
        counted = session.exec(query.group_by(col(CustomerRow.state)))
        return {CustomerState(state): count for state, count in counted}

    @reading
    def info(self, session: Session, customer: Customer, *, counted: bool = True) -> CustomerInfo:
        """How the customer stands, with the numbers of accounts, bills and readings stored if ``counted``.

        Raises:
            StorageError: the customer is not there.
        """
        row = session.execute(_standing(self._company_id).where(col(CustomerRow.id) == customer.id)).first()
        if row is None:
            raise StorageError(identity.removed(customer))
        kinds = session.exec(select(CredentialRow.kind).where(CredentialRow.customer_id == customer.id)).all()
        if not counted:
            return _info(row, kinds)
        accounts = select(func.count()).select_from(AccountRow).where(AccountRow.customer_id == customer.id)
        bills = select(func.count()).select_from(BillRow).where(BillRow.customer_id == customer.id)
        readings = (
            select(func.count())
            .select_from(ReadingRow)
            .join(SeriesRow, col(SeriesRow.id) == ReadingRow.series_id)
            .join(MeterRow, col(MeterRow.id) == SeriesRow.meter_id)
            .join(AccountRow, col(AccountRow.id) == MeterRow.account_id)
            .where(AccountRow.customer_id == customer.id)
        )
        return replace(
            _info(row, kinds),
            questions=credentials.questions(session, customer),
            accounts=session.exec(accounts).one(),
            bills=session.exec(bills).one(),
            readings=session.exec(readings).one(),
        )


_CUSTOMER, _PROFILE_TABLE = metadata.tables["customer"], metadata.tables["profile"]
_PROFILE = tuple(each.name for each in fields(Profile))
_HOLDER = _CUSTOMER.alias("holder")
_RECORDS = (
    select_columns(
        *(_CUSTOMER.c[name] for name in ("id", "external_id", "utility", "authenticated_at")),
        _HOLDER.c.id.label("holder_id"),
        _HOLDER.c.revision,
        _HOLDER.c.state.label("holder_state"),
        *(_PROFILE_TABLE.c[name] for name in _PROFILE),
    )
    .join(_HOLDER, _HOLDER.c.id == func.coalesce(_CUSTOMER.c.shares_id, _CUSTOMER.c.id))
    .outerjoin(_PROFILE_TABLE, _PROFILE_TABLE.c.customer_id == _CUSTOMER.c.id)
)


_OF_COMPANY = _RECORDS.where(_CUSTOMER.c.company_id == bindparam("company"))
_CUSTOMERS = select_columns(
    *(_CUSTOMER.c[name] for name in ("id", "company_id", "login_id", "utility", "username"))
).where(_CUSTOMER.c.company_id == bindparam("company"))
_CUSTOMER_BY_ID = SingleRead(_CUSTOMERS.where(_CUSTOMER.c.id == bindparam("key")))
_CUSTOMER_BY_EXTERNAL_ID = SingleRead(_CUSTOMERS.where(_CUSTOMER.c.external_id == bindparam("key")))
_RECORD = SingleRead(_OF_COMPANY.where(_CUSTOMER.c.id == bindparam("key")))
_RECORD_BY_EXTERNAL_ID = SingleRead(_OF_COMPANY.where(_CUSTOMER.c.external_id == bindparam("key")))


def _has(text: str) -> ColumnElement[bool]:
    """Whether a customer has this text in what they are known by."""
    profile, text = _PROFILE_TABLE.c, storable(text)
    name = func.coalesce(profile.first_name, "") + " " + func.coalesce(profile.last_name, "")
    places = (col(CustomerRow.username), col(CustomerRow.external_id), profile.email, name)
    found = [place.icontains(text, autoescape=True) for place in places]
    if text.isascii() and text.isdigit() and int(text[:10]) < _NO_ID:
        found.append(col(CustomerRow.id) == int(text[:10]))
    return or_(*found)


def _customer_record(row: Sequence[Any]) -> CustomerRecord:
    customer_id, external_id, utility, authenticated_at, holder_id, revision, state, *profile = row
    return CustomerRecord(
        customer_id,
        holder_id,
        external_id,
        utility,
        CustomerState(state),
        authenticated_at,
        revision,
        Profile(*profile),
    )


def _profile(row: ProfileRow) -> Profile:
    return Profile(**{name: getattr(row, name) for name in _PROFILE})


def _standing(company_id: int) -> Select[*tuple[Any, ...]]:
    """A row a customer: its own columns, its login's, its session's and its last run's."""
    last: SelectOfScalar[int] = (
        select(RunRow.id)
        .where(RunRow.customer_id == CustomerRow.id, RunRow.state == RunState.ENDED.value)
        .order_by(col(RunRow.id).desc())
        .limit(1)
        .correlate(CustomerRow)
    )
    return (
        select_columns(
            col(CustomerRow.id),
            col(CustomerRow.external_id),
            col(CustomerRow.utility),
            col(CustomerRow.username),
            col(CustomerRow.state),
            col(CustomerRow.reason),
            col(CustomerRow.since),
            col(CustomerRow.bills_due_at),
            col(CustomerRow.intervals_due_at),
            col(SavedSessionRow.saved_at),
            col(SavedSessionRow.trusted_since),
            col(RunRow.id).label("run_id"),
            col(RunRow.kind),
            col(RunRow.outcome),
            col(RunRow.message),
            col(RunRow.ended_at),
        )
        .outerjoin(SavedSessionRow, col(SavedSessionRow.customer_id) == CustomerRow.id)
        .outerjoin(RunRow, col(RunRow.id) == last.scalar_subquery())
        .where(col(CustomerRow.company_id) == company_id)
    )


def _info(row: Any, kinds: Sequence[str]) -> CustomerInfo:
    ran = None
    if row.run_id is not None:
        ran = EndedRun(row.run_id, RunKind(row.kind), Outcome(row.outcome), row.message, row.ended_at)
    return CustomerInfo(
        id=row.id,
        external_id=row.external_id,
        utility=row.utility,
        username=row.username,
        state=CustomerState(row.state),
        reason=row.reason,
        since=row.since,
        secrets=frozenset(map(SecretKind, kinds)),
        session_saved_at=row.saved_at,
        trusted_since=row.trusted_since,
        last_run=ran,
        bills_due_at=row.bills_due_at,
        intervals_due_at=row.intervals_due_at,
    )
