"""ComEd by the library opower, unchanged, against a stand-in of the portal under its own host names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meterfarm.fake_utility.registry import stand_ins
from meterfarm.mfa.port import Answer, Choice, Code, Nobody
from meterfarm.records import Challenge, Direction, Factor, Outcome
from meterfarm.scrapers.runs.authenticator import SessionUse
from tests.utilities.opower.visiting import Visited, visited


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    with visited(stand_ins(["commonwealth_edison"])[0], tmp_path_factory.mktemp("comed")) as found:
        yield found


class Owner(Nobody):
    """Chooses a way, and types what came by it; with ``mistakes``, first what did not."""

    def __init__(self, there: Visited, local: str, factor: Factor, mistakes: int = 0) -> None:
        self._there = there
        self._username = there.username(local)
        self._factor = factor
        self._mistakes = mistakes
        self.asked: list[Challenge] = []

    def can_answer(self, factor: Factor) -> bool:
        return True

    async def answer(self, challenge: Challenge) -> Answer:
        self.asked.append(challenge)
        if challenge.options:
            return Choice(next(one for one in challenge.options if one.factor is self._factor))
        if self._mistakes:
            self._mistakes -= 1
            return Code("000000")
        return Code(self._there.at.state.outbox.to(self._username)[-1].code)


@pytest.mark.parametrize("factor", [Factor.SMS, Factor.EMAIL])
async def test_a_code_is_chosen_and_typed_and_then_the_session_is_reused(
    there: Visited, factor: Factor
) -> None:
    """The next visit sends neither a password nor a code."""
    local = f"some-costs.{1 + (factor is Factor.SMS)}"
    owner = Owner(there, local, factor)
    first = await there.run(local, person=owner)
    assert first.outcome is Outcome.COMPLETE, first.message
    assert [challenge.factor for challenge in owner.asked] == [None, factor]
    assert there.at.state.outbox.to(there.username(local))[-1].kind == factor.value
    again = await there.run(local)
    assert (again.outcome, again.session) == (Outcome.COMPLETE, SessionUse.REUSED), again.message
    tally = there.at.state.counters.of(there.username(local))
    assert (tally.password_attempts, tally.codes_sent) == (1, 1)
    assert there.stored(local, Direction.DELIVERED) == there.published(local, "delivered")


async def test_what_was_saved_is_refused_and_nobody_is_there(there: Visited) -> None:
    """The password goes out again, and no code is sent that nobody could type."""
    assert (
        await there.run("usage-only", person=Owner(there, "usage-only", Factor.SMS))
    ).outcome is Outcome.COMPLETE
    username = there.username("usage-only")
    there.at.state.break_login(username)
    await there.run("usage-only")
    there.at.state.mend_login(username)
    sent = there.at.state.counters.of(username).codes_sent
    assert sent == 1


async def test_a_wrong_code_is_asked_for_again_in_the_portals_words(there: Visited) -> None:
    owner = Owner(there, "no-costs", Factor.SMS, mistakes=1)
    result = await there.run("no-costs", person=owner)
    assert result.outcome is Outcome.COMPLETE, result.message
    assert [challenge.error for challenge in owner.asked] == [
        "",
        "",
        "That code is incorrect. Please try again.",
    ]


async def test_nobody_there_is_sent_no_code(there: Visited) -> None:
    result = await there.run("solar")
    assert result.outcome is Outcome.MFA_REQUIRED, result.message
    assert there.at.state.counters.of(there.username("solar")).codes_sent == 0


async def test_a_wrong_password_is_sent_once(there: Visited) -> None:
    for _ in range(2):
        result = await there.run("nobody", password="wrong once")
        assert result.outcome is Outcome.BAD_CREDENTIALS, result.message
        assert "The email or password you entered is incorrect" in result.message
    assert there.at.state.counters.of(there.username("nobody")).password_attempts == 1


ENDS = ("account_locked", "portal_down", "maintenance", "rate_limited", "blocked", "unknown_page")


@pytest.mark.parametrize("local", ENDS)
async def test_a_visit_ends_as_the_portal_has_it(there: Visited, local: str) -> None:
    result = await there.run(local)
    expected = there.at.portal.book.listed[there.username(local)].outcome
    assert result.outcome.value == expected, result.message
