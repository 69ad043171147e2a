"""Balance, payments and charges of a bill: the set of amounts that adds up to the total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from meterfarm.formats.bills.generic.found import Occurrence
from meterfarm.formats.bills.generic.labels import Field
from meterfarm.formats.bills.generic.money.charges import ChargeRow

_MOST = 5


@dataclass(frozen=True, slots=True)
class Balance:
    """A set of amounts, in cents, that add up to the total."""

    total: int
    current: int | None
    forward: int | None
    previous: int | None
    payments: int | None
    adjustments: int | None
    strength: int


def balance_of(
    seen: Mapping[Field, Mapping[int, Sequence[Occurrence[int]]]],
    due: Mapping[int, Sequence[Occurrence[int]]],
    rows: Sequence[ChargeRow],
) -> Balance | None:
    """The amounts that add up, the strongest such set; None if none does."""
    totals: list[int] = list(due)[:_MOST] or []
    proved = [row.cents for row in rows if "total" in row.proved]
    currents: list[int | None] = [*list(seen[Field.CURRENT])[:_MOST], *list(seen[Field.BILL_TOTAL])[:2], None]
    forwards: list[int | None] = [*list(seen[Field.FORWARD])[:_MOST], None]
    previous: list[int | None] = [*list(seen[Field.PREVIOUS])[:_MOST], None]
    payments: list[int | None] = [*payments_of(seen[Field.PAYMENTS]), None]
    adjustments: list[int | None] = [None, *[each for each in list(seen[Field.ADJUSTMENTS])[:3] if each]]
    best: Balance | None = None
    unadjusted: Balance | None = None
    for adjusted, total, current, forward, prior, paid in product(
        adjustments, totals, currents, forwards, previous, payments
    ):
        strength = _strength(total, current, forward, prior, paid, adjusted, proved)
        if strength and (best is None or strength > best.strength):
            best = Balance(total, *_filled(total, current, forward, prior, paid, adjusted), strength)
            unadjusted = best if adjusted is None else unadjusted
    if best and unadjusted and unadjusted.strength >= _BOUND and best.current != unadjusted.current:
        return unadjusted  # what the adjustments are made of may be within the charges
    return best


_BOUND = 3


def payments_of(seen: Mapping[int, Sequence[Occurrence[int]]]) -> list[int]:
    """Payments are taken from what was owed, however they are signed; several may be added up."""
    each = [-abs(cents) for cents in list(seen)[:_MOST]]
    if 2 <= len(each) <= 4:
        each.append(sum(set(each)))
    return list(dict.fromkeys(each))


def _strength(
    total: int,
    current: int | None,
    forward: int | None,
    prior: int | None,
    paid: int | None,
    adjusted: int | None,
    proved: Sequence[int],
) -> int:
    """How many amounts the equations bind that hold; 0 if one does not, or they bind nothing."""
    bound = 0
    extra = adjusted or 0
    if current is not None and paid and prior is None and forward is None and adjusted is None:
        return 4 if current + paid == total else 0  # advances that were paid for the bill's own time
    if adjusted is not None and current is None:
        return 0
    if prior is not None and paid is not None and forward is not None:
        if prior + paid == forward:
            if adjusted is not None and current is not None and forward + current + extra != total:
                return 0
        elif prior + paid + extra != forward:
            return 0
        else:
            extra = 0
        bound += 3 + bool(forward or prior)
    elif (
        (forward is not None and (prior is not None) != (paid is not None))
        or (forward is None and prior is not None and paid is None and prior)
        or (forward is None and paid is not None and prior is None and paid)
    ):
        return 0
    before = forward if forward is not None else (prior + (paid or 0) if prior is not None else None)
    if current is not None and before is not None:
        if before + current + extra != total:
            return 0
        bound += 3
        if current in proved:
            bound += 1
    elif current is not None:
        return 0 if current != total else 1 + (current in proved)
    elif before is not None and total - before - extra in proved and total != before:
        bound += 2
    else:
        return 0
    return bound


def _filled(
    total: int,
    current: int | None,
    forward: int | None,
    prior: int | None,
    paid: int | None,
    adjusted: int | None,
) -> tuple[int | None, int | None, int | None, int | None, int | None]:
    if forward is None and prior is not None and paid is not None:
        forward = prior + paid
    return current, forward, prior, paid, adjusted
