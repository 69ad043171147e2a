"""All that a run needs at its start, at once."""

from __future__ import annotations

from sqlalchemy import bindparam
from sqlmodel import Session, col, exists, select

from meterfarm.storage import credentials, sessions
from meterfarm.storage.errors import StorageError
from meterfarm.storage.results import Briefing, Customer, SavedSession
from meterfarm.storage.tables import ConsentRow, CustomerRow, LoginRow, PortalSessionRow
from meterfarm.storage.vault import Vault

_CONSENTS = exists().where(
    col(ConsentRow.customer_id) == CustomerRow.id, col(ConsentRow.revoked_at).is_(None)
)
_BRIEF = (
    select(CustomerRow, LoginRow.factor, PortalSessionRow, _CONSENTS)
    .select_from(CustomerRow)
    .join(LoginRow, col(LoginRow.id) == CustomerRow.login_id)
    .join(PortalSessionRow, col(PortalSessionRow.customer_id) == CustomerRow.id, isouter=True)
    .where(CustomerRow.id == bindparam("customer"))
)


def brief(session: Session, vault: Vault, customer: Customer) -> Briefing:
    """Raises StorageError if a secret does not open; a session that does not is only told of.

    The customer's row is among what is asked for: the session knows it then, when it opens the secrets.
    """
    found = session.exec(_BRIEF, params={"customer": customer.id}).first()
    if found is None:
        return Briefing(may_collect=False, secrets={}, factor="", session=None)
    _, factor, kept, may_collect = found
    saved: SavedSession | None = None
    fault = ""
    try:
        saved = sessions.opened(session, vault, customer, kept) if kept else None
    except StorageError as exc:
        fault = str(exc)
    secrets = credentials.load(session, vault, customer)
    return Briefing(bool(may_collect), secrets, factor, saved, fault)
