"""What the repositories of a store share: the scope they work in, and a transaction for each method."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlmodel import Session

from meterfarm.storage.database import RUN, Database
from meterfarm.storage.errors import StorageError
from meterfarm.storage.files import AnyFiles
from meterfarm.storage.results import Customer
from meterfarm.storage.vault import Vault
from meterfarm.storage.work import Lease

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Farm:
    """The whole farm: what the repositories of operators work on."""

    database: Database
    vault: Vault
    home: Path
    files: AnyFiles


@dataclass(slots=True)
class Scope:
    """One company of the farm, and the run that is held, if it is a run that reads and writes.

    ``check_lease`` raises LeaseLost in a transaction once the run is not held any more. ``saved_state`` is
    the portal's session as the holder of the run last loaded or saved it.
    """

    farm: Farm
    company_id: int
    lease: Lease | None = None
    check_lease: Callable[[Session], object] | None = None
    saved_state: bytes | None = None


class FarmRepository:
    """A part of what an operator reads and does: of all companies."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm

    @property
    def _database(self) -> Database:
        return self._farm.database

    def _check(self, *_given: object) -> None:
        """Everything may be named here."""

    def _begin(self, session: Session) -> None:
        """No run is held here."""


class Repository:
    """A part of what one company reads and does. Customers of others are refused by every method."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._company_id = scope.company_id
        self._vault = scope.farm.vault
        self._files = scope.farm.files

    @property
    def _database(self) -> Database:
        return self._scope.farm.database

    def _check(self, *given: object) -> None:
        """Raises StorageError if a customer of another company is among what a method is given."""
        for one in given:
            if isinstance(one, Customer) and one.company_id != self._company_id:
                raise StorageError(f"The customer {one.id} is none of this company's; name one that is.")
            if isinstance(one, Collection) and not isinstance(one, str | bytes):
                self._check(*one)

    def _begin(self, session: Session) -> None:
        """Secrets that are opened in the transaction are opened for the run, if one is held."""
        if self._scope.lease is not None:
            session.info[RUN] = self._scope.lease.run_id

    def _check_lease(self, session: Session) -> None:
        """Raises LeaseLost if these are the writes of a run that is not held any more."""
        if self._scope.check_lease is not None:
            self._scope.check_lease(session)


R = TypeVar("R", bound=FarmRepository | Repository)
H = TypeVar("H", bound=Repository)


def reading(method: Callable[Concatenate[R, Session, P], T]) -> Callable[Concatenate[R, P], T]:
    """The method is a transaction that reads."""

    @wraps(method)
    def transaction(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._check(*args, *kwargs.values())
        with self._database.reading() as session:
            return method(self, session, *args, **kwargs)

    return transaction


def writing(method: Callable[Concatenate[R, Session, P], T]) -> Callable[Concatenate[R, P], T]:
    """The method is a transaction that writes; secrets may be opened in it, for the run if one is held."""

    @wraps(method)
    def transaction(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._check(*args, *kwargs.values())
        with self._database.writing() as session:
            self._begin(session)
            return method(self, session, *args, **kwargs)

    return transaction


def holding(method: Callable[Concatenate[H, Session, P], T]) -> Callable[Concatenate[H, P], T]:
    """As ``writing``; in the store of a run it raises LeaseLost once the run is not held any more."""

    @wraps(method)
    def guarded(self: H, session: Session, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._check_lease(session)
        return method(self, session, *args, **kwargs)

    return writing(guarded)
