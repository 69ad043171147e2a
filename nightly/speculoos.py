"""Speculoos Power's customers and what each is for, by the fake utility's own statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from meterfarm.console.errors import NotSetUp
from meterfarm.console.fake_owners import Owner, delivered_code
from meterfarm.console.loopback import get_json
from meterfarm.fake_utility.kit.calendar import ZONE
from meterfarm.fake_utility.kit.challenges import TRIES
from meterfarm.fake_utility.kit.customers import CUSTOMERS, QUESTION, Customer, Factor
from meterfarm.fake_utility.kit.numbered import find_customer
from meterfarm.fake_utility.kit.outcomes import OUTCOMES
from meterfarm.fake_utility.running import DidNotStart, FakeUtility
from meterfarm.nightly.speculoos_figures import figures
from meterfarm.nightly.test_cases import CustomerCase, NightlyPortal

_GAPS = {"partial": 1, "layout_changed": 1}
"""What cannot be had: a bill that is a placeholder; the list of bills."""
_LATE = 21
_BEHIND = timedelta(hours=4)
_STRANGER = "nobody@speculoos.example"
_OTHERS = (
    ("ineedmfa+email@bayou.energy", "mfa_failed", Owner.WRONG, "the owner never enters the right code"),
    ("ineedmfa+email@bayou.energy", "complete", Owner.MISTYPES, "the owner mistypes the code once"),
    ("ineedmfa+text_message@bayou.energy", "complete", Owner.RESENDS, "the owner asks for another code"),
)
"""Numbered customers, after the listed ones: the kind, the outcome, what the owner does."""


class Speculoos(NightlyPortal):
    """Speculoos Power, the fake portal."""

    id = "speculoos_power"
    name = "Speculoos Power"
    utility = "speculoos_power"

    @contextmanager
    def running(self, home: Path, *, keeps: bool = False) -> Iterator[str]:
        """Codes are random. Late in its evening its clock is behind, so that its day does not change."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        local = datetime.now(ZONE)
        now = (local - _BEHIND).isoformat() if local.hour >= _LATE else None
        try:
            with FakeUtility(random_codes=True, now=now, home=home, prerender=keeps) as address:
                yield address
        except DidNotStart as exc:
            raise NotSetUp(str(exc)) from exc

    def test_cases(self, number: int = 0) -> Sequence[CustomerCase]:
        """The listed customers, those with an owner of their own way, and one whom nobody knows."""
        found = [_subject(_kin(customer.username, number)) for customer in CUSTOMERS.values()]
        for place, (like, outcome, owner, purpose) in enumerate(_OTHERS, start=1):
            customer = replace(
                _kin(like, 10_000 * place + number), outcome=outcome, then=None, purpose=purpose
            )
            found.append(_subject(customer, owner))
        local, _, domain = _STRANGER.partition("@")
        found.append(_stranger(f"{local}.{number}@{domain}" if number else _STRANGER))
        return found

    def code(self, address: str, username: str, factor: str) -> str:
        """The newest code that the outbox holds for the customer."""
        return delivered_code(address, username, factor)

    def violations(self, address: str, at_once: int, per_second: float) -> Sequence[str]:
        """Requests beyond its limits, and passwords sent again after a rejection."""
        stats = get_json(f"{address}/stats.json")
        found = []
        if stats["peak_concurrent"] > at_once:
            found.append(f"It saw {stats['peak_concurrent']} requests at once; its limit is {at_once}.")
        if stats["peak_per_second"] > per_second:
            found.append(
                f"It saw {stats['peak_per_second']} requests in a second; its limit is {per_second:g}."
            )
        for username, tally in stats["customers"].items():
            if tally["password_rejections"] > 1:
                found.append(f"It refused {username}'s password {tally['password_rejections']} times.")
        return found


def _kin(username: str, number: int) -> Customer:
    local, _, domain = username.partition("@")
    found = find_customer(f"{local}.{number}@{domain}" if number else username)
    if found is None:
        raise ValueError(f"the portal has no customer {username} with number {number}")
    return found


def _subject(customer: Customer, owner: Owner = Owner.RIGHT) -> CustomerCase:
    """What the portal's table says of the customer, and what it asks of them."""
    is_served = OUTCOMES[customer.outcome].who_acts == "nobody" or customer.outcome in _GAPS
    again = (customer.then or customer.outcome) if is_served and not _GAPS.get(customer.outcome) else ""
    return CustomerCase(
        username=customer.username,
        purpose=customer.purpose,
        first=customer.outcome,
        again=again if customer.accounts else "",
        gaps=_GAPS.get(customer.outcome, 0),
        asked=_asked(customer, owner),
        owner=owner,
        traits=_traits(customer, owner),
        once=bool(
            customer.oddities.one_visit or customer.oddities.session_ends_after_bills or customer.totp_secret
        ),
        figures=lambda window: figures(customer, window) if is_served else {},
    )


def _stranger(username: str) -> CustomerCase:
    return CustomerCase(
        username=username,
        purpose="a user name that the portal does not know",
        first="bad_credentials",
        again="",
        gaps=0,
        asked=(),
        owner=Owner.RIGHT,
        traits=frozenset({"bad_credentials"}),
        once=False,
        figures=lambda _: {},
    )


def _asked(customer: Customer, owner: Owner) -> Sequence[str] | None:
    """The portal's questions in order; None where their number is not the portal's to say."""
    if customer.oddities.codes_expire_at_once:
        return None
    asked: list[str] = []
    for factors in customer.challenges:
        if len(factors) > 1:
            asked.append("choice: " + ", ".join(_named(customer, factor) for factor in factors))
        tries = {Owner.WRONG: (3, 2, 1), Owner.MISTYPES: (3, 2), Owner.RESENDS: (3, 3)}.get(owner, (TRIES,))
        asked += [f"{_named(customer, factors[0])}; {left} tries" for left in tries]
    return asked


def _named(customer: Customer, factor: Factor) -> str:
    if factor == "question":
        return f"question: {QUESTION}"
    return f"{factor} {customer.destination(factor)}".strip()


def _traits(customer: Customer, owner: Owner) -> frozenset[str]:
    traits = {customer.outcome, customer.then or "", *customer.factors, owner.value}
    traits |= {f"{len(customer.challenges)} challenges", f"{len(customer.accounts)} accounts"}
    traits |= {"choice" for factors in customer.challenges if len(factors) > 1}
    for account in customer.accounts:
        traits |= {"+".join(meter.commodity for meter in account.meters)}
        traits |= {direction for meter in account.meters for direction in meter.directions}
        traits |= {"community solar"} if account.community_solar else set()
    if customer.oddities.session_ends_after_bills:
        traits.add("session ends")
    return frozenset(filter(None, traits))
