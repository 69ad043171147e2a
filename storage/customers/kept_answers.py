"""Answers of the API that are kept for a day, so that a request which is sent again is not done again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, col, delete, select

from meterfarm.storage import audit
from meterfarm.storage.database import Repository, insert_if_absent, now, writing
from meterfarm.storage.tables import KeptAnswerRow
from meterfarm.storage.vault import Vault

KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=2)
"""A request that has no answer after this time has died with its process; it may be done again."""
_KIND = "answer"


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
        return Entered(row.id, is_new, answer=_opened(session, self._vault, row) if row.head else None)

    @writing
    def keep(self, session: Session, entry: int, answer: KeptAnswer) -> None:
        """Keep what the request was answered."""
        row = self._entry(session, entry)
        if row is not None:
            row.key_id, row.wrapped_key = self._vault.new_data_key(_owner(row))
            row.ciphertext = self._vault.seal(row.key_id, row.wrapped_key, _owner(row), _KIND, answer.body)
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


def rotate(session: Session, vault: Vault) -> None:
    """Wrap the keys of all kept answers with the primary master key."""
    query = select(KeptAnswerRow).where(KeptAnswerRow.key_id != vault.primary.id, KeptAnswerRow.head != "")
    for row in session.exec(query.with_for_update()).all():
        row.key_id, row.wrapped_key = vault.rewrap(row.key_id, row.wrapped_key, _owner(row))


def _opened(session: Session, vault: Vault, row: KeptAnswerRow) -> KeptAnswer:
    audit.note(session, "kept_answer", company_id=row.company_id)
    body = vault.unseal(row.key_id, row.wrapped_key, _owner(row), _KIND, row.ciphertext)
    return KeptAnswer(row.head, body)


def _owner(row: KeptAnswerRow) -> str:
    return f"kept answer {row.id}"
