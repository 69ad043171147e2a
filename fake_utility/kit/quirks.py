"""Quirks on switches: what a portal does otherwise for everybody, or for one customer.

`quirk_list.py` names all that are known. A portal declares those that it can have in its `quirks.py`, each
with the result that a visit must have, and its code bends where it asks a customer `has("late-token")`, or
its state, as long as nobody is known. What is only another kind of customer (locked, asked for a code) is a
`bend` and takes no line elsewhere. A customer carries their quirks along, so that a portal's figures of them
are as its pages. Several quirks add up: each changes one thing, and none knows of another.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from meterfarm.fake_utility.kit.accounts import Account
from meterfarm.fake_utility.kit.customers import Customer, Factor, Gate
from meterfarm.fake_utility.kit.quirk_list import NUMBERS, SENTENCES

Bend = Callable[[Any], Any]
CustomerT = TypeVar("CustomerT", bound=Customer)
EVERYBODY = ""


class BadQuirks(ValueError):
    """They cannot be switched; the text says why."""


@dataclass(frozen=True, slots=True)
class Quirk:
    """A quirk as a portal has it.

    `outcome`: how a visit must end; with "complete" it is overcome: all comes home, as the portal's figures
    have it. `then`: of later visits. `gaps`: so much is listed and cannot be had. `bend`: what it makes of a
    customer. `always`: the portal is never without it. `is_before_sign_in`: it is met before anybody is
    known, so everybody has it or nobody. `is_change`: it befalls who was there before, and is switched on
    after a first visit. `customer`: the name of those who meet it, if that is not anybody. `since`: what it
    makes of a customer from a day on, where a day can be named.
    """

    name: str
    outcome: str = "complete"
    then: str = ""
    gaps: int = 0
    bend: Bend | None = None
    always: bool = False
    is_before_sign_in: bool = False
    is_change: bool = False
    customer: str = ""
    since: Callable[[date], Bend] | None = None

    @property
    def number(self) -> int:
        """Its place in the list."""
        return NUMBERS[self.name]

    @property
    def sentence(self) -> str:
        """What the portal does."""
        return SENTENCES[self.name]


def oddly(**oddities: Any) -> Bend:
    """What gives a customer these oddities."""
    return lambda customer: replace(customer, oddities=replace(customer.oddities, **oddities))


def made(**attributes: Any) -> Bend:
    """What gives a customer these attributes."""
    return lambda customer: replace(customer, **attributes)


def without_accounts(customer: CustomerT) -> CustomerT:
    """The customer with no account left."""
    return replace(customer, accounts=())


def each_account(change: Callable[[Account], Account]) -> Bend:
    """What changes each account of a customer."""
    return lambda customer: replace(customer, accounts=tuple(map(change, customer.accounts)))


def gate(name: Gate) -> Bend:
    """What puts a gate behind the password, unless there is one."""
    return lambda customer: customer if customer.oddities.gate else oddly(gate=name)(customer)


def asked_for(*challenges: tuple[Factor, ...], **more: Any) -> Bend:
    """What has a customer asked so, unless they are asked something else already."""
    return lambda customer: (
        replace(customer, challenges=challenges, **more) if not customer.challenges else customer
    )


def bent(
    customer: CustomerT,
    declared: Iterable[Quirk],
    names: Collection[str],
    since: Mapping[str, date] | None = None,
) -> CustomerT:
    """The customer to whom these quirks happen, some of them from a day on."""
    on = [quirk for quirk in declared if quirk.name in names]
    if not on:
        return customer
    found = replace(customer, quirks=frozenset(quirk.name for quirk in on))
    for quirk in on:
        day = (since or {}).get(quirk.name)
        bend = quirk.since(day) if quirk.since is not None and day is not None else quirk.bend
        found = bend(found) if bend is not None else found
    return found


class QuirkSwitch:
    """Those of a portal that are on, for everybody and by user name."""

    def __init__(self, declared: Sequence[Quirk], on: Mapping[str, Collection[str]]) -> None:
        self._declared = declared
        known = {quirk.name for quirk in declared}
        self._on = {username: frozenset(names) & known for username, names in on.items()}
        self._since: dict[str, Mapping[str, date]] = {}

    def set(
        self, names: Collection[str], username: str = EVERYBODY, since: Mapping[str, date] | None = None
    ) -> None:
        """Have these on and no others, some of them since a day. Raises BadQuirks."""
        if unknown := set(names) - {quirk.name for quirk in self._declared}:
            raise BadQuirks(f"this portal has no quirk {min(unknown)!r}")
        early = [quirk.name for quirk in self._declared if quirk.is_before_sign_in and quirk.name in names]
        if username and early:
            raise BadQuirks(
                f"{early[0]!r} is met before anybody is known: it is on for everybody or for nobody"
            )
        dated = {quirk.name for quirk in self._declared if quirk.since is not None} & set(names)
        if undated := set(since or {}) - dated:
            raise BadQuirks(f"{min(undated)!r} is not on, or is since no day")
        self._on[username] = frozenset(names)
        self._since[username] = since or {}

    def has(self, name: str) -> bool:
        """Whether it is on for everybody."""
        return name in self._on.get(EVERYBODY, ())

    def bent(self, customer: CustomerT) -> CustomerT:
        """The customer as they are by what is on."""
        names = self._on.get(EVERYBODY, frozenset()) | self._on.get(customer.username, frozenset())
        since = {**self._since.get(EVERYBODY, {}), **self._since.get(customer.username, {})}
        return bent(customer, self._declared, names, since)

    def as_json(self) -> dict[str, object]:
        """What is on."""
        on = {username: sorted(names) for username, names in self._on.items() if names}
        everybody = on.pop(EVERYBODY, [])
        return {"everybody": everybody, "customers": on}
