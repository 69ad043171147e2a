"""Utilities that a library serves, by the farm, against stand-ins under their companies' own host names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meterfarm.fake_utility._opower.customers import COMED, CONED, TOTP_SECRET
from meterfarm.records import Outcome, SecretKind
from meterfarm.scrapers.runs.authenticator import SessionUse
from tests.fake_portal import fake_portals
from tests.farm.whole import Farm, farm_at

CON_EDISON, COMMONWEALTH_EDISON = "con_edison", "commonwealth_edison"


def _counts(farm: Farm, username: str) -> tuple[int, int, int]:
    """Passwords, codes sent, codes tried."""
    tally = farm.stats()["customers"][username]
    return tally["password_attempts"], tally["codes_sent"], tally["code_attempts"]


@pytest.mark.timeout(120)
def test_they_come_home_and_are_refreshed_as_declared(tmp_path: Path) -> None:
    """A stored secret answers at Con Edison, the owner at ComEd. No browser page is opened.

    At Con Edison each refresh sends the password, so it is due a day later; ComEd's session is reused.
    """
    with (
        fake_portals(tmp_path / "portals", stand_ins=[CON_EDISON, COMMONWEALTH_EDISON]) as at,
        farm_at(
            tmp_path / "home", at.controls[CON_EDISON], CON_EDISON, METERFARM_LOCAL_HOSTS=at.hosts
        ) as farm,
    ):
        comed = replace(farm, utility=COMMONWEALTH_EDISON, url=at.controls[COMMONWEALTH_EDISON])
        by_secret = farm.add(f"totp@{CONED}", **{SecretKind.TOTP_SECRET.value: TOTP_SECRET})
        by_owner = comed.add(f"iamvalid@{COMED}")
        farm.start(1)
        with comed.owners(by_owner.username):
            farm.wait_for_quiet(60)
        assert farm.outcomes([by_secret, by_owner]) == [Outcome.COMPLETE] * 2
        farm.store.runs.refresh([by_secret.id, by_owner.id])
        farm.wait_for_quiet(60)
        runs = [farm.last(by_secret), farm.last(by_owner)]
        assert [run.outcome for run in runs] == [Outcome.COMPLETE] * 2
        assert [run.session for run in runs] == [SessionUse.NEW, SessionUse.REUSED]
        assert {run.pages for run in farm.runs()} == {0}
        assert _counts(farm, by_secret.username) == (3, 0, 1)
        assert _counts(comed, by_owner.username) == (1, 1, 1)
        soon = farm.store.customers.info(by_secret).intervals_due_at
        assert soon is not None
        assert soon > datetime.now(UTC) + timedelta(hours=12)
