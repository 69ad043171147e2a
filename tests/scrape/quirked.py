"""A customer to whom quirks happen, by the real command: what each visit comes to, against the portal's
own account.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.kit.quirks import Quirk
from meterfarm.fake_utility.registry import fake_portals
from meterfarm.nightly import quirk_cases
from meterfarm.nightly.compare import differences
from meterfarm.nightly.home import came_home
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.quirk_cases import QuirkCase
from meterfarm.nightly.test_cases import CustomerCase, Window
from meterfarm.records import Outcome
from meterfarm.storage.settings import Settings
from meterfarm.storage.store import Store
from tests import asking
from tests.scrape.command import Ran, scrape
from tests.scrape.portal import Portal
from tests.storage.ready_home import ready_home

NOW = "2026-11-21T09:00"
TODAY = date(2026, 11, 21)
SINCE = date(2026, 10, 1)
SPRING = date(2026, 3, 1)
SUMMER = date(2026, 7, 1)
SISTER = "suikerwafel_energy"
"""By its brand alone another portal than its sister."""
PORTALS = [NightlyPortal(fake, lambda: TODAY) for fake in fake_portals()]


class Quirked(QuirkCase):
    """What happens to a customer at a portal, seen from some day on."""

    @property
    def since(self) -> date:
        """How far back a visit goes: into spring, if it is about its clocks; to where late bills end."""
        if any(quirk.name == "clock-change" and not quirk.always for quirk in self.quirks):
            return SPRING
        return SUMMER if any(quirk.name == "late-bills" for quirk in self.quirks) else SINCE


def alone() -> list[Quirked]:
    """Every quirk at every portal that has it; at one of two sisters."""
    portals = [portal for portal in PORTALS if portal.id != SISTER]
    return [Quirked(one.portal, one.quirks, one.number) for one in quirk_cases.alone(portals)]


def pairs(seed: int, count: int) -> list[Quirked]:
    """So many pairs, of those that can happen to one customer."""
    return [Quirked(one.portal, one.quirks, one.number) for one in quirk_cases.pairs(PORTALS, seed, count)]


class Visitor:
    """Visits for cases, each of a customer of its own; portals and state directory are shared."""

    def __init__(self, at: Addresses, folder: Path) -> None:
        self._at = at
        self._home, self._out = folder / "home", folder / "out"
        ready_home(self._home)

    def check(self, one: Quirked) -> None:
        """Two visits, and what each has come to. What changes for a customer does so when they have gone."""
        case, before = one.case, [quirk for quirk in one.quirks if not quirk.is_change]
        self._switch(one, before)
        if len(before) < len(one.quirks):
            self._visit(one, one.portal.quirk_case(before, one.number), "complete")
            self._switch(one, one.quirks)
            self._post(one, "breaks", username=case.username, end_sessions=True)
            self._visit(one, case, case.first)
        else:
            self._visit(one, case, case.first)
            if case.again:
                self._visit(one, case, case.again)
        self._switch(one, [])

    def _switch(self, one: Quirked, quirks: Sequence[Quirk]) -> None:
        """Have these on: for the customer, and for everybody what is met before anybody is known."""
        early = [quirk.name for quirk in quirks if quirk.is_before_sign_in]
        others = [quirk.name for quirk in quirks if not quirk.is_before_sign_in]
        self._post(one, "quirks", quirks=early)
        self._post(one, "quirks", quirks=others, username=one.case.username)

    def _post(self, one: Quirked, page: str, **asked: object) -> None:
        asking.post(f"{self._at.controls[one.portal.id]}/{page}", json=asked).raise_for_status()

    def _visit(self, one: Quirked, case: CustomerCase, meant: str) -> None:
        secret = one.portal.customer(one.quirks, one.number).totp_secret
        self.visit(one.portal, case, meant, one.since, secret)

    def visit(
        self, portal: NightlyPortal, case: CustomerCase, meant: str, since: date, totp_secret: str | None
    ) -> None:
        """One visit, which must come to ``meant`` with the data there is."""
        ran = self._scrape(portal, case.username, since, totp_secret if meant != Outcome.MFA_REQUIRED else "")
        summary = ran.summary
        assert summary["outcome"] == meant, (summary["message"], ran.stderr[-3_000:])
        assert summary["who_acts"] == Outcome(meant).who_acts
        assert "Traceback" not in ran.stderr
        ledger = summary["ledger"]
        assert ledger["listed"] == ledger["stored"] + len(ledger["missing"]) + len(ledger["pending"])
        tally = self.tally(portal, case.username)
        assert tally.get("password_rejections", 0) <= 1
        if Outcome(meant).who_acts in ("customer", "portal"):
            return
        assert len(ledger["missing"]) == case.gaps, ledger["missing"]
        figures: Any = case.figures(Window(since, since))
        with Store.open(Settings(home=self._home)).of() as store:
            home = came_home(store, store.customers.ensure(portal.utility, case.username))
        assert differences(figures, home) == []
        assert tally["documents"]["bills"] >= sum(len(account["bills"]) for account in figures.values())

    def _scrape(self, portal: NightlyPortal, username: str, since: date, totp_secret: str | None) -> Ran:
        """By somebody who answers, with an authenticator's secret where there is one, or ("") by nobody."""
        at = self._at
        return scrape(
            self._home,
            self._out,
            username,
            *(("--base-url", at.http[portal.id]) if portal.id in at.http else ()),
            *("--since", str(since)),
            *(("--totp-secret-stdin",) if totp_secret else ()),
            secrets=(totp_secret,) if totp_secret else (),
            answer=Portal(at.controls[portal.id]).owner(username) if totp_secret != "" else None,
            utility=portal.utility,
            METERFARM_LOG="info",
            METERFARM_LOCAL_HOSTS=at.hosts,
        )

    def tally(self, portal: NightlyPortal, username: str) -> Any:
        """The portal's counters for a customer; empty if it never heard of them."""
        stats = asking.get(f"{self._at.controls[portal.id]}/stats.json").raise_for_status().json()
        return stats["customers"].get(username, {})
