"""All that a run needs at its start, at once."""

from __future__ import annotations

from sqlmodel import Session

from storage import credentials, customers, logins, sessions
from storage.errors import StorageError
from storage.results import Briefing, Customer
from storage.vault import Vault


def brief(session: Session, vault: Vault, customer: Customer) -> Briefing:
    """Raises StorageError if a secret does not open; a session that does not is only told of."""
    saved, fault = None, ""
    try:
        saved = sessions.load(session, vault, customer)
    except StorageError as exc:
        fault = str(exc)
    return Briefing(
        may_collect=customers.may_collect(session, customer),
        secrets=credentials.load(session, vault, customer),
        factor=logins.factor(session, customer),
        session=saved,
        session_fault=fault,
    )
