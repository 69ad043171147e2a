"""Companies: the tenants of a farm. One that was never named is the only one there is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from meterfarm.storage.database import insert_if_absent
from meterfarm.storage.errors import AlreadyThere, StorageError
from meterfarm.storage.repository import FarmRepository, reading, writing
from meterfarm.storage.results import Company
from meterfarm.storage.tables import CompanyRow

_FIRST = "default"
"""What the company is called that is there before anybody adds one."""


class Companies(FarmRepository):
    """As ``Store.companies``."""

    @writing
    def add(self, session: Session, name: str) -> Company:
        """A new company of this name.

        Raises:
            AlreadyThere: there is one of this name.
        """
        name = name.strip()
        if not insert_if_absent(session, CompanyRow, {"name": name}):
            raise AlreadyThere(f"The company {name} is there already; `company list` shows those there are.")
        return _named(session, name)

    @reading
    def list(self, session: Session) -> Sequence[Company]:
        """By id."""
        rows = session.exec(select(CompanyRow).order_by(col(CompanyRow.id)))
        return [Company(row.id, row.name) for row in rows]

    @reading
    def find(self, session: Session, name: str) -> Company:
        """The company of this name.

        Raises:
            StorageError: there is none.
        """
        return _named(session, name.strip())

    def only(self) -> Company:
        """The company of a farm that has one; a new farm gets its first.

        Raises:
            StorageError: there are several.
        """
        there = self.list()
        if len(there) > 1:
            names = ", ".join(company.name for company in there)
            raise StorageError(f"There are several companies ({names}); name one with `--company`.")
        return there[0] if there else self._first()

    @writing
    def _first(self, session: Session) -> Company:
        insert_if_absent(session, CompanyRow, {"name": _FIRST})
        return _named(session, _FIRST)


def _named(session: Session, name: str) -> Company:
    row = session.exec(select(CompanyRow).where(CompanyRow.name == name)).first()
    if row is None:
        raise StorageError(f"There is no company {name}; `company list` shows those there are.")
    return Company(row.id, row.name)
