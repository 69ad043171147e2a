"""The portals of the nightly's matrix: all fake ones, with their customers as each itself states them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from meterfarm.console.doctor.loopback import get_json, post_json
from meterfarm.console.errors import NotSetUp
from meterfarm.console.farm.fake_owners import Owner, delivered_code
from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.kit.calendar import ZONE
from meterfarm.fake_utility.kit.challenges import TRIES
from meterfarm.fake_utility.kit.customers import Customer, Factor
from meterfarm.fake_utility.kit.figures import AccountFigures, SeriesFigures
from meterfarm.fake_utility.kit.outcomes import OUTCOMES
from meterfarm.fake_utility.kit.portal import FakePortal
from meterfarm.fake_utility.kit.quirks import Quirk, bent
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.fake_utility.running import DidNotStart, FakeUtility
from meterfarm.nightly.digest import Digest
from meterfarm.nightly.test_cases import CustomerCase, Tree, Window

_LATE = 21
_BEHIND = timedelta(hours=4)
_OTHERS: Sequence[tuple[Sequence[Factor], str, Owner, str]] = (
    (("email", "totp"), "mfa_failed", Owner.WRONG, "the owner never enters the right code"),
    (("email", "totp"), "complete", Owner.MISTYPES, "the owner mistypes the code once"),
    (("sms",), "complete", Owner.RESENDS, "the owner asks for another code"),
)
"""Numbered customers, after the listed ones: what they are asked, the first of these that anybody is; the
outcome; what the owner does."""


def portal_day() -> date:
    """The day that it is in the portals' time zone."""
    return datetime.now(ZONE).date()


class NightlyPortal:
    """A fake portal. ``id`` names it in the matrix, ``utility`` its script. ``today`` gives its day."""

    def __init__(self, fake: FakePortal, today: Callable[[], date] = portal_day) -> None:
        self.id = fake.id
        self.name = fake.name
        self.utility = fake.id
        self._fake = fake
        self.today = today

    def test_cases(self, number: int = 0) -> Sequence[CustomerCase]:
        """The listed customers, those with an owner of their own way, and one whom nobody knows.

        With a number other ones of the same kinds, so that nobody meets anybody.
        """
        listed = self._fake.book.listed.values()
        found = [self._test_case(self._kin(customer.username, number)) for customer in listed]
        for place, (factors, outcome, owner, purpose) in enumerate(_OTHERS, start=1):
            able = (case for one in factors for case in listed if _is_asked_only_for(one, case))
            like = next(able, None)
            if like is not None:
                kin = self._kin(like.username, 10_000 * place + number)
                customer = replace(kin, outcome=outcome, then=None, purpose=purpose)
                found.append(self._test_case(customer, owner))
        local, _, domain = self._fake.stranger.partition("@")
        found.append(_stranger(f"{local}.{number}@{domain}" if number else self._fake.stranger))
        return found

    @property
    def quirks(self) -> Sequence[Quirk]:
        """Those that the portal can have."""
        return self._fake.quirks

    def customer(
        self, quirks: Sequence[Quirk], number: int, since: Mapping[str, date] | None = None
    ) -> Customer:
        """A customer to whom these quirks happen; of several at most one ends a visit.

        ``since`` has the day from which some are on, by their names.
        """
        local = next((quirk.customer for quirk in quirks if quirk.customer), "")
        listed = self._fake.book.listed.values()
        like = next(one for one in listed if one.username.partition("@")[0] == local or not local)
        ends = next((quirk for quirk in quirks if quirk.outcome != "complete" or quirk.then), None)
        return replace(
            bent(
                self._kin(like.username, number),
                self._fake.quirks,
                {quirk.name for quirk in quirks},
                since,
            ),
            purpose=" and ".join(quirk.name for quirk in quirks) or "no quirk",
            outcome=ends.outcome if ends else "complete",
            then=ends.then or None if ends else None,
            gaps=sum(quirk.gaps for quirk in quirks),
        )

    def quirk_case(
        self, quirks: Sequence[Quirk], number: int, since: Mapping[str, date] | None = None
    ) -> CustomerCase:
        """That customer, and what a visit must come to."""
        customer = self.customer(quirks, number, since)
        case = self._test_case(customer)
        if customer.then is None:
            return case
        return replace(case, again=customer.then, figures=lambda window: self._figures(customer, window))

    def switch(self, address: str, username: str, quirks: Sequence[str], *, signs_out: bool = False) -> None:
        """Have these happen to the customer and no others; ``signs_out``: their sessions end, too.

        ``address`` is that of the portal's control pages. Raises OSError.
        """
        post_json(f"{address}/quirks", {"quirks": list(quirks), "username": username})
        if signs_out:
            post_json(f"{address}/breaks", {"username": username, "end_sessions": True})

    def code(self, address: str, username: str, factor: str) -> str:
        """What the customer reads on their phone, in their mailbox or on their authenticator now.

        ``address`` is that of the portal's control pages.
        """
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

    def _kin(self, username: str, number: int) -> Customer:
        local, _, domain = username.partition("@")
        found: Customer | None = self._fake.book.find(f"{local}.{number}@{domain}" if number else username)
        if found is None:
            raise ValueError(f"the portal has no customer {username} with number {number}")
        return found

    def _test_case(self, customer: Customer, owner: Owner = Owner.RIGHT) -> CustomerCase:
        """What the portal's table says of the customer, and what it asks of them."""
        is_served = OUTCOMES[customer.outcome].who_acts == "nobody" or customer.gaps > 0
        again = (customer.then or customer.outcome) if is_served and not customer.gaps else ""
        return CustomerCase(
            username=customer.username,
            purpose=customer.purpose,
            first=customer.outcome,
            again=again if customer.accounts else "",
            gaps=customer.gaps,
            asked=self._asked(customer, owner),
            owner=owner,
            traits=_traits(customer, owner),
            once=bool(
                customer.oddities.one_visit
                or customer.oddities.session_ends_after_bills
                or customer.totp_secret
            ),
            figures=lambda window: self._figures(customer, window) if is_served else {},
        )

    def _figures(self, customer: Customer, window: Window) -> Tree:
        """By account number; as of the portal's day, which is that of its time zone."""
        accounts = self._fake.figures(customer, self.today())
        return {account.number: _account(account, window) for account in accounts}

    def _asked(self, customer: Customer, owner: Owner) -> Sequence[str] | None:
        """The portal's questions in order; None where their number is not the portal's to say."""
        if customer.oddities.codes_expire_at_once or (
            customer.outcome == "mfa_failed" and owner is Owner.RIGHT
        ):
            return None
        asked: list[str] = []
        for factors in customer.challenges:
            if len(factors) > 1:
                asked.append("choice: " + ", ".join(_named(customer, factor) for factor in factors))
            tries = {Owner.WRONG: (3, 2, 1), Owner.MISTYPES: (3, 2), Owner.RESENDS: (3, 3)}
            for left in tries.get(owner, (TRIES,)):
                asked.append(
                    _named(customer, factors[0]) + (f"; {left} tries" if self._fake.says_tries else "")
                )
        return asked


def nightly_portals(day: date) -> Sequence[NightlyPortal]:
    """Every fake portal, for a run that begins on this day of theirs: it stays so, however late it gets."""
    return [NightlyPortal(fake, lambda: day) for fake in fake_portals()]


@contextmanager
def portals_running(home: Path, *, keeps: bool = False) -> Iterator[Addresses]:
    """All fake portals while a ``with`` block lasts, with random codes; ``home`` is for their state.

    With ``keeps`` they do not make again what they were asked for before. Late in the evening the clock is
    behind, so that their day does not change. Those that do not start are among the ``broken`` ones.

    Raises:
        NotSetUp: they do not start.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    local = datetime.now(ZONE)
    now = (local - _BEHIND).isoformat() if local.hour >= _LATE else None
    try:
        with FakeUtility(random_codes=True, now=now, home=home, prerender=keeps, partly=True) as addresses:
            yield addresses
    except DidNotStart as exc:
        raise NotSetUp(str(exc)) from exc


def _is_asked_only_for(factor: Factor, customer: Customer) -> bool:
    return customer.challenges == ((factor,),) and customer.outcome == "complete"


def _stranger(username: str) -> CustomerCase:
    return CustomerCase(
        username=username,
        purpose="a user name that the portal does not know",
        first="bad_credentials",
        again="",
        gaps=0,
        asked=None,
        owner=Owner.RIGHT,
        traits=frozenset({"bad_credentials"}),
        once=False,
        figures=lambda _: {},
    )


def _account(account: AccountFigures, window: Window) -> Tree:
    return {
        **account.facts,
        "bills": {
            bill.key: bill.figures
            for bill in account.bills
            if window.bills_from is None or bill.billed_on >= window.bills_from
        },
        "readings": {
            f"{series.meter} {series.direction}": _digest(series, window) for series in account.series
        },
    }


def _digest(series: SeriesFigures, window: Window) -> Tree:
    first, last = series.days
    first = max(first, window.readings_from) if window.readings_from else first
    digest = Digest()
    for start, seconds, value, estimated in series.readings(first, last):
        digest.add(start, seconds, value, estimated=estimated)
    return digest.tree


def _named(customer: Customer, factor: Factor) -> str:
    if factor == "question" and customer.question:
        return f"question: {customer.question.text}"
    return f"{factor} {customer.destination(factor)}".strip()


def _traits(customer: Customer, owner: Owner) -> frozenset[str]:
    traits = {customer.outcome, customer.then or "", *customer.factors, owner.value}
    traits |= {f"{len(customer.challenges)} challenges", f"{len(customer.accounts)} accounts"}
    traits |= {"choice" for factors in customer.challenges if len(factors) > 1}
    for account in customer.accounts:
        traits |= {"+".join(meter.commodity for meter in account.meters)}
        traits |= {direction for meter in account.meters for direction in meter.directions}
        traits |= {"community solar"} if account.community_solar else set()
        traits |= {"closed account"} if account.closed else set()
    if customer.oddities.session_ends_after_bills:
        traits.add("session ends")
    return frozenset(filter(None, traits))
