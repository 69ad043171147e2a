"""A portal whose script met an unknown page is looked at closely for a while."""

from __future__ import annotations

import pytest

from meterfarm.farm.policy import Suspicion
from meterfarm.records import Outcome


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN_PAGE, Outcome.LAYOUT_CHANGED])
def test_the_next_twenty_visits_with_a_browser_are_looked_at_closely(outcome: Outcome) -> None:
    suspicion = Suspicion()
    assert not suspicion.of("a")
    suspicion.learn("a", outcome, 1)
    suspicion.learn("a", Outcome.COMPLETE, 0)
    for _ in range(20):
        assert suspicion.of("a")
        suspicion.learn("a", Outcome.COMPLETE, 1)
    assert not suspicion.of("a")
    suspicion.learn("a", Outcome.COMPLETE, 1)
    suspicion.learn("a", outcome, 1)
    assert suspicion.of("a")


def test_other_portals_and_other_outcomes_are_not_suspected() -> None:
    suspicion = Suspicion()
    for outcome in set(Outcome) - {Outcome.UNKNOWN_PAGE, Outcome.LAYOUT_CHANGED}:
        suspicion.learn("a", outcome, 1)
    suspicion.learn("b", Outcome.UNKNOWN_PAGE, 1)
    assert not suspicion.of("a")
