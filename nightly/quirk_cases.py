"""Customers to whom quirks of real portals happen: each quirk alone wherever a portal has it, and pairs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from meterfarm.fake_utility.kit.customers import Customer
from meterfarm.fake_utility.kit.quirks import Quirk
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.test_cases import CustomerCase
from meterfarm.records import Outcome, WhoActs

PAIRS = 100
"""So many are tried in a night."""


@dataclass(frozen=True)
class QuirkCase:
    """What happens to a customer at a portal; ``number`` makes the customer the case's own."""

    portal: NightlyPortal
    quirks: Sequence[Quirk]
    number: int

    def __str__(self) -> str:
        return f"{self.portal.id}-{'+'.join(quirk.name for quirk in self.quirks)}"

    @property
    def case(self) -> CustomerCase:
        """The customer once all of them happen."""
        return self.portal.quirk_case(self.quirks, self.number)

    @property
    def both_visits(self) -> CustomerCase:
        """The customer through a visit and a refresh; what befalls who was there before comes in between.

        A farm does not come back by itself, or not soon, to who was not let in: there is no second visit.
        """
        names = [quirk.name for quirk in self.quirks]
        before = [quirk for quirk in self.quirks if not quirk.is_change]
        case = replace(self.case, quirks=names, asked=None)
        if len(before) == len(names):
            if Outcome(case.first).who_acts in (WhoActs.PORTAL, WhoActs.CUSTOMER):
                return replace(case, again="", figures=lambda _: {})
            return case
        start = self.portal.quirk_case(before, self.number)
        figures = case.figures if case.again else start.figures
        return replace(
            case,
            first=start.first,
            again=case.first,
            gaps=start.gaps,
            quirks=[quirk.name for quirk in before],
            changes=names,
            figures=figures,
        )


def alone(portals: Sequence[NightlyPortal], first: int = 1) -> list[QuirkCase]:
    """Every quirk at every portal that has it; customers are numbered from ``first`` on."""
    every = [(portal, quirk) for portal in portals for quirk in portal.quirks]
    return [QuirkCase(portal, [quirk], number) for number, (portal, quirk) in enumerate(every, start=first)]


def pairs(portals: Sequence[NightlyPortal], seed: int, count: int, first: int = 1_000) -> list[QuirkCase]:
    """So many pairs that can happen to one customer, of which one at most ends a visit or comes later."""
    every = [
        (portal, pair)
        for portal in portals
        for pair in combinations([quirk for quirk in portal.quirks if not quirk.always], 2)
        if _go_together(portal, *pair)
    ]
    drawn = random.Random(seed).sample(every, min(count, len(every)))  # noqa: S311 - the same each time
    return [QuirkCase(portal, pair, first + number) for number, (portal, pair) in enumerate(drawn)]


def _go_together(portal: NightlyPortal, one: Quirk, other: Quirk) -> bool:
    """Whether both happen, to one customer: who is asked for a code already is not asked for another."""
    if one.customer and other.customer and one.customer != other.customer:
        return False
    ends = {quirk for quirk in (one, other) if quirk.outcome != "complete" or quirk.then}
    if ends | {quirk for quirk in (one, other) if quirk.is_change} == {one, other}:
        return False
    both, *alone = (_made(portal, quirks) for quirks in ([one, other], [one], [other]))
    return not (one.bend and other.bend) or both not in alone


def _made(portal: NightlyPortal, quirks: Sequence[Quirk]) -> Customer:
    """The customer that they make, but for the names."""
    return replace(portal.customer(quirks, 1), quirks=frozenset(), purpose="", outcome="", then=None, gaps=0)
