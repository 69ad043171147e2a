"""A portal whose script met an unknown page keeps every page in its traces for a while."""

from __future__ import annotations

import pytest

from meterfarm.farm.policy import TracePolicy
from meterfarm.records import Outcome


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN_PAGE, Outcome.LAYOUT_CHANGED])
def test_the_next_twenty_visits_with_a_browser_keep_every_page(outcome: Outcome) -> None:
    policy = TracePolicy()
    assert not policy.keeps_snapshots("a")
    policy.record("a", outcome, 1)
    policy.record("a", Outcome.COMPLETE, 0)
    for _ in range(20):
        assert policy.keeps_snapshots("a")
        policy.record("a", Outcome.COMPLETE, 1)
    assert not policy.keeps_snapshots("a")
    policy.record("a", Outcome.COMPLETE, 1)
    policy.record("a", outcome, 1)
    assert policy.keeps_snapshots("a")


def test_other_portals_and_other_outcomes_change_nothing() -> None:
    policy = TracePolicy()
    for outcome in set(Outcome) - {Outcome.UNKNOWN_PAGE, Outcome.LAYOUT_CHANGED}:
        policy.record("a", outcome, 1)
    policy.record("b", Outcome.UNKNOWN_PAGE, 1)
    assert not policy.keeps_snapshots("a")
