"""Which portals `bench farm` can measure."""

from __future__ import annotations

import pytest

from meterfarm.bench.farm import bench
from meterfarm.bench.journeys import journey_ids, load_journey
from meterfarm.console.errors import UsageError
from meterfarm.fake_utility.registry import fake_portal


@pytest.mark.parametrize("utility_id", journey_ids())
def test_a_journeys_customers_are_there_and_need_no_code(utility_id: str) -> None:
    journey, portal = load_journey(utility_id), fake_portal(utility_id)
    assert portal is not None
    customer = portal.book.find(journey.username(17))
    assert customer is not None
    assert (journey.utility, len(customer.accounts), customer.challenges) == (utility_id, 1, ())
    assert len(customer.accounts[0].meters) == len(journey.minutes)


async def test_a_portal_without_a_journey_is_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"^“pepernoot_coop” cannot be measured: .* choose .*\.$"):
        await bench("pepernoot_coop", 1)
