"""A visit to a portal that has drifted, by the real command."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from meterfarm.console.farm.fake_owners import Owner
from meterfarm.fake_utility.addresses import Addresses
from meterfarm.fake_utility.kit.drift import Drift
from meterfarm.fake_utility.registry import fake_portal
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.test_cases import CustomerCase
from meterfarm.records import Outcome
from tests import asking
from tests.scrape.quirked import Quirked, Visitor

NAMED = re.compile(r"“.+”|\bat /\w+")
"""Words of a page, or a place in JSON."""
WITH_THE_CODE = {"pepernoot_coop"}
"""Portals whose form sends the password once more with a code."""
CHANGED = {Outcome.LAYOUT_CHANGED, Outcome.UNKNOWN_PAGE}


@dataclass(frozen=True)
class Drifted:
    """A portal after a drift; each has a customer of its own."""

    portal: NightlyPortal
    drift: Drift

    def __str__(self) -> str:
        return f"{self.portal.id}-{self.drift.strength}-{self.drift.seed}"

    @property
    def quirked(self) -> Quirked:
        return Quirked(self.portal, [], 2_000 + self.drift.seed)

    @property
    def case(self) -> CustomerCase:
        """Of those whose data comes home, one after another: also those who are asked for a code."""
        every = self.portal.test_cases(2_000 + self.drift.seed)
        home = [case for case in every if case.first == Outcome.COMPLETE and case.owner is Owner.RIGHT]
        return home[self.drift.seed % len(home)]


class DriftVisitor(Visitor):
    """Visits to drifted portals."""

    def __init__(self, at: Addresses, folder: Path) -> None:
        super().__init__(at, folder)
        self._evidence = self._home / "evidence"

    def check_drift(self, one: Drifted) -> None:
        """Mild: all comes home. Severe: we learn that the script needs mending, and of what."""
        self._post(one.quirked, "drift", seed=one.drift.seed)
        if one.drift.strength == "mild":
            portal, case = one.portal, one.case
            self.visit(portal, case, "complete", one.quirked.since, self._secret(one, case.username))
        else:
            self._visit_in_vain(one, one.case.username)

    def _visit_in_vain(self, one: Drifted, username: str) -> None:
        """Twice: as somebody who tries again; each sends the password once at most."""
        before = self._kept()
        for _ in range(2):
            sent = self._passwords(one, username)
            ran = self._scrape(one.portal, username, one.quirked.since, self._secret(one, username))
            summary = ran.summary
            assert summary["outcome"] in CHANGED, (summary["message"], ran.stderr[-3_000:])
            assert summary["who_acts"] == "us"
            assert "Traceback" not in ran.stderr
            ledger = summary["ledger"]
            assert ledger["listed"] == ledger["stored"] + len(ledger["missing"])
            assert self._passwords(one, username) <= sent + 1
        kept = self._kept() - before
        assert kept, "nothing is kept of it"
        for folder in kept:
            *_, last = map(json.loads, (folder / "visit.log").read_text().splitlines())
            assert (last["step"], last["outcome"] in CHANGED) == ("run.stopped", True)
            assert NAMED.search(last["reason"]), f"it names nothing that was looked for: {last['reason']}"

    def _secret(self, one: Drifted, username: str) -> str | None:
        fake = fake_portal(one.portal.utility)
        customer = fake.book.find(username) if fake else None
        return customer.totp_secret if customer else None

    def _passwords(self, one: Drifted, username: str) -> int:
        """How many were sent, but with a code; none for whoever the portal has not heard of."""
        stats = asking.get(f"{self._at.controls[one.portal.id]}/stats.json").raise_for_status().json()
        tally = stats["customers"].get(username, {"password_attempts": 0, "code_attempts": 0})
        with_a_code = tally["code_attempts"] if one.portal.id in WITH_THE_CODE else 0
        return int(tally["password_attempts"] - with_a_code)

    def _kept(self) -> set[Path]:
        return set(self._evidence.iterdir()) if self._evidence.exists() else set()
