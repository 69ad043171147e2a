"""Con Edison by the library opower, unchanged, against a stand-in of the portal under its own host names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pyotp
import pytest

from meterfarm.fake_utility._opower.customers import TOTP_SECRET
from meterfarm.fake_utility.kit.faults import Faults
from meterfarm.fake_utility.registry import stand_ins
from meterfarm.mfa.port import Answer, Code, Nobody
from meterfarm.records import Challenge, Direction, Factor, Measure, Outcome, Unit
from meterfarm.scrapers.http import library
from meterfarm.scrapers.http.body import LIST
from meterfarm.scrapers.page.sending import InDoubt
from meterfarm.scrapers.runs.authenticator import SessionUse
from tests.utilities.opower.visiting import Visited, day_of, visited


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    with visited(stand_ins(["con_edison"])[0], tmp_path_factory.mktemp("con_edison")) as found:
        yield found


async def test_a_year_of_quarter_hours_comes_home(there: Visited) -> None:
    """Over days of 92 and 100 quarter-hours, each as the portal has it, without a page."""
    result = await there.run("iamvalid")
    assert (result.outcome, result.pages) == (Outcome.COMPLETE, 0), result.message
    stored = there.stored("iamvalid", Direction.DELIVERED)
    assert stored == there.published("iamvalid", "delivered")
    lengths = Counter(Counter(day_of(start, there.utility) for start in stored).values())
    assert set(lengths) == {92, 96, 100}
    costs = there.stored("iamvalid", Direction.DELIVERED, Measure.COST)
    assert {start: round(value * 23.45) for start, value in stored.items() if value} == costs


async def test_an_authenticators_code_is_asked_for_once_and_the_device_is_known(there: Visited) -> None:
    """The stored secret answers; the next visit sends the password, and no code."""
    first = await there.run("totp", totp=TOTP_SECRET)
    assert first.outcome is Outcome.COMPLETE, first.message
    again = await there.run("totp")
    assert again.outcome is Outcome.COMPLETE, again.message
    assert again.session is SessionUse.NEW
    tally = there.at.state.counters.of(there.username("totp"))
    assert (tally.password_attempts, tally.code_attempts) == (2, 1)


async def test_without_its_secret_a_code_is_mfa_required(there: Visited) -> None:
    """Nobody is blamed for a password, and the password was taken."""
    result = await there.run("totp.2")
    assert result.outcome is Outcome.MFA_REQUIRED
    assert "authenticator" in result.message
    assert result.in_doubt is InDoubt.NO


async def test_a_code_that_is_not_taken_is_asked_for_again(there: Visited) -> None:
    """By whoever answers; the library learns of the right one alone."""
    found = there.at.portal.book.find(there.username("totp.3"))
    assert found is not None
    secret = found.totp_secret
    said: list[str] = []

    class Mistaken(Nobody):
        def can_answer(self, factor: Factor) -> bool:
            return True

        async def answer(self, challenge: Challenge) -> Answer:
            said.append(challenge.error)
            return Code("000000" if len(said) == 1 else pyotp.TOTP(secret).now())

    result = await there.run("totp.3", person=Mistaken())
    assert result.outcome is Outcome.COMPLETE, result.message
    assert said == ["", "That code was not taken."]


async def test_a_wrong_password_is_sent_once(there: Visited) -> None:
    """It is the portal's own answer; the same password does not go out again."""
    for _ in range(2):
        result = await there.run("nobody", password="wrong once")
        assert result.outcome is Outcome.BAD_CREDENTIALS
    assert there.at.state.counters.of(there.username("nobody")).password_attempts == 1


ENDS = (
    *("portal_down", "maintenance", "rate_limited", "blocked", "unknown_page", "layout_changed"),
    *("no_accounts", "no_data_yet"),
)


@pytest.mark.parametrize("local", ENDS)
async def test_a_visit_ends_as_the_portal_has_it(there: Visited, local: str) -> None:
    """No answer but one about the password is held against that."""
    result = await there.run(local)
    expected = there.at.portal.book.listed[there.username(local)].outcome
    assert result.outcome.value == expected, result.message


async def test_both_directions_of_a_solar_roof_come_home(there: Visited) -> None:
    result = await there.run("solar")
    assert result.outcome is Outcome.COMPLETE, result.message
    for direction in (Direction.DELIVERED, Direction.RECEIVED):
        assert there.stored("solar", direction) == there.published("solar", direction.value)


@pytest.mark.parametrize("local", ["some-costs", "no-costs", "usage-only"])
async def test_a_cost_that_is_not_there_is_none(there: Visited, local: str) -> None:
    """It is not taken for a cost of nothing."""
    result = await there.run(local)
    assert result.outcome is Outcome.COMPLETE, result.message
    stored = there.stored(local, Direction.DELIVERED)
    assert stored == there.published(local, "delivered")
    costs = there.stored(local, Direction.DELIVERED, Measure.COST)
    lacking = {start for start in stored if start not in costs}
    expected = {start for start in stored if local != "some-costs" or start // 900 % 4 == 0}
    assert lacking == expected


async def test_days_of_which_there_is_nothing_end_no_history(there: Visited) -> None:
    """What is before them comes home, and every day is accounted for."""
    result = await there.run("gap")
    assert there.stored("gap", Direction.DELIVERED) == there.published("gap", "delivered")
    assert result.outcome is Outcome.PARTIAL, result.message
    assert any("are lacking" in item.reason for item in result.ledger)


async def test_gas_is_in_the_unit_that_the_portal_names(there: Visited) -> None:
    result = await there.run("gas")
    assert result.outcome is Outcome.COMPLETE, result.message
    customer = there.store.customers.ensure("con_edison", there.username("gas"))
    (kept,) = there.store.accounts.list(customer)
    series = [one for meter in kept.account.meters for one in there.store.readings.series(kept.id, meter.id)]
    assert {one.unit for one in series if one.measure is Measure.ENERGY} == {Unit.WH, Unit.THERM}


async def test_an_answer_that_hangs_is_given_up(there: Visited, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password went out, and it stays open what the portal thinks of it."""
    monkeypatch.setattr(library, "LIST", replace(LIST, seconds=0.3))
    there.at.state.switch.on = Faults(slow_seconds=30, slow_paths=("/User/0/Login",))
    try:
        result = await there.run("iamvalid.7")
    finally:
        there.at.state.switch.on = Faults()
    assert (result.outcome, result.in_doubt) == (Outcome.PORTAL_DOWN, InDoubt.SENT), result.message
