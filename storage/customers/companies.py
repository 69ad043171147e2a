"""Companies, each with a test and a live side, the API's keys that open one side, and answers of the API.

Only hashes of keys are kept. Answers are kept for a day, so that a request which is sent again is not done
again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, delete, select

from meterfarm.records import CustomerState
from meterfarm.storage import AlreadyThere, StorageError, audit
from meterfarm.storage.customers import (
    ApiKey,
    Company,
    CompanyBrand,
    CompanySettings,
    MeterPreference,
    MeterPrice,
    MeterTerms,
    UtilityWish,
)
from meterfarm.storage.database import (
    FarmRepository,
    Repository,
    SingleRead,
    insert_if_absent,
    now,
    put,
    reading,
    writing,
)
from meterfarm.storage.tables import (
    ApiKeyRow,
    BrandRow,
    CompanyRow,
    CustomerRow,
    KeptAnswerRow,
    MeterPriceRow,
    UtilityWishRow,
)
from meterfarm.storage.vault import Vault

KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=2)
"""A request that has no answer after this time has died with its process; it may be done again."""
_ANSWER = "answer"
_FIRST = "default"
"""What the company is called that is there before anybody adds one."""
_POLICY = columns(col(CompanyRow.unlock_months), col(CompanyRow.unlock_continuous)).where(
    col(CompanyRow.id) == bindparam("company")
)
_ANY = ""
"""In place of a company's name: of each that has no price of its own."""
_TERMS = (
    columns(col(CompanyRow.meter_preference), col(MeterPriceRow.cents), col(MeterPriceRow.currency))
    .outerjoin(
        MeterPriceRow,
        or_(col(MeterPriceRow.company) == CompanyRow.name, col(MeterPriceRow.company) == _ANY),
    )
    .where(col(CompanyRow.id) == bindparam("company"))
    .order_by(col(MeterPriceRow.company) == _ANY)
    .limit(1)
)


_CHOSEN = SingleRead(
    columns(
        col(CompanyRow.unlock_months),
        col(CompanyRow.unlock_continuous),
        col(CompanyRow.gas_as_text),
        col(CompanyRow.notification_email),
        col(CompanyRow.mail_domains),
        col(CompanyRow.meter_preference),
    ).where(col(CompanyRow.id) == bindparam("company"))
)


class Companies(FarmRepository):
    """As ``Store.companies``."""

    @writing
    def add(self, session: Session, name: str) -> Company:
        """A new company of this name, with a test and a live side; the test side.

        Raises:
            AlreadyThere: there is one of this name.
        """
        name = name.strip()
        if not _insert(session, name):
            raise AlreadyThere(f"The company {name} is there already; `company list` shows those there are.")
        return _named(session, name, live=False)

    @reading
    def list(self, session: Session) -> Sequence[Company]:
        """By id, each twice: its test side and its live side."""
        rows = session.exec(select(CompanyRow).order_by(col(CompanyRow.id)))
        return [Company(row.id, row.name, row.live) for row in rows]

    @reading
    def get(self, session: Session, company_id: int) -> Company | None:
        """The one with this id."""
        row = session.get(CompanyRow, company_id)
        return Company(row.id, row.name, row.live) if row else None

    def settings(self, company_id: int) -> CompanySettings:
        """What the company with this id has chosen."""
        ((months, continuous, as_text, email, domains, preference),) = _CHOSEN.rows(
            self._database, {"company": company_id}
        )
        mail = (email, tuple(domains.split()))
        return CompanySettings(months, continuous, as_text, *mail, MeterPreference(preference))

    @writing
    def choose(self, session: Session, company_id: int, chosen: CompanySettings) -> None:
        """Keep what the company with this id has chosen."""
        row = session.get_one(CompanyRow, company_id)
        row.unlock_months, row.unlock_continuous = chosen.unlock_months, chosen.unlock_continuous
        row.gas_as_text, row.meter_preference = chosen.gas_as_text, chosen.meter_preference.value
        row.notification_email, row.mail_domains = chosen.notification_email, " ".join(chosen.mail_domains)
        session.add(row)

    @reading
    def prices(self, session: Session) -> Mapping[str, MeterPrice]:
        """What a meter costs, by the company's name; under "" for those that are not named."""
        rows = session.exec(select(MeterPriceRow).order_by(col(MeterPriceRow.company)))
        return {row.company: MeterPrice(row.cents, row.currency) for row in rows}

    @writing
    def set_price(self, session: Session, name: str, price: MeterPrice | None) -> None:
        """What a meter costs both sides of the company of this name from now on; "" is any without its own.

        None takes the price away.
        """
        if price is None:
            session.execute(delete(MeterPriceRow).where(col(MeterPriceRow.company) == name))
        else:
            values = {"cents": price.cents, "currency": price.currency}
            put(session, MeterPriceRow, {"company": name}, values)

    @reading
    def brand(self, session: Session, company_id: int) -> CompanyBrand:
        """How the company with this id looks to its customers."""
        row = session.get(BrandRow, company_id)
        if row is None:
            return CompanyBrand()
        origins = tuple(row.origins.split())
        return CompanyBrand(
            row.shown_name, row.colour, row.logo, row.logo_type, origins, row.policy_url, row.open_form
        )

    @writing
    def set_brand(self, session: Session, company_id: int, brand: CompanyBrand) -> None:
        """Keep how the company with this id looks."""
        values = {
            "shown_name": brand.shown_name,
            "colour": brand.colour,
            "logo": brand.logo,
            "logo_type": brand.logo_type,
            "origins": " ".join(brand.origins),
            "policy_url": brand.policy_url,
            "open_form": brand.open_form,
        }
        put(session, BrandRow, {"company_id": company_id}, values)

    @reading
    def utility_wishes(self, session: Session, limit: int = 10_000) -> Sequence[UtilityWish]:
        """The utilities that customers of all companies asked for, newest first."""
        query = select(UtilityWishRow).order_by(col(UtilityWishRow.id).desc()).limit(limit)
        return [UtilityWish(row.customer_id, row.name, row.at) for row in session.exec(query)]

    @reading
    def with_customers_at(self, session: Session, utility: str) -> Sequence[Company]:
        """Those with a customer at the utility who was not removed, by id."""
        there = select(CustomerRow.id).where(
            CustomerRow.company_id == CompanyRow.id,
            CustomerRow.utility == utility,
            CustomerRow.state != CustomerState.REMOVED.value,
        )
        rows = session.exec(select(CompanyRow).where(there.exists()).order_by(col(CompanyRow.id)))
        return [Company(row.id, row.name, row.live) for row in rows]

    @reading
    def find(self, session: Session, name: str, *, live: bool = False) -> Company:
        """The test or live side of the company of this name.

        Raises:
            StorageError: there is none.
        """
        return _named(session, name.strip(), live=live)

    def only(self, *, live: bool = False) -> Company:
        """The test or live side of the company of a farm that has one; a new farm gets its first.

        Raises:
            StorageError: there are several.
        """
        there = [company for company in self.list() if company.live is live]
        if len(there) > 1:
            names = ", ".join(company.name for company in there)
            raise StorageError(f"There are several companies ({names}); name one with `--company`.")
        return there[0] if there else self._first(live=live)

    @writing
    def _first(self, session: Session, *, live: bool) -> Company:
        _insert(session, _FIRST)
        return _named(session, _FIRST, live=live)


def unlock_policy(session: Session, company_id: int) -> Mapping[str, Any]:
    """The columns that a customer who is made now takes over from the company."""
    row = session.connection().execute(_POLICY, {"company": company_id}).one()
    return row._asdict()


def meter_terms(session: Session, company_id: int) -> MeterTerms:
    """What unlocking costs the company with this id now. Nothing, if the operator has set no price."""
    preference, cents, currency = session.connection().execute(_TERMS, {"company": company_id}).one()
    price = MeterPrice() if cents is None else MeterPrice(cents, currency)
    return MeterTerms(price, MeterPreference(preference))


def _insert(session: Session, name: str) -> bool:
    """Both sides of a company, the test side first; whether it is new."""
    is_new = insert_if_absent(session, CompanyRow, {"name": name, "live": False})
    insert_if_absent(session, CompanyRow, {"name": name, "live": True})
    return is_new


def _named(session: Session, name: str, *, live: bool) -> Company:
    query = select(CompanyRow).where(CompanyRow.name == name, CompanyRow.live == live)
    row = session.exec(query).first()
    if row is None:
        raise StorageError(f"There is no company {name}; `company list` shows those there are.")
    return Company(row.id, row.name, row.live)


_HINT = 4
"""How many characters of a key's random part are shown in a list."""


class ApiKeys(Repository):
    """As ``CompanyStore.api_keys``."""

    @writing
    def add(self, session: Session, prefix: str, name: str) -> tuple[ApiKey, str]:
        """A new key that begins with ``prefix``, and its text, which cannot be had again."""
        text = f"{prefix}{secrets.token_hex(16)}"
        row = ApiKeyRow(
            company_id=self._company_id,
            name=name,
            hint=text[: len(prefix) + _HINT],
            digest=_digest(text),
            created_at=now(session),
        )
        session.add(row)
        session.flush()
        return _key(row), text

    @reading
    def list(self, session: Session) -> Sequence[ApiKey]:
        """By id, the revoked ones too."""
        query = select(ApiKeyRow).where(ApiKeyRow.company_id == self._company_id)
        return [_key(row) for row in session.exec(query.order_by(col(ApiKeyRow.id)))]

    @writing
    def revoke(self, session: Session, key_id: int) -> datetime | None:
        """From now on it opens nothing; when it was revoked, None if the company has no such key."""
        query = select(ApiKeyRow).where(ApiKeyRow.company_id == self._company_id, ApiKeyRow.id == key_id)
        row = session.exec(query.with_for_update()).first()
        if row is None:
            return None
        row.revoked_at = row.revoked_at or now(session)
        return row.revoked_at


_OPENED = SingleRead(
    columns(col(ApiKeyRow.id), col(CompanyRow.id), col(CompanyRow.name), col(CompanyRow.live))
    .join(CompanyRow, col(CompanyRow.id) == ApiKeyRow.company_id)
    .where(col(ApiKeyRow.digest) == bindparam("digest"), col(ApiKeyRow.revoked_at).is_(None))
)


class KeyRing(FarmRepository):
    """As ``Store.api_keys``."""

    def find(self, text: str) -> tuple[int, Company] | None:
        """The number of the key and what it opens; None if it is no key, or was revoked."""
        found = _OPENED.first(self._database, {"digest": _digest(text)})
        return (found[0], Company(*found[1:])) if found else None


def _digest(text: str) -> bytes:
    """128 random bits need no salt and no slow hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(row.id, row.name, row.hint, row.created_at, row.revoked_at)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a request's first sending was answered: ``head`` is status and headers as JSON."""

    head: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Entered:
    """Under which number a request is entered, and whether it is to be done now.

    Else it was sent before: with this ``answer``, or it is still being done (None), or ``is_other``: what was
    sent with the key was another request.
    """

    id: int
    is_new: bool
    is_other: bool = False
    answer: KeptAnswer | None = None


class KeptAnswers(Repository):
    """As ``CompanyStore.kept_answers``."""

    @writing
    def enter(self, session: Session, key: str, request: bytes) -> Entered:
        """Enter a request by its idempotency key; ``request`` is a digest of all that it asks for."""
        at = now(session)
        session.exec(
            delete(KeptAnswerRow)
            .where(col(KeptAnswerRow.company_id) == self._company_id)
            .where(col(KeptAnswerRow.entered_at) < at - KEPT)
        )
        digest = hashlib.sha256(key.encode()).digest()
        values = {
            "company_id": self._company_id,
            "digest": digest,
            "request": request,
            "entered_at": at,
            "head": "",
            "key_id": "",
            "wrapped_key": b"",
            "ciphertext": b"",
        }
        is_new = insert_if_absent(session, KeptAnswerRow, values)
        query = select(KeptAnswerRow).where(
            KeptAnswerRow.company_id == self._company_id, KeptAnswerRow.digest == digest
        )
        row = session.exec(query.with_for_update()).one()
        if row.request != request:
            return Entered(row.id, is_new=False, is_other=True)
        if not is_new and not row.head and row.entered_at < at - ABANDONED:
            row.entered_at, is_new = at, True
        return Entered(row.id, is_new, answer=_answered(session, self._vault, row) if row.head else None)

    @writing
    def keep(self, session: Session, entry: int, answer: KeptAnswer) -> None:
        """Keep what the request was answered."""
        row = self._entry(session, entry)
        if row is not None:
            owner = _answer_owner(row)
            row.key_id, row.wrapped_key = self._vault.new_data_key(owner)
            row.ciphertext = self._vault.seal(row.key_id, row.wrapped_key, owner, _ANSWER, answer.body)
            row.head = answer.head

    @writing
    def forget(self, session: Session, entry: int) -> None:
        """The request failed, and may be done again under the same key."""
        row = self._entry(session, entry)
        if row is not None:
            session.delete(row)

    def _entry(self, session: Session, entry: int) -> KeptAnswerRow | None:
        query = select(KeptAnswerRow).where(
            KeptAnswerRow.company_id == self._company_id, KeptAnswerRow.id == entry
        )
        return session.exec(query.with_for_update()).first()


def rotate_answers(session: Session, vault: Vault) -> None:
    """Wrap the keys of all kept answers with the primary master key."""
    query = select(KeptAnswerRow).where(KeptAnswerRow.key_id != vault.primary.id, KeptAnswerRow.head != "")
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _answer_owner(row))


def _answered(session: Session, vault: Vault, row: KeptAnswerRow) -> KeptAnswer:
    audit.note(session, "kept_answer", company_id=row.company_id)
    body = vault.unseal(row.key_id, row.wrapped_key, _answer_owner(row), _ANSWER, row.ciphertext)
    return KeptAnswer(row.head, body)


def _answer_owner(row: KeptAnswerRow) -> str:
    return f"kept answer {row.id}"
