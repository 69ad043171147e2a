"""What the nightly goes by: portals, their customers, and what each customer is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from meterfarm.console.farm.fake_owners import Owner

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
    twice. ``quirks`` are on for them from the start, ``changes`` in their place after the first visit.
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
    quirks: Sequence[str] = ()
    changes: Sequence[str] = ()
