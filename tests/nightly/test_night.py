"""Customers through the nightly's own farm: as meant, or told where not; and a script broken on trial."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from meterfarm.fake_utility.running import DidNotStart, FakeUtility
from meterfarm.fake_utility.speculoos_power import PORTAL
from meterfarm.farm.settings import FarmSettings, local_zone
from meterfarm.farm.workers.daily_command import until
from meterfarm.farm.workers.supervisor import workers_zygote
from meterfarm.nightly.breaking import Verdict, break_all
from meterfarm.nightly.evidence import copy_evidence, screenshot
from meterfarm.nightly.history import earlier, keep
from meterfarm.nightly.live import live_portals
from meterfarm.nightly.nightly_run import NightlyRun, remembered
from meterfarm.nightly.portals import NightlyPortal
from meterfarm.nightly.quirk_cases import QuirkCase
from meterfarm.nightly.report import write_report
from meterfarm.nightly.test_cases import CustomerCase, Tree, Window
from meterfarm.nightly.tonight import spend
from meterfarm.nightly.verdicts import verdicts
from meterfarm.support.local_hosts import NOTHING_LOCAL
from meterfarm.utilities import load_utility
from tests.local_site import closed_site
from tests.nightly.made import Few
from tests.utilities.other_package import distribution

GOOD = ("iamvalid@bayou.energy", "ineedmfa+choice@bayou.energy", "no_accounts@speculoos.example")
ODD = (
    "layout_changed@speculoos.example",
    "customer-must-reauthenticate@bayou.energy",
    "partial@speculoos.example",
)
MISSTATED = ("captcha@speculoos.example", "ineedmfa+email@bayou.energy", "gas-only@bayou.energy")


def _misstated(test_case: CustomerCase) -> CustomerCase:
    """As if the portal stated other things: an outcome, a question, a name on an account."""
    if test_case.username not in MISSTATED:
        return test_case
    if test_case.first == "captcha":
        return replace(test_case, first="account_locked")
    if test_case.asked:
        return replace(test_case, asked=["totp; 3 tries"])

    def figures(window: Window) -> Tree:
        stated = test_case.figures(window)
        assert isinstance(stated, Mapping)
        ((number, account),) = stated.items()
        assert isinstance(account, Mapping)
        return {number: {**account, "name": "Somebody Else"}}

    return replace(test_case, figures=figures)


@pytest.mark.timeout(240)
async def test_customers_are_as_their_portal_states_or_told_where_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every account, bill and reading; whoever comes back ends as is meant then.

    What differs is told with what the portal showed. A proxy of the environment's is none for a portal here.
    Portals that do not start are a line of the report.
    """
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("PYTHONPATH", _with_portals_that_do_not_start(tmp_path / "site"))
    told: list[str] = []
    portal = Few(*GOOD, *ODD, *MISSTATED, changed=_misstated)
    nowhere = await asyncio.to_thread(closed_site)
    with workers_zygote() as zygote:
        night = await spend(
            zygote,
            [portal, NightlyPortal(replace(PORTAL, id="starts_not"))],
            tmp_path / "state",
            lambda result: told.append(result.quirks or result.username),
            quirks=_quirks(),
            live=live_portals(FarmSettings(nightly_live=f"speculoos_power={nowhere}"), NOTHING_LOCAL),
        )
    assert [str(verdict) for verdict in verdicts(night)] == ["regression and outage", *["regression"] * 2]
    odd = {result.quirks: (result.outcomes, result.differences) for result in night.quirks}
    assert odd == {
        "mfa-overnight": (["complete", "mfa_required"], ()),
        "fails-first": (["portal_down"], ()),
        "stale-cookies": (["complete", "complete"], ()),
        "confirm-contact + captcha": (["captcha"], ()),
    }
    told = [name for name in told if name not in odd]
    assert sorted(told) == sorted((*GOOD, *ODD, *MISSTATED))
    well = [result for result in night.results if result.username not in MISSTATED]
    assert not [(result.username, result.differences) for result in well if not result.is_well]
    outcomes = {result.username: result.outcomes for result in night.results}
    assert outcomes["iamvalid@bayou.energy"] == ["complete", "complete"]
    assert outcomes["customer-must-reauthenticate@bayou.energy"] == ["complete", "bad_credentials"]
    with pytest.raises(DidNotStart, match="loads_not: RuntimeError: not today"), FakeUtility(home=tmp_path):
        pass  # others than the nightly want all
    present, *missing = night.portals
    assert {one.id: one.missing for one in missing} == {
        "loads_not": "It does not start: RuntimeError: not today",
        "starts_not": "It does not start: OSError: no paper in the printer",
    }
    assert not replace(night, results=well).is_well
    mended = replace(night, results=well, portals=[present])
    assert (mended.is_well, str(verdicts(mended)[0])) == (True, "outage")
    _check_what_differs(night)
    report = tmp_path / "report"
    evidence = copy_evidence(night, report)
    assert screenshot(evidence["speculoos_power/captcha@speculoos.example"])
    write_report(night, (), evidence, report)
    keep([remembered(night)], report)
    assert not earlier(report)[0].is_well
    document = json.loads((report / "nightly.json").read_text())
    as_meant = {row["username"]: row["as_meant"] for row in document["customers"]}
    assert as_meant == {name: name not in MISSTATED for name in told}


def _with_portals_that_do_not_start(folder: Path) -> str:
    """One cannot be loaded, and one fails as it is made."""
    lines = (
        "from dataclasses import replace",
        "from meterfarm.fake_utility.speculoos_power import PORTAL as OTHER",
        "def make(context):",
        "    raise OSError('no paper in the\\nprinter')",
        "PORTAL = replace(OTHER, id='starts_not', make=make)",
    )
    files = {"loads_not.py": "raise RuntimeError('not today')\n", "starts_not.py": "\n".join(lines) + "\n"}
    portals = {"loads_not": "loads_not:PORTAL", "starts_not": "starts_not:PORTAL"}
    distribution(folder, "others", {}, files, portals)
    return str(folder)


def _quirks() -> Sequence[QuirkCase]:
    """Two that befall who was there before, one that lets nobody in at first, and a pair."""
    portal = NightlyPortal(PORTAL)
    known = {quirk.name: quirk for quirk in portal.quirks}
    wanted = (["mfa-overnight"], ["fails-first"], ["stale-cookies"], ["confirm-contact", "captcha"])
    return [
        QuirkCase(portal, [known[name] for name in names], 77_000 + number)
        for number, names in enumerate(wanted)
    ]


def _check_what_differs(night: NightlyRun) -> None:
    told = {result.username: " ".join(result.differences) for result in night.results}
    assert told["captcha@speculoos.example"].startswith(
        "the first visit ended in captcha instead of account_locked"
    )
    assert "instead of totp; 3 tries" in told["ineedmfa+email@bayou.energy"]
    assert "name: Gail Furnace instead of Somebody Else" in told["gas-only@bayou.energy"]


@pytest.mark.timeout(240)
async def test_a_broken_script_is_caught(tmp_path: Path) -> None:
    verdicts: list[Verdict] = []
    broken = await break_all([NightlyPortal(PORTAL)], tmp_path, 2, verdicts.append, control=False)
    assert (broken.caught, broken.left, len(verdicts)) == (2, 0, 2), verdicts
    assert all(verdict.how for verdict in verdicts)


@pytest.mark.parametrize(("at", "hours"), [("03:30", 1.5), ("02:00", 24.0), ("01:59", 24 - 1 / 60)])
def test_the_next_such_time_is_waited_for(at: str, hours: float) -> None:
    now = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    assert until(at, now) == timedelta(hours=hours)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 7), 23), (date(2026, 10, 31), 25)])
def test_that_time_is_by_the_clock_on_the_wall(
    monkeypatch: pytest.MonkeyPatch, day: date, hours: int
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    now = datetime.combine(day, time(3, 30), local_zone())
    assert until("03:30", now) == timedelta(hours=hours)
    for unknown in ("Nowhere/Nothing", "../etc/passwd", "EST5EDT,M3.2.0,M11.1.0"):
        monkeypatch.setenv("TZ", unknown)
        assert datetime.now(local_zone()).utcoffset() is not None


def test_a_night_stays_on_the_day_on_which_it_began() -> None:
    """Compared is with the portals' data of that day, also by who looks after midnight."""
    from meterfarm.nightly.portals import nightly_portals

    day = date(2026, 11, 30)
    began, later = (nightly_portals(day + timedelta(days=more)) for more in (0, 1))
    for portal, next_day in zip(began, later, strict=True):
        known = {case.username: case for case in next_day.test_cases()}
        case = next(case for case in portal.test_cases() if case.figures(Window()))
        assert portal.today() == day
        assert case.figures(Window()) != known[case.username].figures(Window())


def test_every_portal_of_the_matrix_has_a_script() -> None:
    """And each customer of its states an outcome of our vocabulary, by a name of its own.

    All are there but what the portal cannot have: a code that it does not send does not expire, and not all
    make exports over hours.
    """
    from meterfarm.nightly.portals import nightly_portals, portal_day
    from meterfarm.records import Outcome

    of_the_farm = {Outcome.MFA_REQUIRED, Outcome.NOT_CONFIGURED, Outcome.INTERNAL}
    anywhere: set[Outcome] = set()
    for portal in nightly_portals(portal_day()):
        assert load_utility(portal.utility).id == portal.utility
        test_cases = portal.test_cases()
        assert len({test_case.username for test_case in test_cases}) == len(test_cases)
        stated = {Outcome(test_case.first) for test_case in test_cases}
        sends_codes = any({"email", "sms"} & test_case.traits for test_case in test_cases)
        cannot = {Outcome.PENDING} if sends_codes else {Outcome.PENDING, Outcome.MFA_EXPIRED}
        assert set(Outcome) - stated <= of_the_farm | cannot
        anywhere |= stated
    assert set(Outcome) - anywhere == of_the_farm
