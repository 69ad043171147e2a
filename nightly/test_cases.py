"""What the nightly goes by: portals, their customers, and what each customer is for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from meterfarm.console.fake_owners import Owner

Tree = Mapping[str, "Tree"] | str | int | None
"""Figures by name, however deep: what two sides that know nothing of each other can be compared by."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days that a farm fetches: bills and readings from these on, or all there are."""

    bills_from: date | None = None
    readings_from: date | None = None


@dataclass(frozen=True, slots=True)
class CustomerCase:
    """A customer and what they are for, as the portal states it.

    ``first`` is the outcome of their first visit, ``again`` that of a refresh afterwards ("" if there is
    none). ``gaps`` counts what is listed and cannot be had or read. ``asked`` is what the portal asks at
    sign-in, in order, None where it is not foreseen. ``figures`` are the customer's data by the portal's own
    account. ``traits`` name what is special about them. With ``once`` the portal does not treat them the same
    twice.
    """

    username: str
    purpose: str
    first: str
    again: str
    gaps: int
    asked: Sequence[str] | None
    owner: Owner
    traits: frozenset[str]
    once: bool
    figures: Callable[[Window], Tree]


class NightlyPortal(ABC):
    """A portal with test customers. ``id`` names it in the matrix, ``utility`` its script."""

    id: str
    name: str
    utility: str

    @abstractmethod
    def running(self, home: Path, *, keeps: bool = False) -> AbstractContextManager[str]:
        """The portal while a ``with`` block lasts, which gives its address; ``home`` is for its state.

        With ``keeps`` it does not make anew what it was asked for before, if it can be had so.
        """

    @abstractmethod
    def test_cases(self, number: int = 0) -> Sequence[CustomerCase]:
        """Its customers. With a number other ones of the same kinds, so that nobody meets anybody."""

    @abstractmethod
    def code(self, address: str, username: str, factor: str) -> str:
        """What the customer reads on their phone, in their mailbox or on their authenticator now."""

    @abstractmethod
    def violations(self, address: str, at_once: int, per_second: float) -> Sequence[str]:
        """What the portal itself has to say against its visitors, a sentence each."""
